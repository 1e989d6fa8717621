"""The compiled loops that find short sealed rows inside long rows.

Belongs here: functions that numba compiles, over flat arrays alone; those that call each other stand in one module,
for numba's cache on disk does not see a change in another. Does not belong here: what is indexed (`containment`), and
threads (`lookup`).
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
    Out = npt.NDArray[np.int64]  # int64[rows, 6]


@njit(nogil=True, cache=True)
def _slot_of(key: np.uint64, table: Bits, counts: Ints, mask: int) -> int:
    """Where the key stands in the open-addressed table, or would; a free slot's count is -1."""
    slot = int(np.int64(key) & mask)
    while counts[slot] >= 0 and table[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(nogil=True, cache=True)
def _best_window(
    hashes: Bits, start: int, stop: int, width: int, members: Bits, table: Bits, counts: Ints, ring: Ints
) -> tuple[int, int, int]:
    """The most distinct members in `width` places in a row from `start` to `stop`, and where the first and last are."""
    slots = 4
    while slots < 2 * len(members):
        slots *= 2
    counts[:slots] = -1
    for member in members:
        slot = _slot_of(member, table, counts, slots - 1)
        table[slot], counts[slot] = member, 0
    distinct, best, best_last = 0, 0, start
    at = 0
    for place in range(start, stop):
        if place - start >= width and ring[at] >= 0:
            counts[ring[at]] -= 1
            distinct -= counts[ring[at]] == 0
        slot = _slot_of(hashes[place], table, counts, slots - 1)
        if counts[slot] < 0:
            ring[at] = -1
        else:
            ring[at] = slot
            distinct += counts[slot] == 0
            counts[slot] += 1
            if distinct > best:
                best, best_last = distinct, place
        at = at + 1 if at + 1 < width else 0
    first = max(start, best_last - width + 1)
    while first < best_last and counts[_slot_of(hashes[first], table, counts, slots - 1)] < 0:
        first += 1
    return best, first, best_last


@njit(nogil=True, cache=True)
def _propose(
    begun: int, end: int, limit: int, places: Places, index: Any, widths: Ints, needs: Ints, state: Places, out: Places
) -> tuple[int, Places]:
    """The sealed rows, where a stretch begins, and the hits: of each stretch of two widths in which enough are met.

    `state` by sealed row: where its block begins, hits in the block before and in this one, the stretch's number.
    A block begins with a hit; the next one begins where it ends, or, if that would stay empty, with the next hit. So
    hits that lie in one window lie in two blocks that touch.
    """
    m = 0
    for place in range(begun, end):
        key = places[place]
        if key < 0:
            continue
        for at in range(index.begins[key], index.begins[key + 1]):
            other = index.rows[at]
            if other >= limit:
                break
            own, width = state[other], widths[other]
            if own[0] < begun or place - own[0] >= 2 * width:
                own[0], own[1], own[2], own[3] = place, 0, 0, -1
            elif place - own[0] >= width:
                own[0], own[1], own[2], own[3] = own[0] + width, own[2], 0, -1
            own[2] += 1
            hits = own[1] + own[2]
            if hits < needs[other]:
                continue
            if own[3] < 0:
                if m == len(out):
                    longer = np.empty((2 * m, 3), dtype=np.int32)
                    longer[:m] = out
                    out = longer
                own[3] = m
                out[m, 0], out[m, 1] = other, max(begun, own[0] - width)
                m += 1
            out[own[3], 2] = hits
    return m, out


@njit(nogil=True, cache=True)
def find_windows(
    hashes: Bits,
    offsets: Ints,
    limits: Ints,
    places: Places,
    index: Any,
    sealed: Bits,
    sealed_offsets: Ints,
    numbers: Ints,
    widths: Ints,
    unindexed: Ints,
    needs: Ints,
    thousandths: int,
    out: Out,
) -> int:
    """Write by row that holds a sealed one in a window: row, sealed row, shingles shared and of, start and stop.

    Sealed rows ascend by length; of each row those before `limits[row]` are asked. `numbers`: what each is called;
    `needs`: how many indexed shingles must be met, `unindexed`: how many others it has.
    """
    n = len(widths)
    state = np.full((n, 4), -1, dtype=np.int32)
    widest = max(1, widths.max()) if n else 1
    ring, counts = np.empty(widest, dtype=np.int64), np.empty(4 * widest + 4, dtype=np.int64)
    table = np.empty(4 * widest + 4, dtype=np.uint64)
    proposed = np.empty((1024, 3), dtype=np.int32)
    found = 0
    for row in range(len(offsets) - 1):
        begun, end = offsets[row], offsets[row + 1]
        if limits[row] == 0:
            continue
        m, proposed = _propose(begun, end, limits[row], places, index, widths, needs, state, proposed)
        # The one that may hold most first: it spares counting most of the others.
        for at in range(1, m):
            if proposed[at, 2] > proposed[0, 2]:
                for column in range(3):
                    proposed[0, column], proposed[at, column] = proposed[at, column], proposed[0, column]
        best, best_shared, best_of, best_start, best_stop = -1, thousandths, 1000, 0, 0
        for at in range(m):
            other, start = proposed[at, 0], proposed[at, 1]
            size, width = sealed_offsets[other + 1] - sealed_offsets[other], widths[other]
            most = min(size, proposed[at, 2] + unindexed[other])
            if most * best_of < best_shared * size:
                continue
            if most * best_of == best_shared * size and numbers[other] > best >= 0:
                continue
            # A window's shingles that are not indexed may lie before or behind its hits.
            both, first, last = _best_window(
                hashes, max(begun, start - width), min(end, start + 3 * width), width,
                sealed[sealed_offsets[other] : sealed_offsets[other + 1]], table, counts, ring,
            )  # fmt: skip
            if both == 0 or both * best_of < best_shared * size:
                continue
            first, last = first - begun, last - begun + 5
            better = best < 0 or both * best_of > best_shared * size
            if better or (numbers[other], first) < (best, best_start):
                best, best_shared, best_of, best_start, best_stop = numbers[other], both, size, first, last
        if best >= 0:
            out[found, 0], out[found, 1], out[found, 2], out[found, 3] = row, best, best_shared, best_of
            out[found, 4], out[found, 5] = best_start, best_stop
            found += 1
    return found
