"""Rejects drawn for people to read, so that no gate eats the tail unseen: terse, misspelt, odd but real-like rows.

Belongs here: the draw. Does not belong here: what people make of it (`labeling.reviews`).
"""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.digests import sha256

EACH = 5
MOST = 100


def reject_samples(decisions: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`filtering.reject_samples`: up to 5 rejects of every gate and reason, at most 100 in all.

    `draw` counts the sample of a gate and reason from 1. The same seed and decisions give the same sample: rows are
    drawn in the order of SHA-256 of seed and row id. Of too many reasons, all first draws come before any second. What
    people excluded is not among them: it was no gate of the profile that refused it.
    """
    drawn = pl.col("row_id").map_elements(lambda row_id: sha256(f"{seed} {row_id}"), return_dtype=pl.String)
    refused = decisions.filter(~pl.col("passed") & (pl.col("position") >= 0))
    rejects = refused.select("row_id", "gate", "reason", "position", drawn.alias("drawn"))
    place = pl.col("drawn").rank("ordinal").over("gate", "reason").cast(pl.Int32).alias("draw")
    sample = rejects.with_columns(place).filter(pl.col("draw") <= EACH).sort("draw", "position", "reason").head(MOST)
    return sample.select("row_id", "gate", "reason", "draw")
