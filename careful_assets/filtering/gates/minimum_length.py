"""The gate `minimum_length`: a row has at least so many words."""

from __future__ import annotations

import math

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange, needed
from careful_assets.text.normalize import tokens


class MinimumLength:
    """Refuses rows with fewer tokens than the threshold; `text.normalize.tokens` says what a token is."""

    name = "minimum_length"
    version = 1
    reasons: tuple[str, ...] = ("too_short",)
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = ThresholdRange("tokens", 0, math.inf)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself; the score is its number of tokens."""
        least = needed(threshold)
        counts = [len(tokens(text)) for text in rows["text"]]
        return [Decision(n >= least, None if n >= least else "too_short", score=float(n)) for n in counts]
