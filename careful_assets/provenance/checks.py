"""A stage's checks as one Dagster op: verdicts to the UI and, first, to the ledger."""

from collections.abc import Iterator

import dagster as dg

from careful_assets.card.reader import LoadedCard
from careful_assets.provenance.assets import refusals_shown
from careful_assets.provenance.lineage.runs import ChecksRun, Launch
from careful_assets.provenance.lineage.shown import lineage_shown
from careful_assets.provenance.metadata import metadata_value
from careful_assets.provenance.stage import StageContext, judge_stage
from careful_assets.provenance.verdicts import LETTERS, Check, Requirements, Verdict


def stage_checks(
    stage: str, checks: tuple[Check, ...], loaded: LoadedCard, requirements: Requirements
) -> dg.AssetChecksDefinition:
    """All checks of `[dataset, stage]` in one op; those of severity `error` block what is downstream.

    Each can also be run by itself, as a person may do from the UI: its verdict goes to the ledger like any other.
    """
    key = dg.AssetKey([loaded.card.name, stage])
    specs = [
        dg.AssetCheckSpec(
            check.name,
            asset=key,
            blocking=check.severity == "error",
            description=f"{check.question}\n\n{_answers(check)}",
            metadata={"letters": check.letters, "version": check.version},
        )
        for check in checks
    ]

    # Without `can_subset` the UI offers no way to run a check again but to materialize the asset.
    @dg.multi_asset_check(
        name=f"{loaded.card.name}__{stage}__checks", specs=specs, required_resource_keys={"home"}, can_subset=True
    )
    def _checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = {selected.name for selected in context.selected_asset_check_keys}
        wanted = tuple(check for check in checks if check.name in selected)
        stage_context = StageContext(
            loaded,
            context.resources.home.home(),
            context.run.run_id,
            requirements,
            context.log.info,
        )
        launch = Launch(
            context.run.job_name,
            context.op_execution_context.retry_number,
            context.log.warning,
            made_at_attempt=_attempts_before(context, f"{loaded.card.name}__{stage}"),
        )
        told = ChecksRun(stage_context, stage, f"The checks of {loaded.card.name}/{stage}.", launch)
        told.started()
        with refusals_shown(told):
            verdicts = judge_stage(stage_context, stage, wanted)
        told.completed(verdicts)
        lineage_shown(stage_context, stage, context.log.warning)  # the file tells the verdicts, too
        for check, verdict in verdicts:
            yield _result(key, check, verdict)

    return _checks


def _attempts_before(context: dg.AssetCheckExecutionContext, step: str) -> int:
    """How often Dagster has started a step of this run again."""
    restarts = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.STEP_RESTARTED)
    return sum(entry.dagster_event is not None and entry.dagster_event.step_key == step for entry in restarts)


def _result(key: dg.AssetKey, check: Check, verdict: Verdict) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if check.severity == "error" else dg.AssetCheckSeverity.WARN
    # The version as a text: the UI draws a curve of every number.
    shown = {"answers": _answers(check), "check version": f"{check.version}", **verdict.evidence}
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check.name,
        passed=verdict.passed,
        severity=severity,
        description=verdict.summary,
        metadata={name: metadata_value(value) for name, value in shown.items()},
    )


def _answers(check: Check) -> str:
    return "CAREFUL: " + ", ".join(f"{letter} ({LETTERS[letter]})" for letter in check.letters)
