"""The compiled loops over skeletons: folded, cut into windows, and searched for sealed ones.

Belongs here: functions that numba compiles, over flat arrays alone; those that call each other stand in one module,
for numba's cache on disk does not see a change in another. Does not belong here: skeletons of texts that are not ASCII,
which are Python's (`text.skeleton`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from careful_assets.text.skeleton import ASCII_FOLDED

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]
    Bits = npt.NDArray[np.uint64]
    Places = npt.NDArray[np.int32]

_FACTOR, _32 = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_FOLDED = np.frombuffer(ASCII_FOLDED, dtype=np.uint8)


@njit(nogil=True, cache=True)
def write_folded(data: Bytes, offsets: Ints, out: Bytes, ends: Ints) -> int:
    """Write the ASCII texts' skeletons one after another to `out`, where each ends to `ends[1:]`.

    Answers how many texts are not ASCII; they get none, and their `ends` are written as minus one minus the end.
    """
    written, others = 0, 0
    for text in range(len(offsets) - 1):
        begun, plain = written, True
        for place in range(offsets[text], offsets[text + 1]):
            if data[place] >= 0x80:
                plain = False
                break
            folded = _FOLDED[data[place]]
            if folded:
                out[written] = folded
                written += 1
        if plain:
            ends[text + 1] = written
        else:
            written = begun
            others += 1
            ends[text + 1] = -1 - written
    return others


@njit(nogil=True, cache=True)
def write_windows(data: Bytes, offsets: Ints, width: int, out: Bits, ends: Ints) -> int:
    """Write the hash of each window of `width` bytes of each text (Rabin & Karp 1987), one text after another.

    `ends[1:]`: where each text's end. Answers how many there are.
    """
    leaving = np.uint64(1)
    for _ in range(width):
        leaving *= _FACTOR
    written = 0
    for text in range(len(offsets) - 1):
        digest = np.uint64(0)
        for place in range(offsets[text], offsets[text + 1]):
            digest = digest * _FACTOR + np.uint64(data[place]) + np.uint64(1)
            if place - offsets[text] >= width:
                digest -= leaving * (np.uint64(data[place - width]) + np.uint64(1))
            if place - offsets[text] >= width - 1:
                mixed = (digest ^ (digest >> _32)) * _FACTOR
                out[written] = mixed ^ (mixed >> _32)
                written += 1
        ends[text + 1] = written
    return written


@njit(nogil=True, cache=True)
def write_places(windows: Bits, ends: Ints, wanted: Bits, out: Ints) -> None:
    """Write where among its text's windows the wanted one of each text stands first; -1: nowhere."""
    for text in range(len(ends) - 1):
        out[text] = -1
        for place in range(ends[text], ends[text + 1]):
            if windows[place] == wanted[text]:
                out[text] = place - ends[text]
                break


@njit(nogil=True, cache=True)
def find_held(
    data: Bytes, offsets: Ints, ends: Ints, places: Places, index: Any, sealed: Bytes, sealed_offsets: Ints,
    window_at: Ints, whole: Bytes, out: Ints,
) -> int:  # fmt: skip
    """Write text, sealed row, start and stop (bytes of the text) of the longest sealed skeleton that each text holds.

    Args:
        data, offsets: the texts' skeletons; ends: where their windows end; places: of each window in the index.
        sealed, sealed_offsets: the sealed skeletons; window_at: where in each its indexed window stands; whole: whether
            it counts only where it is the whole text.
        out: int64[texts, 4]. Answers how many were written.
    """
    found = 0
    for text in range(len(offsets) - 1):
        begun, size = offsets[text], offsets[text + 1] - offsets[text]
        best, best_size, best_start = -1, 0, 0
        for window in range(ends[text], ends[text + 1]):
            key = places[window]
            if key < 0:
                continue
            for holder in range(index.begins[key], index.begins[key + 1]):
                row = index.rows[holder]
                own = sealed_offsets[row + 1] - sealed_offsets[row]
                start = window - ends[text] - window_at[row]
                if own < best_size or (own == best_size and row >= best) or start < 0 or start + own > size:
                    continue
                if whole[row] and own != size:
                    continue
                same = True
                for k in range(own):
                    if data[begun + start + k] != sealed[sealed_offsets[row] + k]:
                        same = False
                        break
                if same:
                    best, best_size, best_start = row, own, start
        if best >= 0:
            out[found, 0], out[found, 1], out[found, 2], out[found, 3] = text, best, best_start, best_start + best_size
            found += 1
    return found
