"""The compiled loops that make texts ready: ASCII normal forms, words found and hashed, bytes hashed and compared.

Belongs here: functions that numba compiles, over flat arrays alone; those that call each other stand in one module,
for numba's cache on disk does not see a change in another. Does not belong here: texts that are not ASCII, whose
normal form and words are Python's (`prepared`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]
    Bits = npt.NDArray[np.uint64]

_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_FACTOR, _32 = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_SPACE, _APOSTROPHE = 0x20, 0x27
_INVISIBLE_KIND, _SPACE_KIND, _PUNCTUATION_KIND, _WORD_KIND = 1, 2, 3, 4


def _kinds() -> Bytes:
    """uint8[128]: what `normalize` and `tokens` take each ASCII character for; 0: something else."""
    kinds = np.zeros(128, dtype=np.uint8)
    for code in range(128):
        character = chr(code)
        if character.isspace():
            kinds[code] = _SPACE_KIND
        elif code < 0x20 or code == 0x7F:
            kinds[code] = _INVISIBLE_KIND
        elif character.isalnum():
            kinds[code] = _WORD_KIND
        elif character in '!"#%&()*,-./:;?@[\\]_{}':
            kinds[code] = _PUNCTUATION_KIND
    return kinds


_KINDS = _kinds()


@njit(nogil=True, cache=True)
def write_normal(data: Bytes, offsets: Ints, out: Bytes, ends: Ints) -> int:
    """Write the ASCII texts' normal forms one after another to `out`, where each ends to `ends[1:]`; others are empty.

    Answers how many texts are not ASCII; their `ends` are written as minus one minus the end.
    """
    written, others = 0, 0
    for text in range(len(offsets) - 1):
        plain = True
        for place in range(offsets[text], offsets[text + 1]):
            if data[place] >= 0x80:
                plain = False
                break
        if not plain:
            others += 1
            ends[text + 1] = -1 - written
            continue
        begun, spaced = written, False
        last = np.uint8(0)
        for place in range(offsets[text], offsets[text + 1]):
            code = data[place]
            kind = _KINDS[code]
            if kind == _INVISIBLE_KIND:
                continue
            if kind == _SPACE_KIND:
                spaced = True
                continue
            if spaced and written > begun and kind != _PUNCTUATION_KIND and _KINDS[last] != _PUNCTUATION_KIND:
                out[written] = _SPACE
                written += 1
            spaced = False
            last = code
            out[written] = code + 32 if 0x41 <= code <= 0x5A else code
            written += 1
        ends[text + 1] = written
    return others


@njit(nogil=True, cache=True)
def put_in(plain: Bytes, ends: Ints, other: Bytes, other_offsets: Ints, out: Bytes, offsets: Ints) -> None:
    """Both kinds of normal forms, as `write_normal` and Python left them, in one buffer in the texts' order."""
    written, read, number = 0, 0, 0
    for text in range(len(offsets) - 1):
        if ends[text + 1] < 0:
            for place in range(other_offsets[number], other_offsets[number + 1]):
                out[written] = other[place]
                written += 1
            number += 1
        else:
            while read < ends[text + 1]:
                out[written] = plain[read]
                written += 1
                read += 1
        offsets[text + 1] = written


@njit(nogil=True, cache=True)
def count_words(data: Bytes, offsets: Ints, counts: Ints) -> None:
    """Write how many words each normal form has; -1 for one that is not ASCII."""
    for text in range(len(offsets) - 1):
        counts[text] = 0
        inside = False
        for place in range(offsets[text], offsets[text + 1]):
            code = data[place]
            if code >= 0x80:
                counts[text] = -1
                break
            if _KINDS[code] == _WORD_KIND:
                counts[text] += not inside
                inside = True
            elif code != _APOSTROPHE or not (
                inside and place + 1 < offsets[text + 1] and data[place + 1] < 0x80
                and _KINDS[data[place + 1]] == _WORD_KIND
            ):  # fmt: skip
                inside = False


@njit(nogil=True, cache=True)
def hash_of(data: Bytes, start: int, stop: int) -> np.uint64:
    """FNV-1a, its bits mixed once more: its own highest ones hang too little on the last byte."""
    digest = _BASIS
    for place in range(start, stop):
        digest = (digest ^ np.uint64(data[place])) * _PRIME
    digest = (digest ^ (digest >> _32)) * _FACTOR
    return digest ^ (digest >> _32)


@njit(nogil=True, cache=True)
def write_words(data: Bytes, offsets: Ints, skipped: Bytes, at: Ints, hashes: Bits, starts: Ints, stops: Ints) -> None:
    """Write the words' hashes and extents (in the normal form) from `at[text]` on, of texts that are not skipped."""
    for text in range(len(offsets) - 1):
        if skipped[text]:
            continue
        begun, end, word = offsets[text], offsets[text + 1], at[text]
        place = begun
        while place < end:
            if _KINDS[data[place]] != _WORD_KIND:
                place += 1
                continue
            start = place
            while place < end and (
                _KINDS[data[place]] == _WORD_KIND
                or (data[place] == _APOSTROPHE and place + 1 < end and _KINDS[data[place + 1]] == _WORD_KIND)
            ):
                place += 1
            hashes[word] = hash_of(data, start, place)
            starts[word], stops[word] = start - begun, place - begun
            word += 1


@njit(nogil=True, cache=True)
def write_hashes(data: Bytes, offsets: Ints, out: Bits) -> None:
    """Write the hash of each text's bytes."""
    for text in range(len(offsets) - 1):
        out[text] = hash_of(data, offsets[text], offsets[text + 1])


@njit(nogil=True, cache=True)
def write_equal(
    data: Bytes, offsets: Ints, own: Ints, others: Bytes, others_offsets: Ints, proposed: Ints, out: Bytes
) -> None:
    """Write by pair of one of the texts and one of the others whether their bytes are equal."""
    for k in range(len(own)):
        start, other = offsets[own[k]], others_offsets[proposed[k]]
        size = offsets[own[k] + 1] - start
        same = size == others_offsets[proposed[k] + 1] - other
        place = 0
        while same and place < size:
            same = data[start + place] == others[other + place]
            place += 1
        out[k] = same
