"""The gate `truncation`: a row ended by itself, and not where the generator's budget of tokens ran out."""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange


class Truncation:
    """Refuses rows whose finish reason is `length`, as OpenAI-compatible generators call it.

    A row whose generator reported no finish reason passes, and its evidence says so.
    """

    name = "truncation"
    version = 1
    reasons: tuple[str, ...] = ("cut_off",)
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each row by its finish reason alone."""
        return [_decide(finish_reason) for finish_reason in rows["finish_reason"]]


def _decide(finish_reason: str | None) -> Decision:
    if finish_reason is None:
        return Decision(True, evidence="the generator reported no finish reason")
    if finish_reason == "length":
        return Decision(False, "cut_off", evidence="finish_reason is length")
    return Decision(True)
