"""The gate `repetition`: a row goes on to say something new; `text.repetition` says what counts as repeating."""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import SHORTEST_JUDGED, TOO_SHORT, Beside, Decision, ThresholdRange, needed
from careful_assets.text.normalize import tokens
from careful_assets.text.repetition import repeated_characters, repeated_ngrams, repeated_words


class Repetition:
    """Refuses rows of whose characters the threshold's share, or more, repeats words, word sequences or characters.

    The three shares are taken one by one; the largest is the score and gives the reason. Under `SHORTEST_JUDGED`
    tokens repeated words are emphasis ("no no no") and only runs of characters are judged.
    """

    name = "repetition"
    version = 1
    reasons: tuple[str, ...] = ("repeated_characters", "repeated_words", "repeated_ngrams")
    abstentions: tuple[str, ...] = (TOO_SHORT,)
    threshold_range: ThresholdRange | None = ThresholdRange("thousandths of the row's characters", 1, 1000)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself."""
        least = needed(threshold)
        return [_decide(text, least) for text in rows["text"]]


def _decide(text: str, least: float) -> Decision:
    words = tokens(text)
    judged = len(words) >= SHORTEST_JUDGED
    shares = {"repeated_characters": repeated_characters(text)}
    if judged:
        shares |= {"repeated_words": repeated_words(words), "repeated_ngrams": repeated_ngrams(words)}
    reason = max(shares, key=lambda name: shares[name])
    score = float(shares[reason])
    if score >= least:
        return Decision(False, reason, score, evidence=f"{shares[reason]} of 1000 characters, in {len(words)} words")
    return Decision(True, None if judged else TOO_SHORT, score)
