"""The compiled loops that hold rows against sealed ones: shared n-grams, near copies, windows.

Belongs here: functions that numba compiles, over flat arrays alone; those that call each other stand in one module,
for numba's cache on disk does not see a change in another. Does not belong here: what is indexed (`ngrams`, `near`,
`containment`), and threads (`lookup`).

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
    Out = npt.NDArray[np.int64]  # int64[rows, 6]

_FACTOR, _29, _32 = np.uint64(0x9E3779B97F4A7C15), np.uint64(29), np.uint64(32)
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
    """Write the hashes of each row's runs of `size` words to `out`, repeated ones too; none of rows below `shortest`."""
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
def count_documents(grams: Bits, offsets: Ints, index: Any, counts: Ints) -> None:
    """Add to each key's count the number of rows that hold it."""
    last = np.full(len(index.keys), -1, dtype=np.int64)
    for row in range(len(offsets) - 1):
        for place in range(offsets[row], offsets[row + 1]):
            key = _place_of(grams[place], index)
            if key >= 0 and last[key] != row:
                last[key] = row
                counts[key] += 1


@njit(nogil=True, cache=True)
def find_grams(
    grams: Bits,
    offsets: Ints,
    index: Any,
    weights: Ints,
    strange: int,
    sealed_weights: Ints,
    thousandths: int,
    out: Out,
) -> int:
    """Write by row that reaches the threshold: row, sealed row, weight shared and of, first and last n-gram of its run.

    `weights`: of each key; `strange`: of an n-gram that is none. Only keys that weigh have rows.
    """
    slots = _slots(_longest(offsets))
    table, used = np.empty(slots, dtype=np.uint64), np.zeros(slots, dtype=np.uint8)
    known = np.empty(_longest(offsets), dtype=np.int64)
    shared = np.zeros(len(sealed_weights), dtype=np.int64)
    touched = np.empty(len(sealed_weights), dtype=np.int64)
    found = 0
    for row in range(len(offsets) - 1):
        begun, count = offsets[row], offsets[row + 1] - offsets[row]
        any_weighs = False
        for place in range(count):
            key = _place_of(grams[begun + place], index)
            known[place] = key
            any_weighs |= key >= 0 and weights[key] > 0
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
    index: Any,
    sealed: Bits,
    sealed_offsets: Ints,
    prefixes: Ints,
    thousandths: int,
    out: Out,
) -> int:
    """Write by row that is a near copy: row, sealed row, shingles shared and in either, -1, -1.

    `sealed`: each sealed row's distinct shingles, those first that are in the index, `prefixes` of them.
    """  # fmt: skip
    n = len(prefixes)
    least, most = 1 << 60, 0
    for row in range(n):
        size = sealed_offsets[row + 1] - sealed_offsets[row]
        if size > 0:
            least, most = min(least, size), max(most, size)
    slots = _slots(_longest(offsets))
    table, used = np.empty(slots, dtype=np.uint64), np.zeros(slots, dtype=np.uint8)
    distinct = np.empty(_longest(offsets), dtype=np.uint64)
    hits, touched = np.zeros(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    found = 0
    for row in range(len(offsets) - 1):
        count = offsets[row + 1] - offsets[row]
        if count == 0 or count * 1000 < thousandths * least:
            continue
        own = _slots(count)
        used[:own] = 0
        mask = np.uint64(own - 1)
        size = 0
        for place in range(offsets[row], offsets[row + 1]):
            if _add(hashes[place], table, used, mask):
                distinct[size] = hashes[place]
                size += 1
        if size * thousandths > most * 1000:
            continue
        reached = 0
        for place in range(size):
            key = _place_of(distinct[place], index)
            if key >= 0:
                for at in range(index.begins[key], index.begins[key + 1]):
                    other = index.rows[at]
                    if hits[other] == 0:
                        touched[reached] = other
                        reached += 1
                    hits[other] += 1
        # The one with most hits first: it spares counting most of the others in full.
        for at in range(1, reached):
            if hits[touched[at]] > hits[touched[0]]:
                touched[0], touched[at] = touched[at], touched[0]
        best, best_shared, best_of = -1, 0, 1
        for at in range(reached):
            other = touched[at]
            stop = sealed_offsets[other + 1]
            others, rest = stop - sealed_offsets[other], sealed_offsets[other] + prefixes[other]
            both = hits[other]
            hits[other] = 0
            bound = min(both + stop - rest, size)
            either = size + others - bound
            if bound * 1000 < thousandths * either or bound * best_of < best_shared * either:
                continue
            if bound * best_of == best_shared * either and other > best >= 0:
                continue
            for place in range(rest, stop):
                both += _holds(sealed[place], table, used, mask)
            either = size + others - both
            if both * 1000 < thousandths * either or both * best_of < best_shared * either:
                continue
            if best < 0 or both * best_of > best_shared * either or other < best:
                best, best_shared, best_of = other, both, either
        if best >= 0:
            out[found, 0], out[found, 1], out[found, 2], out[found, 3] = row, best, best_shared, best_of
            out[found, 4] = out[found, 5] = -1
            found += 1
    return found


@njit(nogil=True, cache=True)
def _best_window(
    hashes: Bits, start: int, stop: int, width: int, members: Ints, counts: Ints, ring: Ints
) -> tuple[int, int, int]:
    """The most distinct members in `width` places in a row from `start` to `stop`, and where they begin and end."""
    counts[: len(members)] = 0
    distinct, best, best_last = 0, 0, start
    for place in range(start, stop):
        if place - start >= width:
            left = ring[(place - start) % width]
            if left >= 0:
                counts[left] -= 1
                distinct -= counts[left] == 0
        key = np.int64(hashes[place])
        at = np.searchsorted(members, key)
        if at == len(members) or members[at] != key:
            at = -1
        ring[(place - start) % width] = at
        if at >= 0:
            distinct += counts[at] == 0
            counts[at] += 1
            if distinct > best:
                best, best_last = distinct, place
    begun = max(start, best_last - width + 1)
    while begun < best_last:
        key = np.int64(hashes[begun])
        at = np.searchsorted(members, key)
        if at < len(members) and members[at] == key:
            break
        begun += 1
    return best, begun, best_last


@njit(nogil=True, cache=True)
def find_windows(
    hashes: Bits,
    offsets: Ints,
    judged: Bytes,
    index: Any,
    sealed: Ints,
    sealed_offsets: Ints,
    prefixes: Ints,
    widths: Ints,
    thousandths: int,
    out: Out,
) -> int:
    """Write by row that holds a sealed one in a window: row, sealed row, shingles shared and of, start and stop.

    A row is cut in blocks as wide as the sealed row; a window lies in two of them side by side, the second of which may
    hold none that is indexed: counted are three. Hits of indexed
    shingles are counted by sealed row in its current block and the one before.
    """  # fmt: skip
    n = len(prefixes)
    stamp, block = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    before, here, slot = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    widest = max(1, widths.max()) if n else 1
    counts, ring = np.empty(widest, dtype=np.int64), np.empty(widest, dtype=np.int64)
    proposed = np.empty((1024, 3), dtype=np.int64)  # sealed row, block, hits
    found = 0
    for row in range(len(offsets) - 1):
        if not judged[row]:
            continue
        begun, end = offsets[row], offsets[row + 1]
        m = 0
        for place in range(begun, end):
            key = _place_of(hashes[place], index)
            if key < 0:
                continue
            for at in range(index.begins[key], index.begins[key + 1]):
                other = index.rows[at]
                now = (place - begun) // widths[other]
                if stamp[other] != row:
                    stamp[other], block[other], before[other], here[other], slot[other] = row, now, 0, 0, -1
                elif now != block[other]:
                    before[other] = here[other] if now == block[other] + 1 else 0
                    block[other], here[other], slot[other] = now, 0, -1
                here[other] += 1
                size = sealed_offsets[other + 1] - sealed_offsets[other]
                most = min(size, before[other] + here[other] + size - prefixes[other])
                if slot[other] >= 0:
                    proposed[slot[other], 2] = most
                elif most * 1000 >= thousandths * size:
                    if m == len(proposed):
                        longer = np.empty((2 * m, 3), dtype=np.int64)
                        longer[:m] = proposed
                        proposed = longer
                    proposed[m, 0], proposed[m, 1], proposed[m, 2] = other, now, most
                    slot[other] = m
                    m += 1
        # The one that may hold most first: it spares counting most of the others.
        for at in range(1, m):
            if proposed[at, 2] > proposed[0, 2]:
                for column in range(3):
                    proposed[0, column], proposed[at, column] = proposed[at, column], proposed[0, column]
        best, best_shared, best_of, best_start, best_stop = -1, 0, 1, 0, 0
        for at in range(m):
            other, now, most = proposed[at, 0], proposed[at, 1], proposed[at, 2]
            first, stop = sealed_offsets[other], sealed_offsets[other + 1]
            size, width = stop - first, widths[other]
            if most * best_of < best_shared * size or (most * best_of == best_shared * size and other > best >= 0):
                continue
            both, start, last = _best_window(
                hashes, begun + max(0, now - 1) * width, min(end, begun + (now + 2) * width), width,
                sealed[first:stop], counts, ring,
            )  # fmt: skip
            if both * 1000 < thousandths * size or both * best_of < best_shared * size:
                continue
            start, last = start - begun, last - begun + 5
            if best < 0 or both * best_of > best_shared * size or (other, start) < (best, best_start):
                best, best_shared, best_of, best_start, best_stop = other, both, size, start, last
        if best >= 0:
            out[found, 0], out[found, 1], out[found, 2], out[found, 3] = row, best, best_shared, best_of
            out[found, 4], out[found, 5] = best_start, best_stop
            found += 1
    return found
