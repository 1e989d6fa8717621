"""Taking a dataset through its life, or one stage again, in CAREFUL_HOME's own Dagster instance."""

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy.exc import DBAPIError

from careful_assets.build import ROUND, build_defs, job_name
from careful_assets.catalogue import requirements_of
from careful_assets.errors import Exit, HomeUnusable
from careful_assets.generation.due import round_due
from careful_assets.operations.datasets import dataset_named
from careful_assets.provenance.stages import STAGES
from careful_assets.shipped import shipped
from careful_assets.warehouse.home import Home, explained

_PID_TAG = "careful_assets/pid"


@dataclass(frozen=True)
class RunReport:
    """How a life's run ended, or the last of its runs.

    `problems`: what failed, in words; `advice`: checks that warn; `exit_code`: of `careful`.
    """

    run_id: str
    success: bool
    problems: list[str]
    advice: list[str]
    exit_code: Exit


def instance_of(home: Home) -> dg.DagsterInstance:
    """The Dagster instance in CAREFUL_HOME, its configuration put in place the first time."""
    with explained(home.dagster):
        home.dagster.mkdir(parents=True, exist_ok=True)
        config = home.dagster / "dagster.yaml"
        if not config.exists():
            shutil.copyfile(shipped("dagster.yaml", "deploy/dagster.yaml"), config)
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    return dg.DagsterInstance.from_config(str(home.dagster))


def run_life(project_root: Path, home: Home, dataset: str, to_stage: str, say: Callable[[str], None]) -> RunReport:
    """Materialize the dataset's stages up to `to_stage`, with their checks; `say` gets a line a stage.

    Where the card allows for several rounds, generation and filtering are run again while a round is due; the stages
    after them then see the union of all rounds.

    Raises:
        HomeUnusable: CAREFUL_HOME cannot be written.
    """
    home.prepare()
    loaded = dataset_named(project_root, dataset)
    most = loaded.card.generation.max_rounds
    wanted = STAGES[: STAGES.index(to_stage) + 1]
    job = _job(project_root, home, dataset, say)
    with _run_records_explained(home), instance_of(home) as instance:
        _close_abandoned_runs(instance)
        if most == 1 or not set(ROUND) <= set(wanted):
            return _report([_run(job, instance, dataset, wanted)])
        end = wanted.index(ROUND[-1]) + 1
        results = [_run(job, instance, dataset, wanted[:end])]
        for _ in range(most):
            if not results[-1].success:
                break
            due = round_due(loaded, home, requirements_of(loaded))
            say(f"{dataset}: {due.why}")
            if due.round is None:
                break
            results.append(_run(job, instance, dataset, ROUND))
        if results[-1].success and wanted[end:]:
            results.append(_run(job, instance, dataset, wanted[end:]))
    return _report(results)


def run_stage_with(
    project_root: Path, home: Home, dataset: str, stage: str, options: Mapping[str, Any], say: Callable[[str], None]
) -> RunReport:
    """Materialize one stage alone, with its checks, and its options as the run's config.

    Raises:
        HomeUnusable: CAREFUL_HOME cannot be written.
    """
    home.prepare()
    job = _job(project_root, home, dataset, say)
    config = {f"{dataset}__{stage}": {"config": dict(options)}}
    with _run_records_explained(home), instance_of(home) as instance:
        _close_abandoned_runs(instance)
        return _report([_run(job, instance, dataset, [stage], config)])


def _job(project_root: Path, home: Home, dataset: str, say: Callable[[str], None]) -> dg.JobDefinition:
    lines = dg.Definitions(loggers={"console": _stage_logger(dataset, say)})
    return dg.Definitions.merge(build_defs(project_root, home=home), lines).resolve_job_def(job_name(dataset))


def _run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    dataset: str,
    stages: Sequence[str],
    config: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    return job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey([dataset, stage]) for stage in stages],
        run_config={"loggers": {"console": {}}, "ops": dict(config or {})},
        raise_on_error=False,
        tags={_PID_TAG: str(os.getpid())},
    )


@contextmanager
def _run_records_explained(home: Home) -> Iterator[None]:
    """Turn a refusal of Dagster's own database (a full disk, above all) into a message that says what to do."""
    try:
        yield
    except DBAPIError as error:
        raise HomeUnusable(
            f"cannot keep Dagster's records in {home.dagster}: {error.orig}. Everything recorded so far is kept; free "
            "space there or make it writable, or set CAREFUL_HOME to another folder, and run again"
        ) from error


def _report(results: Sequence[dg.ExecuteInProcessResult]) -> RunReport:
    """What the last run came to, and what each check said last."""
    problems, exit_code, result = [], Exit.HOLDS, results[-1]
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.user_failure_data is not None:
            failure = event.step_failure_data.user_failure_data
            problems.append(failure.description or "failed without a word")
            code = failure.metadata.get("exit_code")
            exit_code = Exit(code.value) if code is not None else Exit.DOES_NOT_HOLD  # type: ignore[arg-type]
        elif event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            if error.cls_name != "DagsterAssetCheckFailedError":
                problems.append(f"{event.step_key} broke, which is a defect: {error.message.strip()}")
                exit_code = Exit.DOES_NOT_HOLD
    verdicts = [check for one in results for check in one.get_asset_check_evaluations()]
    failed = [check for check in {check.asset_check_key: check for check in verdicts}.values() if not check.passed]
    shown = {
        check.check_name: f"{check.asset_key.to_user_string()}, check {check.check_name}: {check.description}"
        for check in failed
    }
    blocking = [check for check in failed if check.severity == dg.AssetCheckSeverity.ERROR]
    problems += [shown[check.check_name] for check in blocking]
    advice = [shown[check.check_name] for check in failed if check not in blocking]
    if not result.success and exit_code == Exit.HOLDS:
        exit_code = Exit.DOES_NOT_HOLD
    return RunReport(result.run_id, result.success, problems, advice, exit_code)


def _close_abandoned_runs(instance: dg.DagsterInstance) -> None:
    """Runs whose process was killed stand as unfinished for ever; the next run of the same machine closes them."""
    states = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    for run in instance.get_runs(dg.RunsFilter(statuses=states)):
        pid = run.tags.get(_PID_TAG)
        if pid is not None and not _alive(int(pid)):
            instance.report_run_failed(run, f"process {pid} ended without finishing the run")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stage_logger(dataset: str, say: Callable[[str], None]) -> dg.LoggerDefinition:
    """A logger that turns Dagster's events into a line a stage, and passes on what the stages themselves say."""

    class Lines(logging.Handler):
        def __init__(self) -> None:
            super().__init__(logging.DEBUG)  # Dagster logs its events at this level
            self.started: dict[str, float] = {}

        def emit(self, record: logging.LogRecord) -> None:
            event = getattr(record, "dagster_event", None)
            if event is None and record.levelno in (logging.INFO, logging.WARNING):
                say(f"    {getattr(record, 'dagster_meta', {}).get('orig_message', record.getMessage())}")
            elif event is None:
                pass
            elif event.event_type_value == "STEP_START":
                self.started[event.step_key] = time.monotonic()
            elif event.event_type_value == "ASSET_MATERIALIZATION":
                stage = event.asset_key.path[-1]
                took = time.monotonic() - self.started.get(event.step_key, time.monotonic())
                say(f"{dataset}/{stage}: made in {took:.1f} s")
            elif event.event_type_value == "ASSET_CHECK_EVALUATION":
                check = event.event_specific_data
                mark = "ok  " if check.passed else "WARN" if check.severity == dg.AssetCheckSeverity.WARN else "FAIL"
                say(f"    {mark} {check.check_name}: {check.description}")

    @dg.logger
    def lines(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("careful_assets.lines", logging.DEBUG)
        logger.addHandler(Lines())
        return logger

    return lines
