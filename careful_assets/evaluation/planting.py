"""Leaks that are known to be leaks: sealed rows copied, altered, cut, buried in other text, and said in other words.

Belongs here: what is planted, and how. Does not belong here: what finds it (`text.leaks`), judging (`benchmark`). The
same rows give the same leaks: what is drawn, is drawn by digests of row ids.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from careful_assets.provenance.digests import sha256
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED
from careful_assets.text.normalize import tokens

VERBATIM, PUNCTUATION, SWAPS = "verbatim", "case and punctuation", "word swaps"
TRUNCATED, EMBEDDED, DISGUISE, PARAPHRASE = "truncation", "embedded", "disguise", "paraphrase"
BUILT = (VERBATIM, PUNCTUATION, SWAPS, TRUNCATED, EMBEDDED, DISGUISE)
"""Kinds that are made from a row by rule."""
SHORT = ", short"
"""Follows a kind's name where the row has fewer words than most detectors judge."""
_LEAST_KEPT, _MOST_KEPT = 60, 80  # percent of a row's words that a truncation leaves
_WORDS_A_SWAP = 10
_CURLY = str.maketrans({"'": "\u2019", '"': "\u201d", "-": "\u2013"})


@dataclass(frozen=True)
class Leak:
    """A row that is a sealed one in another form; `source`: the id of that one."""

    kind: str
    text: str
    source: str

    @property
    def is_short(self) -> bool:
        """Whether it has fewer words than most detectors judge."""
        return self.kind.endswith(SHORT)


@dataclass(frozen=True)
class Pair:
    """Two sentences of one meaning, and their number in the file."""

    number: int
    original: str
    paraphrase: str


@cache
def paraphrase_pairs() -> tuple[Pair, ...]:
    """The pairs of `paraphrases.txt`, in the order of the file."""
    lines = Path(__file__).with_name("paraphrases.txt").read_text(encoding="utf-8").splitlines()
    parted = (line.split("|") for line in lines if line and not line.startswith("#"))
    return tuple(Pair(number, original, paraphrase) for number, (original, paraphrase) in enumerate(parted))


def planted_leaks(sources: pl.DataFrame, others: Sequence[str]) -> list[Leak]:
    """Leaks of every kind that is made by rule, from each of these rows.

    A row too short for most detectors gives copies alone. A kind is left out where what it leaves of a row would be
    too short, and `embedded` and `word swaps` where there are no other texts.

    Args:
        sources: row_id, text.
        others: texts that are no leaks: they stand before and after a buried row and lend it their words.
    """
    words = sorted({word for text in others for word in tokens(text)})
    leaks = []
    for row_id, text in sources.select("row_id", "text").sort("row_id").iter_rows():
        short = len(tokens(text)) < SHORTEST_JUDGED
        for kind, planted in _of(row_id, text, others, words):
            if short and kind in (VERBATIM, PUNCTUATION):
                leaks.append(Leak(kind + SHORT, planted, row_id))
            elif not short and (kind == DISGUISE or len(tokens(planted)) >= SHORTEST_JUDGED):
                leaks.append(Leak(kind, planted, row_id))
    return leaks


def paraphrase_leaks(pairs: Sequence[Pair]) -> list[Leak]:
    """Each pair's second sentence, a leak of its first."""
    return [Leak(PARAPHRASE, pair.paraphrase, pair_id(pair)) for pair in pairs]


def pair_id(pair: Pair) -> str:
    """The row id under which a pair's original is sealed."""
    return f"pair-{pair.number:03}"


def _of(row_id: str, text: str, others: Sequence[str], words: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield VERBATIM, text
    yield PUNCTUATION, _drawn_by(row_id, PUNCTUATION).choice(_REWRITTEN)(text)
    yield DISGUISE, _drawn_by(row_id, DISGUISE).choice(_DISGUISED)(text)
    yield TRUNCATED, _truncated(_drawn_by(row_id, TRUNCATED), text)
    if others:
        yield SWAPS, _swapped(_drawn_by(row_id, SWAPS), text, words)
        drawn = _drawn_by(row_id, EMBEDDED)
        before, after = (" ".join(drawn.choice(others) for _ in range(drawn.randint(1, 3))) for _ in range(2))
        yield EMBEDDED, f"{before} {text} {after}"


def _drawn_by(row_id: str, kind: str) -> random.Random:
    return random.Random(sha256(f"{kind} {row_id}"))  # drawn alike every time


def _pieces(text: str) -> tuple[list[str], str]:
    """What is moved or cut, and what stands between: words, or characters where words are written together."""
    words = text.split()
    return (words, " ") if len(words) >= SHORTEST_JUDGED else (list(text), "")


def _swapped(drawn: random.Random, text: str, words: Sequence[str]) -> str:
    """One word in a row of up to 9, two in one of up to 19 and so on: changed places with the next, or replaced."""
    pieces, between = _pieces(text)
    places = range(max(0, len(pieces) - 1))
    for place in drawn.sample(places, min(1 + len(pieces) // _WORDS_A_SWAP, len(places))):
        if drawn.random() < 0.5:
            pieces[place], pieces[place + 1] = pieces[place + 1], pieces[place]
        else:
            pieces[place] = drawn.choice(words)
    return between.join(pieces)


def _truncated(drawn: random.Random, text: str) -> str:
    """The first or the last 60 to 80% of a row; nothing where too little would be left to judge."""
    pieces, between = _pieces(text)
    least = max(SHORTEST_JUDGED, -(-len(pieces) * _LEAST_KEPT // 100))
    most = len(pieces) * _MOST_KEPT // 100
    if most < least:
        return ""
    kept = drawn.randint(least, most)
    return between.join(pieces[:kept] if drawn.random() < 0.5 else pieces[-kept:])


def _without_marks(text: str) -> str:
    return "".join(one for one in text if one.isalnum() or one.isspace() or one == "'")


def _marked_up(text: str) -> str:
    words = text.title().split(" ")
    return " ".join(f"{word}," if place % 3 == 2 else word for place, word in enumerate(words)) + " ..."


_REWRITTEN: tuple[Callable[[str], str], ...] = (
    lambda text: f"{text.upper()} !!!",
    lambda text: _without_marks(text).lower(),
    _marked_up,
    lambda text: f"  \u201c{text.swapcase().translate(_CURLY)}\u201d  ".replace(" ", "  "),
)
# Letters that look alike, and digits that are read for them.
_CYRILLIC = str.maketrans("aceijopsxy", "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443")
_LEET = str.maketrans("oieast", "013457")
_DISGUISED: tuple[Callable[[str], str], ...] = (
    lambda text: "'".join(text.split()),
    lambda text: "".join(text.split()),
    " ".join,
    ".".join,
    lambda text: text.translate(_CYRILLIC),
    lambda text: text.translate(_LEET),
)
