"""Slurs and strong obscenities in a text, told by lists of our own.

Belongs here: whole words from `lexicons/slurs.txt` and `lexicons/obscenities.txt`, and disguises of the strongest. Does
not belong here: coarse words that angry customers use (they are what a rare class is made of), words that also mean
something harmless ("coon", "dyke", "tranny"), and the decision on a row. The lists are English.

Strength follows Ofcom's "Attitudes to potentially offensive language" (2021): strong and strongest are listed, mild
and moderate ("damn", "crap", "shit", "bitch") are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from careful_assets.text.normalize import tokens

Kind = Literal["slur", "obscenity"]

_LEXICONS = Path(__file__).parent / "lexicons"
_KINDS: dict[Kind, str] = {"slur": "slurs.txt", "obscenity": "obscenities.txt"}
# What stands for a letter in a disguise. The first and last letter of a word stay themselves: "f***" says nothing.
_DISGUISES = {"a": "@4", "c": "(", "e": "3", "g": "9", "i": "1!|", "o": "0", "u": "v@"}
_ENDINGS = "(?:s|ed|er|ers|in|in'|ing)?"


@dataclass(frozen=True)
class Found:
    """Listed words in a text: their kind, how many, and the place of the first among its words, counted from 1."""

    kind: Kind
    n: int
    first: int


def find_profanity(text: str) -> Found | None:
    """The slurs of a text, or if it has none its strong obscenities; words in disguise where none stands plainly."""
    words = tokens(text)
    for kind in _KINDS:
        plain, disguised = _lexicon(kind)
        if places := [place for place, word in enumerate(words, start=1) if word in plain]:
            return Found(kind, len(places), places[0])
        if hidden := [match.start() for match in disguised.finditer(text)]:
            return Found(kind, len(hidden), len(tokens(text[: hidden[0]])) + 1)
    return None


@cache
def _lexicon(kind: Kind) -> tuple[frozenset[str], re.Pattern[str]]:
    """The listed words, and what finds those marked by * in disguise."""
    lines = (_LEXICONS / _KINDS[kind]).read_text(encoding="utf-8").splitlines()
    listed = [word for line in lines if not line.startswith("#") for word in line.split()]
    strongest = [word.removesuffix("*") for word in listed if word.endswith("*")]
    patterns = "|".join(f"{_leet(word)}|{_spaced(word)}" for word in strongest)
    return frozenset(word.removesuffix("*") for word in listed), re.compile(rf"(?<!\w)(?:{patterns})(?!\w)", re.I)


def _leet(word: str) -> str:
    """The word with letters drawn out or replaced by one look-alike or asterisk each, with an ending or without."""
    inner = "".join(f"(?:{letter}{{1,9}}|[*{_DISGUISES.get(letter, '')}])" for letter in word[1:-1])
    return f"{word[0]}{{1,9}}{inner}{word[-1]}{{1,9}}{_ENDINGS}"


def _spaced(word: str) -> str:
    """The word's letters one by one, the same space, dot or dash after each."""
    first, rest = word[0], word[1:]
    return rf"{first}(?:" + "|".join(separator + separator.join(rest) for separator in (" ", r"\.", "-", "_")) + ")"
