"""The compiled loops that build and read the index of `lookup`.

Belongs here: functions that numba compiles, over flat arrays alone; all that call `_place_of` stand in this one
module, for numba's cache on disk does not see a change in another. Does not belong here: what a key is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]
    Places = npt.NDArray[np.int32]

_THREE, _FOUR, _SEVEN = np.uint64(3), np.uint64(4), np.uint64(7)


@njit(nogil=True, cache=True)
def _place_of(key: np.uint64, index: Any) -> int:
    """Where the key stands in the index; -1: nowhere."""
    mark = key >> (index.shift - _FOUR)
    if not index.seen[mark >> _THREE] >> (_SEVEN - (mark & _SEVEN)) & 1:
        return -1
    bucket = np.int64(key >> index.shift)
    for place in range(index.first[bucket], index.first[bucket + 1]):
        if index.keys[place] == key:
            return place
    return -1


@njit(nogil=True, cache=True)
def write_places(keys: Bits, index: Any, out: Places) -> None:
    """Write where each of the keys stands in the index; -1: nowhere."""
    for k in range(len(keys)):
        out[k] = _place_of(keys[k], index)


@njit(nogil=True, cache=True)
def count_documents(hashes: Bits, offsets: Ints, index: Any, counts: Ints) -> None:
    """Add to each key's count the number of rows that hold it."""
    last = np.full(len(index.keys), -1, dtype=np.int64)
    for row in range(len(offsets) - 1):
        for place in range(offsets[row], offsets[row + 1]):
            key = _place_of(hashes[place], index)
            if key >= 0 and last[key] != row:
                last[key] = row
                counts[key] += 1


@njit(nogil=True, cache=True)
def write_rows(hashes: Bits, offsets: Ints, index: Any, at: Ints, rows: Places) -> None:
    """Write the rows that hold each key, ascending, from `at[key]` on; none where that is -1. `at` moves along."""
    last = np.full(len(index.keys), -1, dtype=np.int64)
    for row in range(len(offsets) - 1):
        for place in range(offsets[row], offsets[row + 1]):
            key = _place_of(hashes[place], index)
            if key >= 0 and at[key] >= 0 and last[key] != row:
                last[key] = row
                rows[at[key]] = row
                at[key] += 1


@njit(nogil=True, cache=True)
def make_distinct(hashes: Bits, offsets: Ints, counts: Ints) -> int:
    """Put each row's distinct hashes, ascending, to the front of the array, row after row; how many there are."""
    written = 0
    for row in range(len(offsets) - 1):
        own = np.sort(hashes[offsets[row] : offsets[row + 1]])
        counts[row] = 0
        for place in range(len(own)):
            if place == 0 or own[place] != own[place - 1]:
                hashes[written] = own[place]
                written += 1
                counts[row] += 1
    return written


@njit(nogil=True, cache=True)
def write_rarest(hashes: Bits, offsets: Ints, held_by: Ints, prefixes: Ints, out: Bits) -> None:
    """Write of each row the `prefixes` hashes that the fewest rows hold, of equally rare ones the lesser."""
    written = 0
    for row in range(len(offsets) - 1):
        order = np.argsort(held_by[offsets[row] : offsets[row + 1]], kind="mergesort")
        for k in range(prefixes[row]):
            out[written] = hashes[offsets[row] + order[k]]
            written += 1
