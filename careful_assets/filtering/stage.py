"""Filtering: every candidate meets the gates in order; every meeting leaves a decision, and rejects are kept."""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.filtering.cascade import run_cascade
from careful_assets.measures.plots import bars
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.warehouse.models import run_model_over


def judge_candidates(context: StageContext, inputs: Inputs) -> Outcome:
    """The filtering stage: decisions for every gate and row, and the outcome of each round."""
    candidates = inputs.table("generation.candidates").sort("row_id")
    standing = inputs.table("anchors.rows").filter(pl.col("split") != "aside")
    anchors = standing.select("row_id", "text").sort("row_id")
    decisions = run_cascade(candidates, anchors, context.profile.gates)
    tables = {
        "generation.candidates": candidates,
        "generation.requests": inputs.table("generation.requests"),
        "filtering.decisions": decisions,
    }
    gates = {"gates": len(context.profile.gates)}
    rounds = run_model_over(tables, "filtering/rounds", gates).with_columns(
        pl.lit(None, pl.Float64).alias("coverage"), pl.lit(None, pl.Float64).alias("coverage_noise")
    )
    return Outcome(
        {"filtering.decisions": decisions, "provenance.rounds": rounds},
        _shown(tables, int(rounds["kept"].sum()), context),
    )


def _shown(tables: dict[str, pl.DataFrame], kept: int, context: StageContext) -> dict[str, Any]:
    reasons = run_model_over(tables, "filtering/rejects_by_reason")
    flow = run_model_over(tables, "filtering/gate_flow").sort("position")
    candidates = tables["generation.candidates"].height
    stages = ["generated", *flow["gate"]]
    left = [candidates, *flow["passed"]]
    return {
        "candidates": candidates,
        "kept": kept,
        "rejected": candidates - kept,
        "rejected by reason": reasons.rename({"n": "rows"}).to_dicts(),
        "rows left after each gate": bars(stages, left),
        "gates in order": flow.drop("position").to_dicts(),
        "overrides": [
            {"gate": setting.gate, "threshold": setting.threshold, "reason": setting.override_reason}
            for setting in context.profile.gates
            if setting.override_reason is not None
        ],
    }
