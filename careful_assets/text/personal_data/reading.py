"""A text as a finder reads it: ways of writing that hide a number or a name undone, each character with its origin.

Belongs here: what makes "４１１１", "4\u200b111" and "4111" one thing. Does not belong here: what is found in it.
Unlike `text.normalize`, letters keep their case (capitals tell names), and every character is read by itself, so that a
part of a text reads as it does within the whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Control characters that show nothing; white space among them is read as a space or the end of a line.
_UNPLAIN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_LINE_ENDS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_SHOWN_AS = {
    **dict.fromkeys("\u00b4\u02bc\u2018\u2019\u201a\u201b\u2032", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    # Default-ignorable letters: category Lo, but nothing to be seen.
    **dict.fromkeys("\u115f\u1160\u3164\uffa0", ""),
    "\u2024": ".",
}


@dataclass(frozen=True)
class Reading:
    """`text` to search in; character i of it comes from character `origins[i]` of the original (None: the same)."""

    text: str
    origins: Sequence[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's span that reads as `start:end`, which must not be empty."""
        return (start, end) if self.origins is None else (self.origins[start], self.origins[end - 1] + 1)


def read(text: str) -> Reading:
    """The text without accents and invisible characters, its digits, dashes, spaces and apostrophes plain.

    Total, in linear time.
    """
    if text.isascii() and not _UNPLAIN.search(text):
        return Reading(text, None)
    shown: list[str] = []
    origins: list[int] = []
    for position, character in enumerate(text):
        plain = _plain(character)
        shown.append(plain)
        origins.extend([position] * len(plain))
    return Reading("".join(shown), origins)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """How one character is read; empty for what does not show."""
    if character in _SHOWN_AS:
        return _SHOWN_AS[character]
    if character in _LINE_ENDS:
        return "\n"
    if character.isspace():
        return " "
    # NFKD (UAX #15) parts letters from their marks; what is no text of its own goes: marks, format and control.
    parts = unicodedata.normalize("NFKD", character)
    return "".join(_digit(part) for part in parts if unicodedata.category(part) not in ("Mn", "Me", "Cf", "Cc"))


def _digit(character: str) -> str:
    """Decimal digits of every script as those of ASCII; white space that came out of NFKD as a space."""
    if character.isspace():
        return " "
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)
