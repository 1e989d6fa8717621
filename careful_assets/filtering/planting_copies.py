"""Planted copies of real rows: exact, near, of a row's own parents, in the same words.

Belongs here: how a copy is made, so that it is one by definition, or by a count of its own. Does not belong here:
other faults (`planting`).
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from careful_assets.filtering.gate import SHORTEST_JUDGED
from careful_assets.text.ngrams import character_shingles, jaccard
from careful_assets.text.normalize import normalize, tokens

_EACH, _NEAR, _ECHOES = 40, 200, 80
_ASCII = {chr(code): chr(code - 32) for code in range(ord("a"), ord("z") + 1)}
_UPPER = str.maketrans(_ASCII)
_WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F) if chr(code) not in "'\"-"})
_CURLY = str.maketrans({"'": "\u2019", '"': "\u201d"})
_MARK = re.compile(r"(?<=\w)([.,!?])(?=\s|$)")


@dataclass(frozen=True)
class Plant:
    """One planted row: what kind of fault it has, how its generation ended and which anchors its prompt showed."""

    kind: str
    text: str
    finish_reason: str | None = "stop"
    parents: tuple[str, ...] = ()


_WRITINGS: dict[str, Callable[[str], str]] = {
    "exact copy, case": lambda text: text.translate(_UPPER),
    "exact copy, spaces": lambda text: f"  {text.replace(' ', '   ')} ",
    "exact copy, spaces before marks": lambda text: _MARK.sub(r" \1", text) + " ",
    "exact copy, quotes": lambda text: text.translate(_CURLY) + "\u00a0",
    "exact copy, full width": lambda text: text.translate(_WIDE),
    "exact copy, decomposed": lambda text: unicodedata.normalize("NFD", text) + "\u2003",
}
"""Writings of a text that are equal to it by Unicode's definitions (canonical and compatibility equivalence), by the
case of ASCII letters, and by spaces and quotes, which carry no words."""


class Copies:
    """Makes copies of open anchors, and of clean rows that stand before them among the candidates."""

    def __init__(self, anchors: pl.DataFrame, real: Sequence[str]) -> None:
        """`anchors`: what the rows are held against, in the order in which they are copied; `real`: clean rows."""
        self.anchors = anchors
        self._sources = [
            (row_id, text) for row_id, text in anchors.select("row_id", "text").iter_rows() if tokens(text)
        ]
        self._real = [text for text in real if tokens(text)]
        self._makers: dict[str, Callable[[float], Iterator[Plant]]] = {
            "exact_duplicate": self._exact,
            "near_duplicate": self._near,
            "seed_echo": self._echoes,
            "novelty": self._same_order,
            "semantic_duplicate": self._other_order,
        }

    def of(self, gate: str, threshold: float) -> list[Plant]:
        """The copies that this gate is shown; none for a gate that looks for no copies."""
        maker = self._makers.get(gate)
        return list(maker(threshold)) if maker else []

    def _exact(self, threshold: float) -> Iterator[Plant]:
        for turn, (kind, write) in enumerate(_WRITINGS.items()):
            for row_id, text in self._sources[turn * _EACH : (turn + 1) * _EACH] or self._sources[:_EACH]:
                yield Plant(kind, write(text), parents=(row_id,))
        for text in self._real[:_EACH]:
            yield Plant("exact copy of a candidate", text)

    def _near(self, threshold: float) -> Iterator[Plant]:
        for row_id, text in self._sources[:_NEAR]:
            if near := _edited(text, threshold, row_id):
                yield Plant("near copy", near, parents=(row_id,))
        for text in self._real[-_EACH:]:
            if near := _edited(text, threshold, text):
                yield Plant("near copy of a candidate", near)

    def _echoes(self, threshold: float) -> Iterator[Plant]:
        long = [(row_id, text) for row_id, text in self._sources if len(tokens(text)) > SHORTEST_JUDGED + 2]
        for row_id, text in self._sources[:_ECHOES]:
            yield Plant("the whole parent", text.translate(_UPPER), parents=(row_id,))
        for row_id, text in long[:_ECHOES]:
            yield Plant("a passage of the parent", " ".join(tokens(text)[1:-1]), parents=(row_id,))
        for row_id, text in long[-_ECHOES:]:
            if framed := _framed(text, threshold):
                yield Plant("the parent and a word more", framed, parents=(row_id,))

    def _same_order(self, threshold: float) -> Iterator[Plant]:
        """As many words replaced as leave ROUGE-L F at the threshold: F is the share of words that stay."""
        for row_id, text in self._long()[: 2 * _ECHOES]:
            words = tokens(text)
            replaced = len(words) * (1000 - round(1000 * threshold)) // 1000
            places = random.Random(row_id).sample(range(len(words)), replaced)
            other = [f"zq{place}" if place in places else word for place, word in enumerate(words)]
            yield Plant("the parent's words in order", " ".join(other), parents=(row_id,))

    def _other_order(self, threshold: float) -> Iterator[Plant]:
        for row_id, text in self._long()[:_ECHOES]:
            yield Plant("the parent's words, reversed", " ".join(tokens(text)[::-1]), parents=(row_id,))

    def _long(self) -> list[tuple[str, str]]:
        return [(row_id, text) for row_id, text in self._sources if len(tokens(text)) >= SHORTEST_JUDGED]


def _edited(text: str, threshold: float, seed: str) -> str | None:
    """The text with as many letters changed as keep it similar enough, by count; None if one is too many."""
    shingles = character_shingles(text)
    for changes in (4, 3, 2, 1):
        rng, letters = random.Random(f"{changes} {seed}"), list(text)
        for _ in range(changes):
            letters[rng.randrange(len(letters))] = rng.choice("qxz")
        if jaccard(shingles, character_shingles("".join(letters))) >= threshold:
            return "".join(letters)
    longer = text + " x"
    return longer if jaccard(shingles, character_shingles(longer)) >= threshold else None


def _framed(text: str, threshold: float) -> str | None:
    """The text with a word before and after it, if enough of the whole is the text still."""
    framed = f"well {text} indeed"
    enough = len(normalize(text)) * 1000 >= threshold * len(normalize(framed))
    return framed if enough and normalize(text) in normalize(framed) else None
