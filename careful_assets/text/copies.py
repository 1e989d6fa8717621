"""Copies of one text among others: texts that equal it, however they are written, and texts that hold all of it.

Belongs here: what an erasure takes for a copy. Does not belong here: near copies (`near_texts`), which say something
else in part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from careful_assets.text.normalize import hash64, normalize, tokens

# A shorter text stands in others by chance.
SHORTEST_CONTAINED = 8


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
    normal, words = normalize(text), tokens(text)
    known = {*hashes, hash64(normal)} - {hash64("")}
    contained = normal if len(words) >= SHORTEST_CONTAINED else None
    phrase = f" {' '.join(words)} "
    found = set()
    for key, other in rows:
        written = normalize(other)
        if hash64(written) in known or (
            contained is not None and (contained in written or phrase in f" {' '.join(tokens(other))} ")
        ):
            found.add(key)
    return frozenset(found)
