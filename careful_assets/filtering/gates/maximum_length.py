"""The gate `maximum_length`: a row has at most so many characters."""

from __future__ import annotations

import math

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange, needed


class MaximumLength:
    """Refuses rows with more characters (Unicode code points of the text as generated) than the threshold."""

    name = "maximum_length"
    version = 1
    reasons: tuple[str, ...] = ("too_long",)
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = ThresholdRange("characters", 0, math.inf)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself; the score is its number of characters."""
        most = needed(threshold)
        counts = [len(text) for text in rows["text"]]
        return [Decision(n <= most, None if n <= most else "too_long", score=float(n)) for n in counts]
