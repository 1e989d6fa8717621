"""Pieces of texts for similarity: character shingles, and Jaccard's coefficient.

Belongs here: how a text is cut up, one way for every gate and detector. Does not belong here: finding pairs
among many texts, and thresholds.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from careful_assets.text.normalize import normalize

SHINGLE_CHARACTERS = 5


def character_shingles(text: str, n: int = SHINGLE_CHARACTERS) -> frozenset[str]:
    """The distinct runs of `n` characters in the text's normal form.

    A text shorter than that is its own one shingle, so that two short texts are alike only if they are
    equal; a text whose normal form is empty has none.

    Raises:
        ValueError: `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"shingles need at least one character, not {n}")
    normal = normalize(text)
    if not normal:
        return frozenset()
    return frozenset(normal[start : start + n] for start in range(max(1, len(normal) - n + 1)))


def jaccard(first: AbstractSet[str], second: AbstractSet[str]) -> float:
    """Shared members over all members (Jaccard 1912), in [0, 1]; 0.0 where either set is empty.

    Two texts with nothing in them are no evidence of copying, hence 0.0 and not 1.0 for two empty sets.
    """
    if not first or not second:
        return 0.0
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)
