"""The gate `refusal`: a row is a row, and not a model's refusal, courtesy, placeholder or template.

`text.refusals` holds the list; customers who refuse to recommend a thing pass.
"""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange
from careful_assets.text.refusals import find_echo

# As OpenAI-compatible generators report a refusal of their own or their provider's.
_REFUSED = ("refusal", "content_filter")


class Refusal:
    """Refuses what the generator marked as refused, and texts in which a pattern of the list stands."""

    name = "refusal"
    version = 1
    reasons: tuple[str, ...] = ("refusal", "boilerplate", "placeholder", "template_token")
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each row by its finish reason and text; evidence names the pattern by its line in the list."""
        return [_decide(text, reason) for text, reason in rows.select("text", "finish_reason").iter_rows()]


def _decide(text: str, finish_reason: str | None) -> Decision:
    if finish_reason in _REFUSED:
        return Decision(False, "refusal", evidence=f"finish_reason is {finish_reason}")
    if echo := find_echo(text):
        evidence = f"{echo.place}; line {echo.line} of the list, version {echo.version}"
        return Decision(False, echo.reason, evidence=evidence)
    return Decision(True)
