"""Filtering: every candidate meets the gates in order; every meeting leaves a decision, and rejects are kept.

What each round came to, coverage of real included, is told to generation by way of `provenance.rounds`.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.coverage import with_coverage
from careful_assets.measures.plots import bars
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.warehouse.models import run_model_over


def judge_candidates(context: StageContext, inputs: Inputs) -> Outcome:
    """The filtering stage: decisions for every gate and row, and the outcome of each round."""
    requests = inputs.table("generation.requests")
    asked = requests.select("request_id", "round")
    candidates = inputs.table("generation.candidates").join(asked, on="request_id").sort("row_id")
    standing = inputs.table("anchors.rows").filter(pl.col("split") != "aside")
    anchors = standing.select("row_id", "text", "label", "split").sort("row_id")
    decisions = run_cascade(candidates, anchors.select("row_id", "text"), context.profile.gates)
    tables = {
        "generation.candidates": candidates,
        "generation.requests": requests,
        "filtering.decisions": decisions,
    }
    gates = {"gates": len(context.profile.gates)}
    kept = run_model_over(tables, "filtering/kept_by_round", gates).join(
        candidates.select("row_id", "text"), on="row_id"
    )
    rounds, told = with_coverage(run_model_over(tables, "filtering/rounds", gates), kept, anchors)
    return Outcome(
        {"filtering.decisions": decisions, "provenance.rounds": rounds},
        _shown(tables, int(rounds["kept"].sum()), context) | {"rounds": _rounds(rounds), "coverage of real": told},
    )


def _rounds(rounds: pl.DataFrame) -> list[dict[str, Any]]:
    """Few columns: the page is narrow."""
    shown = rounds.sort("round", "stratum").rename({"stratum": "label", "coverage_noise": "noise"})
    return shown.select("round", "label", "asked", "kept", "coverage", "noise").to_dicts()


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
