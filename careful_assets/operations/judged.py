"""Filtering's decisions as they stand: what they were made from, how two judgings differ, and what rests on them.

Belongs here: what judging the stored candidates again, for whatever reason, has in common. Does not belong here: the
reasons (`rejudge`, `exclude`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.errors import GateClosed
from careful_assets.filtering.rejudging import difference, outcome
from careful_assets.provenance.ledger import current_versions, guard
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.provenance.stages import STAGES, UPSTREAM
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home

if TYPE_CHECKING:
    from careful_assets.operations.jobs import RunReport

_STAGE = "filtering"


def inputs_of_filtering(loaded: LoadedCard, home: Home, then: str) -> Inputs:
    """What filtering read when it ran last, if that still stands. `then`: what is wanted, as the remedy has it.

    Raises:
        GateClosed: it does not.
    """
    name, path, requirements = loaded.card.name, home.warehouse(loaded.card.name), requirements_of(loaded)
    remedy = f"run `careful run {name} --to {_STAGE}`, then {then}"
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


def changed(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    """How two judgings of the same candidates differ: rows kept before and after, and the groups of `difference`."""
    return {
        "candidates": after["row_id"].n_unique(),
        "kept_before": _kept(before),
        "kept": _kept(after),
        **vars(difference(before, after)),
    }


def data_versions(loaded: LoadedCard, home: Home) -> dict[str, str]:
    """The newest data version of every stage."""
    with connect(home.warehouse(loaded.card.name), read_only=True) as con:
        return {stage: made.data_version for stage, made in current_versions(con).items()}


def out_of_date(loaded: LoadedCard, home: Home) -> list[str]:
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


def ran(
    loaded: LoadedCard, home: Home, run: RunReport, recorded: bool, before: pl.DataFrame, inputs: Inputs
) -> dict[str, Any]:  # fmt: skip
    """What a run of filtering by another rule came to; the difference is there only if the rule was `recorded`."""
    report = {
        "success": run.success,
        "recorded": recorded,
        "run_id": run.run_id,
        "problems": run.problems,
        "advice": run.advice,
        "exit_code": int(run.exit_code),
        "data_version": data_versions(loaded, home)[_STAGE],
        "out_of_date": out_of_date(loaded, home),
    }
    return report | (changed(before, inputs.table("filtering.decisions")) if recorded else {})


def group_lines(group: Mapping[str, Any]) -> list[str]:
    """A group of `difference` for a terminal."""
    was, became = (
        outcome(group["gate_before"], group["reason_before"]),
        outcome(group["gate_after"], group["reason_after"]),
    )
    ids = ", ".join(row_id[:16] for row_id in group["row_ids"])
    more = ", ..." if group["rows"] > len(group["row_ids"]) else ""
    return [f"             {group['rows']:>5}  {was} -> {became}", f"                    {ids}{more}"]


def _kept(decisions: pl.DataFrame) -> int:
    refused = decisions.filter(pl.col("passed").not_())["row_id"].n_unique()
    return decisions["row_id"].n_unique() - refused
