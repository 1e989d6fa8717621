"""The gate `profanity`: a row holds no slur and no strong obscenity; anger in coarser words passes."""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange
from careful_assets.text.profanity import find_profanity


class Profanity:
    """Refuses rows with a word of the lists of slurs and strong obscenities, plain or in disguise.

    Furious customers swear: mild and moderate words pass, as `text.profanity` says. The lists are English.
    """

    name = "profanity"
    version = 1
    reasons: tuple[str, ...] = ("slur", "obscenity")
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself; evidence counts the words and never names one."""
        return [_decide(text) for text in rows["text"]]


def _decide(text: str) -> Decision:
    if found := find_profanity(text):
        return Decision(False, found.kind, evidence=f"{found.n} listed, the first is word {found.first}")
    return Decision(True)
