"""Which rows a model is trained on: all real ones, and generated ones up to the card's cap."""

from __future__ import annotations

import polars as pl

from careful_assets.measures.shares import as_written
from careful_assets.provenance.digests import canonical, sha256


def capped_mix(real: pl.DataFrame, generated: pl.DataFrame, max_share: float, seed: int) -> pl.DataFrame:
    """All real rows and, in each class, as many generated rows as keep their share of it at or under `max_share`.

    Args:
        real, generated: frames with row_id, text, label.
        max_share: of generated rows in each class, from 0 to 1.
        seed: decides which generated rows go in where the cap leaves some out.

    Returns:
        row_id, text, label, origin (`real` or `generated`), sorted by row_id.
    """
    in_class = dict(real.group_by("label").len().iter_rows())
    chosen = []
    for (label,), rows in generated.group_by("label"):
        cap = room(in_class.get(label, 0), max_share, rows.height)
        drawn = sorted(rows["row_id"].to_list(), key=lambda row_id: sha256(f"{seed}\0{row_id}"))[:cap]
        chosen.extend(drawn)
    return pl.concat(
        [
            real.select("row_id", "text", "label").with_columns(origin=pl.lit("real")),
            generated.filter(pl.col("row_id").is_in(chosen))
            .select("row_id", "text", "label")
            .with_columns(origin=pl.lit("generated")),
        ]
    ).sort("row_id")


def room(real: int, max_share: float, available: int) -> int:
    """How many generated rows fit beside `real` rows so that generated / (generated + real) ≤ `max_share`."""
    share = as_written(max_share)
    return available if share == 1 else min(available, int(real * share / (1 - share)))


def mix_id(mix: pl.DataFrame) -> str:
    """The digest of what is in the mix: row ids with their labels."""
    return sha256(canonical(sorted(mix.select("row_id", "label").iter_rows())))[:16]
