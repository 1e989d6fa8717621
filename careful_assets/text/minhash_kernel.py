"""The compiled loops behind `minhash`: shingles, signatures, band hashes, and what two texts share.

Belongs here: functions that numba compiles, over flat arrays alone. All that call each other stand in this one
module, for numba's cache on disk does not see a change in another. Does not belong here: sizes of parts, threads, and
what is decided by the numbers. Importing it loads numba and, on first use on a machine, compiles for seconds.

They release the interpreter's lock and share nothing, so that threads of Python run them at once. (numba's own
threads would depend on the layer that a machine has; one of the three ends the process if two callers meet.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from careful_assets.text.ngrams import SHINGLE_CHARACTERS

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]
    Bits = npt.NDArray[np.uint64]
    Halves = npt.NDArray[np.uint32]

_MOST = np.uint32(0xFFFFFFFF)
_21, _27, _30, _31, _32, _42 = (np.uint64(bits) for bits in (21, 27, 30, 31, 32, 42))
_FIRST_FACTOR, _SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# A row of the inner loop's vectors; a text's last one is filled up with its first hash, which moves no minimum.
_LANES = 32


@njit(nogil=True, cache=True)
def mixed(bits: np.uint64) -> np.uint64:
    """SplitMix64's finalizer, as in `shingles`."""
    bits = (bits ^ (bits >> _30)) * _FIRST_FACTOR
    bits = (bits ^ (bits >> _27)) * _SECOND_FACTOR
    return bits ^ (bits >> _31)


@njit(nogil=True, cache=True)
def _hash_of(one: np.uint64, two: np.uint64, three: np.uint64, four: np.uint64, five: np.uint64) -> np.uint64:
    return mixed(mixed(one | two << _21 | three << _42) + (four | five << _21))


@njit(nogil=True, cache=True)
def cut(data: Bytes, start: int, stop: int, out: Bits) -> int:
    """Write the shingle hashes of one text to `out`, in its order, repeated ones too; how many they are.

    `out` holds max(1, stop - start) or more. The hashes are those of `ShingleSets.of`.
    """
    one = two = three = four = five = np.uint64(0)
    place, seen, found = start, 0, 0
    while place < stop:
        lead = data[place]
        if lead < 0x80:
            code, more = np.uint64(lead), 0
        elif lead < 0xE0:
            code, more = np.uint64(lead & 0x1F), 1
        elif lead < 0xF0:
            code, more = np.uint64(lead & 0x0F), 2
        else:
            code, more = np.uint64(lead & 0x07), 3
        for step in range(1, more + 1):
            code = code << np.uint64(6) | np.uint64(data[place + step] & 0x3F)
        place += more + 1
        one, two, three, four, five = two, three, four, five, code + np.uint64(1)
        seen += 1
        if seen >= SHINGLE_CHARACTERS:
            out[found] = _hash_of(one, two, three, four, five)
            found += 1
    if 0 < seen < SHINGLE_CHARACTERS:
        for _ in range(SHINGLE_CHARACTERS - seen):
            one, two, three, four, five = two, three, four, five, np.uint64(0)
        out[0] = _hash_of(one, two, three, four, five)
        found = 1
    return found


@njit(nogil=True, cache=True)
def write_bands(
    data: Bytes, offsets: Ints, numbers: Ints, factors: Halves, terms: Halves, seeds: Bits, out: Ints
) -> None:
    """Write the band hashes of the texts `numbers`, none of them empty, to `out`: int64[bands, texts].

    Band k hashes the minima of `factors[k] * x + terms[k]` (uint32[bands, rows]) over the text's shingles x, and
    `seeds[k]`.
    """
    longest = 1
    for number in numbers:
        longest = max(longest, offsets[number + 1] - offsets[number])
    hashes = np.empty(longest, dtype=np.uint64)
    halves = np.empty(longest + _LANES, dtype=np.uint32)
    for i in range(len(numbers)):
        found = cut(data, offsets[numbers[i]], offsets[numbers[i] + 1], hashes)
        filled = -(-found // _LANES) * _LANES
        for place in range(filled):
            halves[place] = np.uint32(hashes[place if place < found else 0])
        own = halves[:filled]
        for band in range(factors.shape[0]):
            digest = seeds[band]
            for row in range(factors.shape[1]):
                factor, term = factors[band, row], terms[band, row]
                least = _MOST
                for place in range(len(own)):
                    least = min(least, np.uint32(factor * own[place] + term))
                digest = mixed(digest + np.uint64(least))
            out[band, i] = np.int64(digest)


@njit(nogil=True, cache=True)
def write_overlaps(data: Bytes, offsets: Ints, left: Ints, right: Ints, shared: Ints, union: Ints) -> None:
    """Write by pair of texts how many distinct shingles both hold, and how many either holds."""
    longest = 1
    for k in range(len(left)):
        longest = max(longest, offsets[left[k] + 1] - offsets[left[k]], offsets[right[k] + 1] - offsets[right[k]])
    hashes = np.empty(longest, dtype=np.uint64)
    slots = 4
    while slots < 4 * longest:
        slots *= 2
    keys = np.empty(slots, dtype=np.uint64)
    marks = np.zeros(slots, dtype=np.uint8)  # 0: free, 1: in the left text, 2: in the right one too, 3: there alone
    for k in range(len(left)):
        size = offsets[left[k] + 1] - offsets[left[k]] + offsets[right[k] + 1] - offsets[right[k]]
        own = 4
        while own < 2 * size:
            own *= 2
        mask = np.uint64(own - 1)
        marks[:own] = 0
        both = either = 0
        for side in range(2):
            text = left[k] if side == 0 else right[k]
            found = cut(data, offsets[text], offsets[text + 1], hashes)
            for place in range(found):
                key = hashes[place]
                slot = key & mask
                while marks[slot] != 0 and keys[slot] != key:
                    slot = (slot + np.uint64(1)) & mask
                mark = marks[slot]
                if mark == 0:
                    keys[slot] = key
                    marks[slot] = 1 if side == 0 else 3
                    either += 1
                elif mark == 1 and side == 1:
                    marks[slot] = 2
                    both += 1
        shared[k], union[k] = both, either


@njit(nogil=True, cache=True)
def unite(root: Ints, left: Ints, right: Ints) -> None:
    """Join the components of each pair: union-find by the smallest member, paths halved (Tarjan & van Leeuwen 1984)."""
    for k in range(len(left)):
        one, other = left[k], right[k]
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        while root[other] != other:
            root[other] = root[root[other]]
            other = root[other]
        if one < other:
            root[other] = one
        else:
            root[one] = other


@njit(nogil=True, cache=True)
def flatten(root: Ints) -> None:
    """Let each member name its component's smallest itself. A parent is never larger, and so is done before."""
    for text in range(len(root)):
        root[text] = root[root[text]]


@njit(nogil=True, cache=True)
def colliding(hashes: Ints, first: int, slot_bits: int) -> Ints:
    """The places of all that share their hash with another, one of the two from `first` on; few others with them.

    A table of a byte a slot, by the hash's highest bits, sets most of the rest aside before anything is sorted.
    """
    shift = np.uint64(64 - slot_bits)
    seen = np.zeros(1 << slot_bits, dtype=np.uint8)  # 1: by one new hash, 2: by two, or by one of either side
    for place in range(first, len(hashes)):
        slot = np.uint64(hashes[place]) >> shift
        seen[slot] = min(2, seen[slot] + 1)
    found = np.empty(len(hashes), dtype=np.int64)
    n = 0
    for place in range(first):
        slot = np.uint64(hashes[place]) >> shift
        if seen[slot] != 0:
            seen[slot] = 2
            found[n] = place
            n += 1
    for place in range(first, len(hashes)):
        if seen[np.uint64(hashes[place]) >> shift] == 2:
            found[n] = place
            n += 1
    return found[:n].copy()


@njit(nogil=True, cache=True)
def cut_each(data: Bytes, offsets: Ints, out: Bits, ends: Ints) -> None:
    """Write the shingle hashes of the texts to `out`, in their order, repeated ones too; where each ends to `ends`."""
    longest = 1
    for text in range(len(offsets) - 1):
        longest = max(longest, offsets[text + 1] - offsets[text])
    hashes = np.empty(longest, dtype=np.uint64)
    written = 0
    for text in range(len(offsets) - 1):
        found = cut(data, offsets[text], offsets[text + 1], hashes)
        out[written : written + found] = hashes[:found]
        written += found
        ends[text + 1] = written
