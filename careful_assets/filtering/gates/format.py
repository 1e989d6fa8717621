"""The gate `format`: a row is one line of readable text.

It looks at the text as generated. Characters that merely do not show (zero-width joiners, direction marks)
are ordinary writing in many scripts and pass.
"""

from __future__ import annotations

import re

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange
from careful_assets.text.normalize import normalize

# C0 and C1 control characters and DEL, NUL among them; tab, line feed, carriage return and next line are
# layout.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_REPLACEMENT = "\ufffd"


class Format:
    """Refuses rows that are empty, hold control or replacement characters, span lines, or have no letters."""

    name = "format"
    version = 1
    reasons: tuple[str, ...] = (
        "empty",
        "control_character",
        "replacement_character",
        "several_lines",
        "no_letters",
    )
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each text by itself; the first reason that holds, in the order of `reasons`, is given."""
        return [_decide(text) for text in rows["text"]]


def _decide(text: str) -> Decision:
    if control := _CONTROL.search(text):
        return Decision(False, "control_character", evidence=_place(ord(control.group()), control.start()))
    if not normalize(text):
        return Decision(False, "empty", evidence=f"{len(text)} characters, none of which shows")
    if _REPLACEMENT in text:
        return Decision(False, "replacement_character", evidence=_place(0xFFFD, text.index(_REPLACEMENT)))
    lines = len(text.splitlines())
    if lines > 1:
        return Decision(False, "several_lines", evidence=f"{lines} lines")
    if not any(map(str.isalpha, text)):
        return Decision(False, "no_letters", evidence=f"{len(text)} characters, no letter")
    return Decision(True)


def _place(code: int, position: int) -> str:
    return f"U+{code:04X} at character {position + 1}"
