"""What the damage of a wrong row demands of this dataset, as the card's table of damages has it.

Nothing here reads rows: the review is recorded for labeling, the caps are held by the card's rules.
"""

from __future__ import annotations

import polars as pl

from careful_assets.card.damage import TABLE, highest
from careful_assets.card.models import Card

_LIMITS: dict[str, type[pl.DataType]] = {
    "level": pl.String, "review": pl.String, "review_rows": pl.Int64, "max_synthetic_share_cap": pl.Float64,
    "max_leak_share_cap": pl.Float64,
}  # fmt: skip


def limits_frame(card: Card) -> pl.DataFrame:
    """`purpose.limits`, one row; `review_rows` is null where people read every kept row."""
    level = highest(gap.damage for gap in card.purpose.gap)
    demanded = TABLE[level]
    row = {
        "level": level,
        "review": demanded.review,
        "review_rows": demanded.review_rows,
        "max_synthetic_share_cap": demanded.max_synthetic_share[card.purpose.verifier.kind],
        "max_leak_share_cap": demanded.max_leak_share,
    }
    return pl.DataFrame([row], schema=_LIMITS)
