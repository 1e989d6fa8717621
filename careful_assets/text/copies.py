"""Copies of one text among others: texts that equal it, however they are written, and texts that hold all of it.

Belongs here: what an erasure takes for a copy. Does not belong here: near copies (`near_texts`), which say something
else in part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from careful_assets.text.normalize import hash64, normalize, tokens

# A shorter text stands in others by chance.
SHORTEST_CONTAINED = 4


def find_copies(text: str, hashes: Collection[int], rows: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The keys of the rows that copy the text.

    Args:
        text: the text; may be empty where only hashes of it are known.
        hashes: `hash64` of the normal forms that it has, or had.
        rows: key and text.

    Returns:
        Keys of rows whose normal form is one of those, or that hold the text whole, as a string of the normal form or
        as its words in a row, if it has `SHORTEST_CONTAINED` words or more. A text of which nothing shows has none.
    """
    known, contained = _forms(text, hashes), len(tokens(text)) >= SHORTEST_CONTAINED
    holds = _holder(text)
    return frozenset(key for key, other in rows if hash64(normalize(other)) in known or (contained and holds(other)))


def find_undecided(text: str, hashes: Collection[int], rows: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The keys of the rows that hold a text which is too short to tell whether they copy it; arguments as above."""
    if not 0 < len(tokens(text)) < SHORTEST_CONTAINED:
        return frozenset()
    known, holds = _forms(text, hashes), _holder(text)
    return frozenset(key for key, other in rows if hash64(normalize(other)) not in known and holds(other))


def _forms(text: str, hashes: Collection[int]) -> set[int]:
    return {*hashes, hash64(normalize(text))} - {hash64("")}


def _holder(text: str) -> Callable[[str], bool]:
    """Whether another text holds this one, as its words in a row or as a string of the normal form."""
    normal, phrase = normalize(text), f" {' '.join(tokens(text))} "
    return lambda other: normal in normalize(other) or phrase in f" {' '.join(tokens(other))} "
