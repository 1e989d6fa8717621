"""Taking all rows of a generator, prompt, request, range of seeds or parent out of the versions to come, or taking that
back.

Belongs here: the trial in memory, the recorded run, and who holds such rows already. Does not belong here: what can be
named and which rows that is (`filtering.exclusions`, `filtering.excluding`). Releases stay as they are: what left a
version is in no later one, and a version that must go is retired or erased. No generator is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import replace as replace_field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from careful_assets.card.overrides import gates_now
from careful_assets.card.reader import LoadedCard
from careful_assets.filtering.excluding import excluded_rows, known
from careful_assets.filtering.exclusions import Exclusion, exclusion_of
from careful_assets.filtering.material import Material, material_of
from careful_assets.filtering.stage import decide
from careful_assets.operations.judged import changed, data_versions, group_lines, inputs_of_filtering, ran
from careful_assets.operations.records.lookups import opened
from careful_assets.operations.text import one_line
from careful_assets.operations.withdrawing import inputs_of_withdrawal, record_withdrawal
from careful_assets.provenance.stage import Inputs
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import read

_STAGE = "filtering"


@dataclass(frozen=True)
class _Trial:
    """What the exclusion is laid over, and what that makes; `closed`: why filtering's data no longer stands."""

    inputs: Inputs
    material: Material
    exclusion: Exclusion
    standing: pl.DataFrame
    rows: list[str]
    closed: str | None


def exclude(
    loaded: LoadedCard, home: Home, kind: str, item: str, reason: str = "a trial", *, withdraw: bool = False
) -> dict[str, Any]:  # fmt: skip
    """What would leave the next version, or with `withdraw` come back, and who holds such rows; changes nothing.

    Args:
        loaded: the dataset's card.
        home: where the dataset lives.
        kind: one of `filtering.exclusions.KINDS`.
        item: an id or at least 8 digits of one or of a digest; of seeds FROM..TO, both included.
        reason: why, in a printable line.
        withdraw: take an exclusion back.

    Raises:
        Refused: nothing bears that name, several things do, or there is no reason.
        MalformedRange: seeds are not given as a range.
        GateClosed: filtering was never run, or not on what it would judge now; the latter is no matter for taking an
            exclusion back: then `not_judged` says why nothing was judged again.
    """
    trial = _trial(loaded, home, kind, item, reason, withdraw)
    report = _asked(loaded, home, trial) | {"dry_run": True}
    if "in_force" in report or trial.closed is not None:
        return report
    latest = trial.inputs.model("filtering/latest_overrides").to_dicts()
    material = replace_field(trial.material, standing=trial.standing)
    after = decide(material, gates_now(loaded.profile.gates, latest).settings)
    return report | changed(trial.inputs.table("filtering.decisions"), after)


def apply_exclusion(
    project_root: Path, loaded: LoadedCard, home: Home, kind: str, item: str, reason: str, say: Callable[[str], None],
    *, withdraw: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Record it and materialize filtering by it, with its checks; the report of `exclude`, and of the run.

    Record and decisions are written in one transaction, by the run. Where it changes nothing, nothing is run. The
    report has no difference where nothing was `recorded`, for that or because the run failed.

    Raises:
        Refused, MalformedRange, GateClosed: as `exclude`.
        HomeUnusable: CAREFUL_HOME cannot be written.
    """
    trial = _trial(loaded, home, kind, item, reason, withdraw)
    before, version = trial.inputs.table("filtering.decisions"), data_versions(loaded, home)[_STAGE]
    report = _asked(loaded, home, trial) | {"dry_run": False, "data_version_before": version}
    if "in_force" in report:
        return report | {"success": True, "recorded": False, "data_version": version}
    if trial.closed is not None:
        recorded = record_withdrawal(loaded, home, trial.exclusion)
        return report | {"success": True, "recorded": recorded, "data_version": version}
    from careful_assets.operations.jobs import run_stage_with

    asked = trial.exclusion
    options = {"withdraw" if withdraw else "exclude": asked.kind, "item": asked.item, "reason": asked.reason}
    run = run_stage_with(project_root, home, loaded.card.name, _STAGE, options, say)
    # A run whose checks fail has recorded the exclusion and made its data.
    recorded = not asked.changing(trial.inputs.model("filtering/standing_exclusions"))
    return report | ran(loaded, home, run, recorded, before, trial.inputs)


def excluded_text(report: Mapping[str, Any]) -> str:
    """What `careful exclude` prints."""
    name = report["dataset"]
    if "in_force" in report:
        return f"{name}: {report['in_force']}"
    what = f"{report['kind']} {one_line(report['item'])}"
    title = f"{name}: {what} {'taken back' if report['withdrawn'] else 'excluded'}: {report['reason']}"
    if not report.get("recorded", True):
        return f"{title}\nthe run failed; nothing was recorded, and filtering stands as it was"
    if "not_judged" in report:
        return "\n".join([title, *_not_judged(report)])
    lines = [
        title,
        f"rows         {report['rows']} of {report['candidates']} candidates, {report['rows_kept']} kept before",
        f"kept         {report['kept']}, before {report['kept_before']}",
    ]
    groups = [group for kind in ("newly_refused", "readmitted", "other_reason") for group in report[kind]]
    lines += [line for group in groups for line in group_lines(group)]
    lines += ["held by" if report["releases"] or report["training_runs"] else "held by      no release, no model"]
    lines += [
        f"             release {one['version']} ({one['status']}): {one['rows']} rows" for one in report["releases"]
    ]
    lines += [f"             {_run_line(one)}" for one in report["training_runs"]]
    if not report["kept"] and not report["withdrawn"]:
        lines += [f"NOTHING IS KEPT: {_gap_to_fill(report['kind'], name)}"]
    if report["dry_run"]:
        return "\n".join([*lines, "nothing was changed; without --dry-run it is recorded"])
    stale = ", ".join(report["out_of_date"])
    next_step = f"; `careful run {name}` makes the next version" if report["kept"] else ""
    then = f"{stale}{next_step}" if stale else "nothing"
    lines += [f"filtering    {report['data_version_before']}, now {report['data_version']}", f"out of date  {then}"]
    return "\n".join(lines)


def _gap_to_fill(kind: str, name: str) -> str:
    """What makes a version possible again once nothing is kept."""
    settings = {
        "generator": "name another generator in generation.generator",
        "prompt": "name another prompt in generation.prompts, or change its text",
    }
    change = settings.get(kind, "raise generation.max_rounds, or set another generation.seed,")
    return (
        f"no version can be made until a new round fills the gap: {change} in the card, then `careful run {name}`; or "
        "take the exclusion back with --withdraw"
    )


def _not_judged(report: Mapping[str, Any]) -> list[str]:
    done = "nothing was changed" if report["dry_run"] else "it is recorded"
    return [
        f"rows         {report['rows']} of the candidates as they stand",
        f"not judged   {report['not_judged']}",
        f"next         {done}; `careful run {report['dataset']}` makes filtering's data anew, by the card as it is now",
    ]


def _trial(loaded: LoadedCard, home: Home, kind: str, item: str, reason: str, withdraw: bool) -> _Trial:
    asked = exclusion_of(None if withdraw else kind, kind if withdraw else None, item, reason)
    assert asked is not None
    inputs, closed = (
        inputs_of_withdrawal(loaded, home) if withdraw else (inputs_of_filtering(loaded, home, "exclude"), None)
    )
    material = material_of(inputs)
    named = known(inputs, material)
    exclusion = named.resolved(asked)
    alone = exclusion.alone(material.standing.schema)
    rows = excluded_rows(alone, material.candidates, material.requests, material.exemplars)["row_id"].to_list()
    standing = exclusion.laid_over(material.standing, named.next_number)
    return _Trial(inputs, material, exclusion, standing, rows, closed)


def _asked(loaded: LoadedCard, home: Home, trial: _Trial) -> dict[str, Any]:
    asked = trial.exclusion
    decisions = trial.inputs.table("filtering.decisions").select("row_id", "passed")
    refused = set(decisions.filter(~pl.col("passed"))["row_id"])
    report = {"dataset": loaded.card.name, **vars(asked)}
    if trial.closed is not None:
        report["not_judged"] = trial.closed
    if not asked.changing(trial.material.standing):
        return report | {"in_force": asked.in_force()}
    with opened(home, loaded.card.name) as con:
        held = {"releases": _releases(con, trial.rows), "training_runs": _training_runs(con, trial.rows)}
    return report | {"rows": len(trial.rows), "rows_kept": len(set(trial.rows) - refused), **held}


def _releases(con: duckdb.DuckDBPyConnection, rows: list[str]) -> list[dict[str, Any]]:
    """The versions that hold any of these rows, with how many and their status."""
    held = con.table("release.rows").project("row_id, version").pl().filter(pl.col("row_id").is_in(rows))
    status = read(con, "release.releases").select("version", "status", "made_at")
    counted = held.group_by("version").len("rows").join(status, on="version", how="left").sort("made_at")
    return counted.select("version", "status", "rows").to_dicts()


def _training_runs(con: duckdb.DuckDBPyConnection, rows: list[str]) -> list[dict[str, Any]]:
    """The models that were trained on any of these rows, with how many, and by which run."""
    columns = ["run_id", "mix_id", "arm", "model_digest"]
    trained = con.table("training.runs").project(f"row_id, seq, {', '.join(columns)}").pl()
    held = trained.filter(pl.col("row_id").is_in(rows))
    counted = held.group_by(columns).agg(pl.col("row_id").n_unique().alias("rows"), pl.col("seq").min())
    return counted.sort("seq").drop("seq").to_dicts()


def _run_line(run: Mapping[str, Any]) -> str:
    return f"model {run['model_digest'][:16]} ({run['arm']}), trained by run {run['run_id'][:8]}: {run['rows']} rows"
