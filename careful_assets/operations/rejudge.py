"""Judging the stored candidates again by another threshold: shown first, recorded where it is wanted.

Belongs here: what spans rooms and the ledger: whether filtering's decisions stand, the trial in memory, the recorded
run, what is out of date after it. Does not belong here: the gates' side (`filtering.overrides`, `filtering.rejudging`).
No generator is asked: candidates are read from the warehouse. An embedder is, if the card names one at an endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.card.overrides import gates_now
from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.errors import GateClosed
from careful_assets.filtering.material import material_of
from careful_assets.filtering.overrides import Asked, override_of, trial_of
from careful_assets.filtering.own.gates import own_gates
from careful_assets.filtering.rejudging import difference, outcome
from careful_assets.filtering.stage import decide
from careful_assets.provenance.ledger import current_versions, guard
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.provenance.stages import STAGES, UPSTREAM
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home

_STAGE = "filtering"


def rejudge(loaded: LoadedCard, home: Home, gate: str, threshold: float) -> dict[str, Any]:
    """What would change if the gate judged by this threshold, all later gates included; changes nothing itself.

    Raises:
        Refused: the gate or its threshold cannot be had.
        GateClosed: filtering was never run, or not on what it would judge now.
    """
    inputs = _inputs(loaded, home)
    material = material_of(inputs)
    asked = trial_of(loaded.profile, gate, threshold, material.own)
    latest = inputs.model("filtering/latest_overrides").to_dicts()
    before = inputs.table("filtering.decisions")
    after = decide(material, gates_now(loaded.profile.gates, asked.laid_over(latest)).settings)
    return _asked(loaded, asked, latest) | _changed(before, after)


def apply_rejudging(
    project_root: Path, loaded: LoadedCard, home: Home, gate: str, threshold: float, reason: str,
    say: Callable[[str], None],
) -> dict[str, Any]:  # fmt: skip
    """Record the override and materialize filtering by it, with its checks; the report of `rejudge`, and of the run.

    Where the gate judges by this threshold already, nothing is run. The report has no difference where nothing was
    `recorded`, for that or because the run failed.

    Raises:
        Refused: as `rejudge`, or the reason is none.
        GateClosed: as `rejudge`.
        HomeUnusable: CAREFUL_HOME cannot be written.
    """
    asked = override_of(loaded.profile, gate, threshold, reason, own_gates(loaded))
    assert asked is not None
    inputs = _inputs(loaded, home)
    latest, before = inputs.model("filtering/latest_overrides").to_dicts(), inputs.table("filtering.decisions")
    version = _now(loaded, home)[_STAGE]
    report = {**_asked(loaded, asked, latest), "reason": asked.reason, "data_version_before": version}
    if not asked.changes(gates_now(loaded.profile.gates, latest).settings):
        return report | {"success": True, "recorded": False, "in_force": asked.in_force(), "data_version": version}
    from careful_assets.operations.jobs import run_stage_with

    options = {"gate": asked.gate, "threshold": asked.threshold, "reason": asked.reason}
    run = run_stage_with(project_root, home, loaded.card.name, _STAGE, options, say)
    report |= {
        "success": run.success,
        # A run whose checks fail has recorded the override and made its data.
        "recorded": inputs.model("filtering/latest_overrides").to_dicts() != latest,
        "run_id": run.run_id,
        "problems": run.problems,
        "advice": run.advice,
        "exit_code": int(run.exit_code),
        "data_version": _now(loaded, home)[_STAGE],
        "out_of_date": _out_of_date(loaded, home),
    }
    return report | (_changed(before, inputs.table("filtering.decisions")) if report["recorded"] else {})


def rejudged_text(report: Mapping[str, Any]) -> str:
    """What `careful rejudge` prints."""
    if "in_force" in report:
        return f"{report['dataset']}: {report['in_force']}"
    before, after, gate = report["threshold_before"], report["threshold"], report["gate"]
    title = f"{report['dataset']}: {gate} at {after:g} instead of {before:g} (the card: {report['card_threshold']:g})"
    if not report.get("recorded", True):
        return f"{title}\nthe run failed; nothing was recorded, and filtering stands as it was"
    lines = [
        title,
        f"kept         {report['kept']} of {report['candidates']}, before {report['kept_before']}",
    ]
    for kind, title in (
        ("readmitted", "readmitted"),
        ("newly_refused", "refused now"),
        ("other_reason", "other reason"),
    ):
        lines.append(f"{title:<12} {sum(group['rows'] for group in report[kind])}")
        lines += [line for group in report[kind] for line in _group_lines(group)]
    if "run_id" not in report:
        return "\n".join([*lines, "nothing was changed; --apply --reason R records it"])
    lines.append(f"filtering    {report['data_version_before']}, now {report['data_version']}")
    stale = ", ".join(report["out_of_date"])
    then = f"{stale}; run `careful run {report['dataset']}`" if stale else "nothing"
    return "\n".join([*lines, f"out of date  {then}"])


def _group_lines(group: Mapping[str, Any]) -> list[str]:
    was, became = (
        outcome(group["gate_before"], group["reason_before"]),
        outcome(group["gate_after"], group["reason_after"]),
    )
    ids = ", ".join(row_id[:16] for row_id in group["row_ids"])
    more = ", ..." if group["rows"] > len(group["row_ids"]) else ""
    return [f"             {group['rows']:>5}  {was} -> {became}", f"                    {ids}{more}"]


def _inputs(loaded: LoadedCard, home: Home) -> Inputs:
    """What filtering read when it ran last, if that still stands.

    Raises:
        GateClosed: it does not.
    """
    name, path, requirements = loaded.card.name, home.warehouse(loaded.card.name), requirements_of(loaded)
    remedy = f"run `careful run {name} --to {_STAGE}`, then rejudge"
    if not path.exists():
        raise GateClosed(f"{name}: filtering was never run, so that there is nothing to judge again; {remedy}")
    with connect(path, read_only=True) as con:
        made = current_versions(con).get(_STAGE)
        if made is None:
            raise GateClosed(f"{name}: filtering was never run, so that there is nothing to judge again; {remedy}")
        try:
            versions = guard(con, name, _STAGE, loaded.digest, requirements)
        except GateClosed as closed:
            raise GateClosed(f"{name}: what filtering judges does not stand: {closed}") from closed
    changed = sorted(above for above in versions if made.upstream.get(above) != versions[above])
    if changed or made.card_digest != loaded.digest:
        what = ", ".join(changed) or "the card"
        raise GateClosed(f"{name}: {what} changed since filtering was run; {remedy}")
    return Inputs(StageContext(loaded, home, "", requirements, lambda line: None), _STAGE, versions)


def _asked(loaded: LoadedCard, asked: Asked, latest: list[dict[str, Any]]) -> dict[str, Any]:
    now = {one.gate: one.threshold for one in gates_now(loaded.profile.gates, latest).settings}
    return {
        "dataset": loaded.card.name,
        "gate": asked.gate,
        "threshold_before": now[asked.gate],
        "threshold": asked.threshold,
        "card_threshold": asked.card_threshold,
    }


def _changed(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    return {
        "candidates": after["row_id"].n_unique(),
        "kept_before": _kept(before),
        "kept": _kept(after),
        **vars(difference(before, after)),
    }


def _kept(decisions: pl.DataFrame) -> int:
    refused = decisions.filter(pl.col("passed").not_())["row_id"].n_unique()
    return decisions["row_id"].n_unique() - refused


def _now(loaded: LoadedCard, home: Home) -> dict[str, str]:
    with connect(home.warehouse(loaded.card.name), read_only=True) as con:
        return {stage: made.data_version for stage, made in current_versions(con).items()}


def _out_of_date(loaded: LoadedCard, home: Home) -> list[str]:
    """The stages whose data rests, directly or not, on data that is no longer the newest."""
    with connect(home.warehouse(loaded.card.name), read_only=True) as con:
        versions = current_versions(con)
    stale: list[str] = []
    for stage in STAGES:
        if stage in versions:
            used = versions[stage].upstream
            if any(above in stale or used[above] != versions[above].data_version for above in UPSTREAM[stage]):
                stale.append(stage)
    return stale
