"""Filtering: every candidate meets the gates in order; every meeting leaves a decision, and rejects are kept.

What each round came to, coverage of real included, is told to generation by way of `provenance.rounds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from careful_assets.card.overrides import gates_now
from careful_assets.card.profiles import GateSetting
from careful_assets.filtering import page
from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.coverage import with_coverage
from careful_assets.filtering.excluding import excluding_gates, known
from careful_assets.filtering.exclusions import Exclusion, exclusion_of
from careful_assets.filtering.gate import CANDIDATES
from careful_assets.filtering.material import Material, material_of
from careful_assets.filtering.overrides import override_of, to_record
from careful_assets.filtering.own.expectations import findings_of
from careful_assets.filtering.quality import quality_of
from careful_assets.filtering.rejudging import difference, shown
from careful_assets.filtering.settings import set_gates
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.warehouse.models import run_model_over


def judge_candidates(
    context: StageContext,
    inputs: Inputs,
    *,
    gate: str | None = None,
    threshold: float | None = None,
    reason: str | None = None,
    exclude: str | None = None,
    withdraw: str | None = None,
    item: str | None = None,
) -> Outcome:
    """The filtering stage: decisions for every gate and row, and the outcome of each round.

    Args:
        context: the run's.
        inputs: anchors and generation, and the stage's own tables of before.
        gate: with threshold and reason an override to record, unless it is in force; the difference is shown.
        threshold: in the gate's unit.
        reason: why.
        exclude: with item and reason an exclusion to record, likewise: the kind of what is to be taken out;
        withdraw: or of what is to be taken back;
        item: and which of that kind.

    Raises:
        Refused: the override or the exclusion cannot be had.
        MalformedRange: seeds are not given as a range.
        GateClosed: one is asked for, and the last decisions are not on the candidates of now.
    """
    material = material_of(inputs)
    exclusion = exclusion_of(exclude, withdraw, item, reason)
    override = override_of(context.profile, gate, threshold, None if exclusion else reason, material.own)
    latest = inputs.model("filtering/latest_overrides").to_dicts()
    now = gates_now(context.profile.gates, latest)
    found: dict[str, Any] = {}
    if override is not None and override.changes(now.settings):
        now = gates_now(context.profile.gates, override.laid_over(latest))
        added = to_record([*now.withdrawn, vars(override)], context.run_id)
    else:
        # Once lapsed, an override stays lapsed, also where the card is set back.
        added = to_record(now.withdrawn, context.run_id)
        if override is not None:
            context.log(override.in_force())
    for line in now.lapsed:
        context.log(line)
    if exclusion is not None:
        material, recorded = _excluding(context, inputs, material, exclusion)
        added |= recorded
    decisions = decide(material, now.settings)
    if override is not None or exclusion is not None:
        found = shown(difference(inputs.table("filtering.decisions"), decisions))
    tables = {
        "generation.candidates": material.candidates,
        "generation.requests": material.requests,
        "filtering.decisions": decisions,
    }
    gates = {"gates": len(now.settings)}
    kept = run_model_over(tables, "filtering/kept_by_round", gates).join(
        material.candidates.select("row_id", "text"), on="row_id"
    )
    asked = run_model_over(tables, "filtering/rounds", gates)
    rounds, told = with_coverage(asked, kept, material.anchors, _cut_rounds(tables))
    expectations = findings_of(material.own.values())
    if expectations.height:
        found |= {"own expectations": expectations.drop("refuses", "suite_sha256").to_dicts()}
    quality = quality_of(context, inputs, material, decisions, now.settings)
    made = {
        "filtering.decisions": decisions,
        "filtering.own_expectations": expectations,
        **quality.tables,
        "provenance.rounds": rounds,
    }
    found |= page.shown(tables | made, now) | page.exclusions(material.standing, decisions)
    return Outcome({**made}, found | {"coverage of real": told}, added | quality.added)


def decide(material: Material, settings: Sequence[GateSetting]) -> pl.DataFrame:
    """Every decision of the gates of these settings: the table `filtering.decisions`. What is excluded goes before."""
    rows = material.candidates.select(list(CANDIDATES))
    before = excluding_gates(material.standing, material)
    return run_cascade(rows, material.beside, set_gates(settings, material.own), before)


def _cut_rounds(tables: dict[str, pl.DataFrame]) -> set[int]:
    """Rounds of which people excluded or erased rows."""
    erased = tables["generation.requests"].filter(pl.col("status") == "erased")
    return {*run_model_over(tables, "filtering/excluded_rounds")["round"].to_list(), *erased["round"].to_list()}


def _excluding(
    context: StageContext, inputs: Inputs, material: Material, asked: Exclusion
) -> tuple[Material, dict[str, pl.DataFrame]]:
    """The material with the exclusion laid over what stands, and the row that records it, unless it changes nothing."""
    named = known(inputs, material)
    exclusion = named.resolved(asked)
    if not exclusion.changing(material.standing):
        context.log(exclusion.in_force())
        return material, {}
    standing = exclusion.laid_over(material.standing, named.next_number)
    return replace(material, standing=standing), exclusion.to_record(material.standing, context.run_id)
