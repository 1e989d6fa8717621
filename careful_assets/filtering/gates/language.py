"""The gate `language`: a row is in a language that real rows are in."""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import SHORTEST_JUDGED, TOO_SHORT, Beside, Decision, ThresholdRange, needed
from careful_assets.text.language import likeliest, probabilities
from careful_assets.text.normalize import tokens

NO_EXPECTATION = "no_anchor_to_judge_by"
_SAMPLE = 4000  # anchors: a language of 1% of them is seen 40 times


class Language:
    """Refuses rows that are surely in a language which under 1% of the anchors are in.

    Sure is a row whose likeliest language is not expected, and the probabilities of all that are not expected come to
    the threshold or more: of close languages (Danish, Norwegian) neither is sure by itself. Misspelt or terse writing
    looks a little like many languages and stays below. The gate abstains under `SHORTEST_JUDGED` tokens, and where no
    anchor is long enough to tell what to expect.
    """

    name = "language"
    version = 1
    reasons: tuple[str, ...] = ("other_language",)
    abstentions: tuple[str, ...] = (TOO_SHORT, NO_EXPECTATION)
    threshold_range: ThresholdRange | None = ThresholdRange("thousandths of probability", 500, 1000)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself; the score is the probability of all languages that are not expected."""
        least = needed(threshold)
        long = [len(tokens(text)) >= SHORTEST_JUDGED for text in rows["text"]]
        expected = expected_languages(beside.anchors) if any(long) else frozenset()
        return [
            _decide(text, expected, least) if judged else Decision(True, TOO_SHORT)
            for text, judged in zip(rows["text"], long, strict=True)
        ]


def expected_languages(anchors: pl.DataFrame) -> frozenset[str]:
    """The likeliest languages of at least 1% of the anchors that can be judged, of an even sample of 4,000 at most."""
    every = max(1, -(-anchors.height // _SAMPLE))
    judged = [likeliest(text) for text in anchors["text"].gather_every(every) if len(tokens(text)) >= SHORTEST_JUDGED]
    return frozenset(language for language in set(judged) if judged.count(language) * 100 >= len(judged))


def _decide(text: str, expected: frozenset[str], least: float) -> Decision:
    if not expected:
        return Decision(True, NO_EXPECTATION)
    found = probabilities(text)
    likely = next(iter(found))
    # Whole thousandths: the last bits of a probability hang on the machine.
    score = round(1000 * sum(share for language, share in found.items() if language not in expected))
    if likely in expected or score < least:
        return Decision(True, score=float(score))
    return Decision(False, "other_language", float(score), evidence=f"likeliest {likely}; expected {_named(expected)}")


def _named(languages: frozenset[str]) -> str:
    shown = sorted(languages)[:8]
    return ", ".join(shown) + (" and others" if len(languages) > len(shown) else "")
