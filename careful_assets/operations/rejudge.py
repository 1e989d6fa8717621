"""Judging the stored candidates again by another threshold: shown first, recorded where it is wanted.

Belongs here: the trial in memory and the recorded run. Does not belong here: whether filtering's decisions stand and
what rests on them (`judged`), and the gates' side (`filtering.overrides`, `filtering.rejudging`).
No generator is asked: candidates are read from the warehouse. An embedder is, if the card names one at an endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from careful_assets.card.overrides import gates_now
from careful_assets.card.reader import LoadedCard
from careful_assets.filtering.material import material_of
from careful_assets.filtering.overrides import Asked, override_of, trial_of
from careful_assets.filtering.own.gates import own_gates
from careful_assets.filtering.stage import decide
from careful_assets.operations.judged import (
    changed,
    data_versions,
    group_lines,
    inputs_of_filtering,
    ran,
)
from careful_assets.warehouse.home import Home

_STAGE = "filtering"


def rejudge(loaded: LoadedCard, home: Home, gate: str, threshold: float) -> dict[str, Any]:
    """What would change if the gate judged by this threshold, all later gates included; changes nothing itself.

    Raises:
        Refused: the gate or its threshold cannot be had.
        GateClosed: filtering was never run, or not on what it would judge now.
    """
    inputs = inputs_of_filtering(loaded, home, "rejudge")
    material = material_of(inputs)
    asked = trial_of(loaded.profile, gate, threshold, material.own)
    latest = inputs.model("filtering/latest_overrides").to_dicts()
    before = inputs.table("filtering.decisions")
    after = decide(material, gates_now(loaded.profile.gates, asked.laid_over(latest)).settings)
    return _asked(loaded, asked, latest) | changed(before, after)


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
    inputs = inputs_of_filtering(loaded, home, "rejudge")
    latest, before = inputs.model("filtering/latest_overrides").to_dicts(), inputs.table("filtering.decisions")
    version = data_versions(loaded, home)[_STAGE]
    report = {**_asked(loaded, asked, latest), "reason": asked.reason, "data_version_before": version}
    if not asked.changes(gates_now(loaded.profile.gates, latest).settings):
        return report | {"success": True, "recorded": False, "in_force": asked.in_force(), "data_version": version}
    from careful_assets.operations.jobs import run_stage_with

    options = {"gate": asked.gate, "threshold": asked.threshold, "reason": asked.reason}
    run = run_stage_with(project_root, home, loaded.card.name, _STAGE, options, say)
    # A run whose checks fail has recorded the override and made its data.
    recorded = inputs.model("filtering/latest_overrides").to_dicts() != latest
    return report | ran(loaded, home, run, recorded, before, inputs)


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
        lines += [line for group in report[kind] for line in group_lines(group)]
    if "run_id" not in report:
        return "\n".join([*lines, "nothing was changed; --apply --reason R records it"])
    lines.append(f"filtering    {report['data_version_before']}, now {report['data_version']}")
    stale = ", ".join(report["out_of_date"])
    then = f"{stale}; run `careful run {report['dataset']}`" if stale else "nothing"
    return "\n".join([*lines, f"out of date  {then}"])


def _asked(loaded: LoadedCard, asked: Asked, latest: list[dict[str, Any]]) -> dict[str, Any]:
    now = {one.gate: one.threshold for one in gates_now(loaded.profile.gates, latest).settings}
    return {
        "dataset": loaded.card.name,
        "gate": asked.gate,
        "threshold_before": now[asked.gate],
        "threshold": asked.threshold,
        "card_threshold": asked.card_threshold,
    }
