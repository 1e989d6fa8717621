"""What filtering tells of its gates: their error rates, reasons by batch, a sample of rejects, the balance of groups.

Belongs here: bringing the stage's tables together. Does not belong here: any of the four (`benchmark`, `alarms`,
`samples`, `balance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from careful_assets.card.profiles import GateSetting
from careful_assets.filtering.alarms import rates_now, to_record
from careful_assets.filtering.balance import balance, traits
from careful_assets.filtering.material import Material
from careful_assets.filtering.remembered import remembered_quality
from careful_assets.filtering.samples import reject_samples
from careful_assets.filtering.settings import set_gates
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.warehouse.models import run_model_over


@dataclass(frozen=True)
class Told:
    """Tables of the stage, and rows for its logs."""

    tables: dict[str, pl.DataFrame]
    added: dict[str, pl.DataFrame]


def quality_of(
    context: StageContext,
    inputs: Inputs,
    material: Material,
    decisions: pl.DataFrame,
    settings: Sequence[GateSetting],
) -> Told:
    """Measure the gates of these settings, which made these decisions. A dataset's own gates are not benchmarked."""
    gates = set_gates([setting for setting in settings if setting.gate not in material.own])
    judged = {
        "generation.candidates": material.candidates,
        "generation.requests": material.requests,
        "filtering.decisions": decisions,
    }
    counted = run_model_over(judged, "filtering/reason_rates")
    excluded = run_model_over(judged, "filtering/excluded_rounds")["round"].to_list()
    rates = rates_now(counted, material.candidates.select("row_id", "round"), gates)
    generated, real = _traits(inputs, material)
    tables = {
        "filtering.gate_quality": remembered_quality(
            context.home, material.beside, gates, context.card.filtering.embedder.model_dump(mode="json")
        ),
        "filtering.reject_samples": reject_samples(decisions, context.card.generation.seed),
        "filtering.traits": generated,
        "filtering.balance": balance(decisions, generated, real),
    }
    return Told(tables, {"filtering.reason_rates": to_record(rates, inputs.table("filtering.reason_rates"), excluded)})


def _traits(inputs: Inputs, material: Material) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the candidates count as, and the anchors of the labels that were asked for."""
    attributes = inputs.table("anchors.attributes")
    candidates = material.candidates.select("row_id", pl.col("requested_label").alias("label"), "text")
    pairs = material.candidates.select("row_id", pl.col("parent_ids").alias("parent_id")).explode("parent_id")
    generated = traits(candidates, pairs.drop_nulls(), attributes)
    asked_for = candidates["label"].unique().to_list()
    # An anchor that changed stands there once for every vintage; its first writing in order counts.
    anchors = material.anchors.filter(pl.col("label").is_in(asked_for)).unique(
        "row_id", keep="first", maintain_order=True
    )
    own = anchors.select("row_id", pl.col("row_id").alias("parent_id"))
    return generated, traits(anchors.select("row_id", "label", "text"), own, attributes)
