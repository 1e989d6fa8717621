"""The gate `unicode_limits`: a row's characters show what they are.

It refuses what hides or fakes writing and lets every script and emoji pass; `text.characters` and `text.scripts` say
which is which.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange, needed
from careful_assets.text.characters import Place, invisible, longest_mark_run, private_use, reordering, unassigned
from careful_assets.text.scripts import mixed_word

_MISLEADING: dict[str, Callable[[str], Place | None]] = {
    "reordered_text": reordering,
    "invisible_characters": invisible,
    "private_use_character": private_use,
    "unassigned_character": unassigned,
    "mixed_script_word": mixed_word,
}


class UnicodeLimits:
    """Refuses heaped marks, reordered or invisible writing, meaningless code points and look-alike words.

    The threshold is the most combining marks that may stand in a row; UTS #39 names 4. The score is the longest run.
    """

    name = "unicode_limits"
    version = 1
    reasons: tuple[str, ...] = ("heaped_marks", *_MISLEADING)
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = ThresholdRange("combining marks in a row", 1, 30)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself; the first reason that holds, in the order of `reasons`, is given."""
        most = needed(threshold)
        return [_decide(text, most) for text in rows["text"]]


def _decide(text: str, most: float) -> Decision:
    if text.isascii():
        return Decision(True, score=0.0)
    marks, where = longest_mark_run(text)
    if marks > most:
        return Decision(False, "heaped_marks", float(marks), evidence=f"{marks} combining marks in a row, {where}")
    for reason, finds in _MISLEADING.items():
        if place := finds(text):
            return Decision(False, reason, float(marks), evidence=str(place))
    return Decision(True, score=float(marks))
