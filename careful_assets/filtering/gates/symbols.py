"""The gate `symbols`: a row is words, and not the residue of code, markup, tables or lists of figures."""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import SHORTEST_JUDGED, TOO_SHORT, Beside, Decision, ThresholdRange, needed
from careful_assets.text.normalize import tokens
from careful_assets.text.symbols import symbol_runs, words_without_letters


class Symbols:
    """Refuses rows in which symbol runs, or words without a letter, reach the threshold's share of the words.

    `text.symbols` says what a symbol is; dots, exclamation marks and emoji are none. Under `SHORTEST_JUDGED` tokens
    the gate abstains: "10/10 amazing" is a review. Capitals are no fault.
    """

    name = "symbols"
    version = 1
    reasons: tuple[str, ...] = ("symbol_heavy", "words_without_letters")
    abstentions: tuple[str, ...] = (TOO_SHORT,)
    threshold_range: ThresholdRange | None = ThresholdRange("thousandths of the row's words", 1, 1000)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself; the score is the larger of the two counts for every thousand words."""
        least = needed(threshold)
        return [_decide(text, least) for text in rows["text"]]


def _decide(text: str, least: float) -> Decision:
    words = tokens(text)
    if len(words) < SHORTEST_JUDGED:
        return Decision(True, TOO_SHORT)
    runs, letterless = symbol_runs(text, words), words_without_letters(words)
    score = float(max(runs, letterless))
    if score < least:
        return Decision(True, score=score)
    reason = "symbol_heavy" if runs >= letterless else "words_without_letters"
    return Decision(False, reason, score, evidence=f"{max(runs, letterless)} for every 1000 of its {len(words)} words")
