"""Exact search among unit vectors, in blocks.

Belongs here: which rows are nearest, which are near. Does not belong here: where vectors come from, what a cosine
decides.

Cosines are computed in double precision and rounded to 6 decimals before they are compared with one another or with a
threshold, so that no decision hangs on the order in which a machine adds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BLOCK = 2_048
_UNITS = 1_000_000


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, by query and then by the other row, both as row numbers (int64), and their cosines (float64)."""

    queries: npt.NDArray[np.int64]
    among: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float64]


def nearest(
    queries: npt.NDArray[np.float32], among: npt.NDArray[np.float32], block: int = BLOCK
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """For each query the row of `among` with the highest cosine, and that cosine, to 6 decimals.

    Of equally near rows it is the first. Without any the row is -1 and the cosine 0. `block`: rows of each side that
    are compared at once; memory is 8 · block² bytes and a copy of both blocks.

    Raises:
        ValueError: the two sides' vectors differ in length.
    """
    import numpy as np

    index = np.full(len(queries), -1, dtype=np.int64)
    best = np.full(len(queries), -_UNITS - 1.0)
    for rows, start, units in _blocks(queries, among, block):
        places = units.argmax(axis=1)
        found = units[np.arange(len(units)), places]
        better = found > best[rows]
        index[rows][better] = places[better] + start
        best[rows][better] = found[better]
    best[index < 0] = 0
    return index, best / _UNITS


def near(
    queries: npt.NDArray[np.float32], among: npt.NDArray[np.float32], threshold: float, block: int = BLOCK
) -> Iterator[Pairs]:
    """All pairs with a cosine of at least `threshold` (over 0, at most 1), one block of queries after the other.

    A row compared with a set that it is in is its own neighbour, too. `block` as in `nearest`; the pairs of one block
    of queries are held at once, 24 bytes each.

    Raises:
        ValueError: the threshold is out of bounds, or the two sides' vectors differ in length.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"a cosine's threshold lies over 0 and is at most 1; {threshold} does not")
    return _near(queries, among, round(threshold * _UNITS), block)


def _near(queries: npt.NDArray[np.float32], among: npt.NDArray[np.float32], least: int, block: int) -> Iterator[Pairs]:
    import numpy as np

    for first in range(0, len(queries), block):
        found = []
        for _, start, units in _blocks(queries[first : first + block], among, block):
            rows, places = np.nonzero(units >= least)
            found.append((rows + first, places + start, units[rows, places] / _UNITS))
        if found:
            ours, theirs, cosines = (np.concatenate(part) for part in zip(*found, strict=True))
            order = np.lexsort((theirs, ours))
            yield Pairs(ours[order], theirs[order], cosines[order])


def _blocks(
    queries: npt.NDArray[np.float32], among: npt.NDArray[np.float32], block: int
) -> Iterator[tuple[slice, int, npt.NDArray[np.float64]]]:
    """Which queries, from which other row on, and their cosines in whole millionths; queries outside, both in order."""
    import numpy as np

    if queries.shape[1] != among.shape[1]:
        raise ValueError(f"vectors of {queries.shape[1]} and of {among.shape[1]} numbers: of two embedders?")
    for first in range(0, len(queries), block):
        rows = slice(first, min(first + block, len(queries)))
        ours = queries[rows].astype(np.float64)
        for start in range(0, len(among), block):
            units = ours @ among[start : start + block].astype(np.float64).T
            units *= _UNITS
            yield rows, start, np.rint(units, out=units)
