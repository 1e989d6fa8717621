"""How much of a text stands in another word for word: the longest passage they share, and the phrases in common.

Belongs here: the two measures on one pair of texts. Does not belong here: which texts are compared and what follows
from it (the gate `seed_echo`), similarity of whole texts (`ngrams`, `novelty`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from careful_assets.text.normalize import normalize, tokens

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PHRASE_WORDS = 5
# Looking up every passage of one text in the other takes 0.07 ms for two rows of 100 characters, where `_by_doubling`
# takes 1 ms; but its time grows with the product of the lengths: from about here on it is the slower one.
_LARGE = 200_000_000


@dataclass(frozen=True)
class Passage:
    """A run of characters, as `start` and `length`."""

    start: int
    length: int


class Wording:
    """A text's normal form and phrases, cut once for all texts that it is compared with."""

    def __init__(self, text: str) -> None:
        self.normal = normalize(text)
        self.words = tokens(text)

    @cached_property
    def phrases(self) -> frozenset[tuple[str, ...]]:
        """The distinct runs of five words; none for a shorter text."""
        starts = range(len(self.words) - PHRASE_WORDS + 1)
        return frozenset(tuple(self.words[start : start + PHRASE_WORDS]) for start in starts)

    def holds(self, other: Wording) -> bool:
        """Whether all words of the other, one at least, stand here side by side and in order."""
        return bool(other.words) and f" {' '.join(other.words)} " in f" {' '.join(self.words)} "


def longest_common_passage(text: str, other: str) -> Passage:
    """The longest run of characters of `text` that stands in `other`; the first one of equally long ones.

    Exact; about a second for a text of a megabyte and a short one, ten for two of a megabyte.
    """
    if len(text) * len(other) > _LARGE:
        return _by_doubling(text, other)
    best = Passage(0, 0)
    for start in range(len(text)):
        length = best.length + 1
        while start + length <= len(text) and text[start : start + length] in other:
            best = Passage(start, length)
            length += 1
    return best


def _by_doubling(text: str, other: str) -> Passage:
    """As `longest_common_passage`; names of passages of 1, 2, 4, ... characters (Karp, Miller & Rosenberg 1972, STOC).

    Equal passages of a length have equal names; those of any length are told by the names of two of a power of two
    that overlap.
    """
    import numpy as np

    codes = np.frombuffer((text + other).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    names, power = codes, 1
    found = _shared(names, len(text), 1)
    if found is None:
        return Passage(0, 0)
    best = Passage(found, 1)
    while (longer := _of_length(names, power, 2 * power)) is not None:
        found = _shared(longer, len(text), 2 * power)
        if found is None:
            break
        names, power, best = longer, 2 * power, Passage(found, 2 * power)
    low, high = power, 2 * power
    while high - low > 1:
        middle = (low + high) // 2
        longer = _of_length(names, power, middle)
        found = None if longer is None else _shared(longer, len(text), middle)
        low, high = (low, middle) if found is None else (middle, high)
        best = best if found is None else Passage(found, middle)
    return best


def _of_length(names: npt.NDArray[np.int64], power: int, length: int) -> npt.NDArray[np.int64] | None:
    """Names of the passages of `length` (up to twice the power) by their start; None if there are no such passages."""
    import numpy as np

    step = length - power
    if len(names) <= step:
        return None
    pairs = names[: len(names) - step] << 32 | names[step:]
    longer: npt.NDArray[np.int64] = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    return longer


def _shared(names: npt.NDArray[np.int64], boundary: int, length: int) -> int | None:
    """The first passage before the boundary that recurs behind it; None if none does."""
    import numpy as np

    before = names[: max(0, boundary - length + 1)]
    places = np.flatnonzero(np.isin(before, names[boundary:]))
    return int(places[0]) if len(places) else None
