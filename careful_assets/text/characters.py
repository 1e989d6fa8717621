"""Characters that mislead: marks heaped on letters, reordered or invisible writing, code points without a meaning.

Belongs here: finding them, after UTS #39 (Unicode Security Mechanisms), UAX #9 (bidirectional text) and Boucher and
Anderson 2021 ("Trojan Source"), so that ordinary writing of any script passes. Does not belong here: words of two
scripts (`scripts`), removing characters (`normalize`), and control characters (the gate `format`).

What is assigned hangs on Python's Unicode tables; blocks that newer ones fill, emoji and Han, count as assigned.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_OVERRIDES = "\u202d\u202e"
_OPENERS = {"\u202a": "\u202c", "\u202b": "\u202c", "\u2066": "\u2069", "\u2067": "\u2069", "\u2068": "\u2069"}
# The scripts whose words need no joiner and no break inside; emoji, Arabic, Indic and spaceless scripts do.
_PLAIN = "0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u052f\u1e00-\u1eff"
_UNSEEN = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8"
)
_TAGS = "\U000e0000-\U000e007f"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_INVISIBLE = re.compile(
    "|".join(
        [
            rf"(?<=[{_PLAIN}])[{_UNSEEN}]+(?=[{_PLAIN}])",
            # Longer runs write nothing in any script; they carry hidden data.
            rf"[{_UNSEEN}\u200e\u200f\u061c\u00ad]{{4,}}",
            # Hyphenation leaves two letters together; fewer hide a word from a search.
            r"\u00ad.?\u00ad",
            # A tag stands in a flag only: a black flag, tags, and the tag that ends them.
            rf"(?<![\U0001f3f4{_TAGS}])[{_TAGS}]+",
            rf"\U0001f3f4[{_TAGS}]*[{_TAGS.replace(chr(0xE007F), chr(0xE007E))}](?![{_TAGS}])",
            # One variation selector a character; those of the supplement on Han only.
            rf"[{_SELECTORS}]{{2,}}",
            rf"(?<![{_HAN}])[\U000e0100-\U000e01ef]",
        ]
    )
)


@dataclass(frozen=True)
class Place:
    """Where something stands: the first and the last of its characters, counted from 1."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"character {self.first}" if self.first == self.last else f"characters {self.first} to {self.last}"


def longest_mark_run(text: str) -> tuple[int, Place | None]:
    """The most nonspacing or enclosing marks in a row (UTS #39 section 5.4), and where; (0, None) without any."""
    marks = "".join(character for character in set(text) if unicodedata.category(character) in ("Mn", "Me"))
    if not marks:
        return 0, None
    longest = max(re.finditer(f"[{re.escape(marks)}]+", text), key=lambda run: run.end() - run.start())
    return longest.end() - longest.start(), Place(longest.start() + 1, longest.end())


def reordering(text: str) -> Place | None:
    """The first override of direction, else the first embedding or isolate that is left open at the text's end."""
    overridden = [text.index(one) for one in _OVERRIDES if one in text]
    if overridden:
        return Place(min(overridden) + 1, min(overridden) + 1)
    opened: list[tuple[str, int]] = []
    isolates = 0
    for control in re.finditer("[\u202a-\u202c\u2066-\u2069]", text):
        character = control.group()
        if character in _OPENERS:
            opened.append((_OPENERS[character], control.start()))
            isolates += _OPENERS[character] == "\u2069"
        # The end of an isolate ends the embeddings in it as well; an end without a beginning does nothing.
        elif character == "\u2069" and isolates:
            isolates -= 1
            while opened.pop()[0] != character:
                pass
        elif opened and opened[-1][0] == character:
            opened.pop()
    return Place(opened[0][1] + 1, opened[0][1] + 1) if opened else None


def invisible(text: str) -> Place | None:
    """The first characters that do not show and have no business where they stand.

    Those are: joiners, zero-width spaces and fillers inside words of Latin, Greek or Cyrillic letters; four or more in
    a row anywhere; soft hyphens around a single letter; tags outside flags; variation selectors in a row, or of the
    supplement on other than Han. Emoji sequences, Persian and Indic joiners and breaks in Thai or Khmer pass.
    """
    found = _INVISIBLE.search(text)
    return Place(found.start() + 1, found.end()) if found else None


def private_use(text: str) -> Place | None:
    """The first code point that Unicode leaves to private agreement."""
    return _first(text, lambda character: unicodedata.category(character) == "Co")


def unassigned(text: str) -> Place | None:
    """The first code point that stands for nothing: noncharacters, surrogates, and what Unicode has not assigned."""
    return _first(text, lambda character: unicodedata.category(character) in ("Cn", "Cs") and not _reserved(character))


def _reserved(character: str) -> bool:
    code = ord(character)
    noncharacter = code & 0xFFFE == 0xFFFE
    return not noncharacter and (0x1F000 <= code <= 0x1FFFD or 0x20000 <= code <= 0x3FFFD)


def _first(text: str, wrong: Callable[[str], bool]) -> Place | None:
    places = [text.index(character) for character in set(text) if wrong(character)]
    return Place(min(places) + 1, min(places) + 1) if places else None
