"""Monitoring: the frozen slices, read again: what the released mix scores on each, beside its baseline."""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.stage import Inputs, Outcome, StageContext

MONITORED_ARM = "mix"
_OBSERVATIONS = {
    "slice": pl.String, "name": pl.String, "value": pl.Float64, "baseline": pl.Float64, "n": pl.Int64,
    "version": pl.String,
}  # fmt: skip


def observe(context: StageContext, inputs: Inputs) -> Outcome:
    """The monitoring stage: one observation a frozen slice and score, for the newest release."""
    newest = inputs.table("release.releases").sort("made_at")["version"][-1]
    slices = inputs.table("training.slices").select("slice", "name", pl.col("value").alias("baseline"), "n")
    results = inputs.table("training.results").filter(pl.col("arm") == MONITORED_ARM).select("slice", "name", "value")
    observations = (
        slices.join(results, on=["slice", "name"], how="left")
        .with_columns(version=pl.lit(newest))
        .select(list(_OBSERVATIONS))
        .sort("slice", "name")
    )
    return Outcome(
        {"monitoring.observations": observations},
        {"release": newest, "frozen slices": observations.drop("version").rename({"n": "rows"}).to_dicts()},
    )
