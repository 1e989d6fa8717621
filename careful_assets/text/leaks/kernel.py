"""The compiled loops that hold rows against sealed ones: shared n-grams, near copies.

Belongs here: functions that numba compiles, over flat arrays alone; those that call each other stand in one module,
for numba's cache on disk does not see a change in another. Does not belong here: what is indexed (`ngrams`, `near`),
finding keys in an index (`kernel_lookup`), windows (`kernel_windows`), and threads (`lookup`).

What a loop keeps of the sealed rows (counts, stamps) is as long as they are, made anew by call, and cleared by row:
no row's answer hangs on another's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]
    Bytes = npt.NDArray[np.uint8]
    Places = npt.NDArray[np.int32]
    Out = npt.NDArray[np.int64]  # int64[rows, 6]

_FACTOR, _29, _32 = np.uint64(0x9E3779B97F4A7C15), np.uint64(29), np.uint64(32)


@njit(nogil=True, cache=True)
def _add(key: np.uint64, table: Bits, used: Bytes, mask: np.uint64) -> bool:
    """Whether the key is new to the open-addressed table; it is in it afterwards."""
    slot = (key ^ (key >> _32)) & mask
    while used[slot]:
        if table[slot] == key:
            return False
        slot = (slot + np.uint64(1)) & mask
    table[slot], used[slot] = key, 1
    return True


@njit(nogil=True, cache=True)
def _holds(key: np.uint64, table: Bits, used: Bytes, mask: np.uint64) -> bool:
    slot = (key ^ (key >> _32)) & mask
    while used[slot]:
        if table[slot] == key:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


@njit(nogil=True, cache=True)
def _slots(members: int) -> int:
    slots = 4
    while slots < 2 * members:
        slots *= 2
    return slots


@njit(nogil=True, cache=True)
def _longest(offsets: Ints) -> int:
    longest = 1
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@njit(nogil=True, cache=True)
def write_grams(words: Bits, offsets: Ints, size: int, shortest: int, out: Bits, counts: Ints) -> int:
    """Write the hashes of each row's runs of `size` words, repeated ones too; none of rows below `shortest`."""
    written = 0
    for row in range(len(offsets) - 1):
        counts[row] = 0
        if offsets[row + 1] - offsets[row] < max(size, shortest):
            continue
        for first in range(offsets[row], offsets[row + 1] - size + 1):
            digest = np.uint64(size)
            for word in range(first, first + size):
                digest = (digest ^ words[word]) * _FACTOR
                digest = digest ^ (digest >> _29)
            out[written] = digest ^ (digest >> _32)
            written += 1
        counts[row] = offsets[row + 1] - offsets[row] - size + 1
    return written


@njit(nogil=True, cache=True)
def find_grams(
    grams: Bits,
    offsets: Ints,
    places: Places,
    index: Any,
    weights: Ints,
    strange: int,
    sealed_weights: Ints,
    thousandths: int,
    out: Out,
) -> int:
    """Write by row that reaches the threshold: row, sealed row, weight shared and of, first and last n-gram of its run.

    `places`: where in the index each n-gram stands; `weights`: of each key; `strange`: of an n-gram that is none. Only
    keys that weigh have rows.
    """
    slots = _slots(_longest(offsets))
    table, used = np.empty(slots, dtype=np.uint64), np.zeros(slots, dtype=np.uint8)
    shared = np.zeros(len(sealed_weights), dtype=np.int64)
    touched = np.empty(len(sealed_weights), dtype=np.int64)
    found = 0
    for row in range(len(offsets) - 1):
        begun, count = offsets[row], offsets[row + 1] - offsets[row]
        any_weighs = False
        known = places[begun : begun + count]
        for place in range(count):
            any_weighs |= known[place] >= 0 and weights[known[place]] > 0
        if not any_weighs:
            continue
        own = _slots(count)
        used[:own] = 0
        mask = np.uint64(own - 1)
        weight, n = 0, 0
        for place in range(count):
            if not _add(grams[begun + place], table, used, mask):
                continue
            key = known[place]
            weight += strange if key < 0 else weights[key]
            if key >= 0:
                for at in range(index.begins[key], index.begins[key + 1]):
                    sealed = index.rows[at]
                    if shared[sealed] == 0:
                        touched[n] = sealed
                        n += 1
                    shared[sealed] += weights[key]
        best, best_like, best_of, best_shared = -1, 0.0, 1, 0
        for at in range(n):
            sealed = touched[at]
            of = min(weight, sealed_weights[sealed])
            if shared[sealed] * 1000 >= thousandths * of:
                like = shared[sealed] / of
                if best < 0 or like > best_like or (like == best_like and sealed < best):
                    best, best_like, best_of, best_shared = sealed, like, of, shared[sealed]
        for at in range(n):
            shared[touched[at]] = 0
        if best < 0:
            continue
        # The longest run of n-grams of that sealed row.
        longest, run, first, last = 0, 0, 0, 0
        for place in range(count):
            held = False
            if known[place] >= 0:
                for at in range(index.begins[known[place]], index.begins[known[place] + 1]):
                    held |= index.rows[at] == best
            run = run + 1 if held else 0
            if run > longest:
                longest, first, last = run, place - run + 1, place
        out[found, 0], out[found, 1], out[found, 2], out[found, 3] = row, best, best_shared, best_of
        out[found, 4], out[found, 5] = first, last
        found += 1
    return found


@njit(nogil=True, cache=True)
def find_near(
    hashes: Bits,
    offsets: Ints,
    asked: Ints,
    places: Places,
    index: Any,
    sealed: Bits,
    sealed_offsets: Ints,
    thousandths: int,
    out: Out,
) -> int:
    """Write by row that is a near copy: row, sealed row, shingles shared and in either, -1, -1.

    `places`: int32[bands, asked], where in the index the bands of the rows `asked` stand; `sealed`: each sealed row's
    distinct shingles. Counting a pair ends as soon as it can reach neither the threshold nor the best before it.
    """
    n = len(sealed_offsets) - 1
    slots = _slots(_longest(offsets))
    table, used = np.empty(slots, dtype=np.uint64), np.zeros(slots, dtype=np.uint8)
    stamps, proposed = np.full(n, -1, dtype=np.int64), np.empty(n, dtype=np.int64)
    found = 0
    for column in range(len(asked)):
        row, reached = asked[column], 0
        for band in range(len(places)):
            key = places[band, column]
            if key >= 0:
                for at in range(index.begins[key], index.begins[key + 1]):
                    other = index.rows[at]
                    if stamps[other] != row:
                        stamps[other] = row
                        proposed[reached] = other
                        reached += 1
        if reached == 0:
            continue
        own = _slots(offsets[row + 1] - offsets[row])
        used[:own] = 0
        mask = np.uint64(own - 1)
        size = 0
        for place in range(offsets[row], offsets[row + 1]):
            size += _add(hashes[place], table, used, mask)
        best, best_shared, best_of = -1, thousandths, 1000
        for at in range(reached):
            other = proposed[at]
            start, stop = sealed_offsets[other], sealed_offsets[other + 1]
            sizes = size + stop - start
            # both / (sizes - both) >= best_shared / best_of, that is both * (best_of + best_shared) >= ...
            least = -(-best_shared * sizes // (best_of + best_shared))
            both, left = 0, stop - start
            if size < least:
                continue
            for place in range(start, stop):
                if both + left < least:
                    break
                both += _holds(sealed[place], table, used, mask)
                left -= 1
            either = sizes - both
            if both < least or both == 0:
                continue
            if best < 0 or both * best_of > best_shared * either or other < best:
                best, best_shared, best_of = other, both, either
        if best >= 0:
            out[found, 0], out[found, 1], out[found, 2], out[found, 3] = row, best, best_shared, best_of
            out[found, 4] = out[found, 5] = -1
            found += 1
    return found
