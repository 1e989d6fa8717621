"""What a chat model writes that is no row: refusals, courtesies, placeholders, and the tokens of its template.

Belongs here: reading the list `lexicons/refusals.txt` and finding its patterns. Does not belong here: a refusal that
the generator reported by itself (`finish_reason`), and the decision on a row. The list is English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from careful_assets.text.characters import Place

_LIST = Path(__file__).parent / "lexicons" / "refusals.txt"
# One character for one, so that places hold.
_PLAIN = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "\u00a0": " "})
# Quotes, bullets and numbers that a row may be wrapped in; possessive, so that a long opening is read once.
_OPENING = r"\A[\s\"'*_>#-]*+(?:\d{1,3}[.)]\s*+)?+[\s\"'*_-]*+"
# An assistant's words stand about a row, not deep in it. A longer text is read at both ends, which bounds the time.
_READ = 4000


@dataclass(frozen=True)
class Listed:
    """One pattern of the list: the reason it gives, its line in the file, and what finds it."""

    reason: str
    line: int
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Echo:
    """What was found: the reason, the list's version and the pattern's line, and where in the text."""

    reason: str
    version: int
    line: int
    place: Place


def find_echo(text: str) -> Echo | None:
    """The first pattern of the list, in its order, that the text holds; None if it holds none.

    Of a text over 8,000 characters the first and last 4,000 are read.
    """
    version, patterns = _listed()
    plain = text.translate(_PLAIN)
    pieces = [(0, plain)] if len(plain) <= 2 * _READ else [(0, plain[:_READ]), (len(plain) - _READ, plain[-_READ:])]
    for listed in patterns:
        for offset, piece in pieces:
            at_start = listed.pattern.pattern.startswith(r"\A")
            if (offset == 0 or not at_start) and (found := listed.pattern.search(piece)):
                place = Place(offset + found.start() + 1, offset + max(found.end(), found.start() + 1))
                return Echo(listed.reason, version, listed.line, place)
    return None


@cache
def _listed() -> tuple[int, list[Listed]]:
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    version = int(lines[0].removeprefix("# version "))
    return version, list(_patterns(lines))


def _patterns(lines: list[str]) -> Iterator[Listed]:
    reason = place = ""
    for number, line in enumerate(lines, start=1):
        if heading := re.fullmatch(r"\[(\w+) (start|anywhere)\]", line):
            reason, place = heading.groups()
        elif line and not line.startswith("# "):
            opening = _OPENING if place == "start" else ""
            spaced = line.replace(" ?", r"\s*").replace(" ", r"\s+")
            yield Listed(reason, number, re.compile(f"{opening}(?:{spaced})", re.IGNORECASE | re.DOTALL))
