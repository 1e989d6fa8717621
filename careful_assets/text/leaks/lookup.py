"""Sealed rows by what is in them: 64-bit keys, each with the rows that hold it; and rows asked in parts, by threads.

Belongs here: the inverted index that n-grams and shingles share. Does not belong here: what a key is, and which of a
row's are kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from careful_assets.text.leaks.protocol import Found
from careful_assets.text.shingles import parts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]
    Answer = tuple[Ints, Ints, Ints, Ints, Ints, Ints]

# Bytes of text that a thread takes at once; the shingles of so many take eight times as much.
_AT_ONCE = 1 << 20
_MOST_BITS = 26


class Lookup(NamedTuple):
    """Keys and who holds them, as the kernels read it.

    Attributes:
        keys: uint64, distinct and ascending.
        first: int64[2^b + 1], where the keys begin whose highest b bits are the place's.
        seen: uint8, a bit for each value of the highest b + 4 bits: whether any key has it. Small enough for a
            processor's cache, it turns most strange keys away.
        shift: 64 - b.
        begins: int64[keys + 1]; the rows that hold key k are `rows[begins[k]:begins[k + 1]]`.
        rows: int32, ascending by key.
    """

    keys: Bits
    first: Ints
    seen: npt.NDArray[np.uint8]
    shift: np.uint64
    begins: Ints
    rows: npt.NDArray[np.int32]


def lookup_of(keys: Bits, members: Ints, rows: Ints) -> Lookup:
    """The index of distinct, ascending keys; `members` are the places of keys, each held by the row beside it."""
    import numpy as np

    bits = min(_MOST_BITS, max(1, len(keys).bit_length()))
    shift = np.uint64(64 - bits)
    first = np.searchsorted(keys >> shift, np.arange((1 << bits) + 1, dtype=np.uint64))
    marks = np.zeros(1 << (bits + 4), dtype=np.bool_)
    marks[(keys >> np.uint64(60 - bits)).astype(np.int64)] = True
    order = np.lexsort((rows, members))
    begins = np.zeros(len(keys) + 1, dtype=np.int64)
    np.cumsum(np.bincount(members, minlength=len(keys)), out=begins[1:])
    return Lookup(keys, first.astype(np.int64), np.packbits(marks), shift, begins, rows[order].astype(np.int32))


def found_in_parts(sizes: Ints, ask: Callable[[int, int], Answer]) -> Found:
    """What `ask` answers of all rows, asked for consecutive rows (first, last + 1) at once.

    It answers the columns of `Found` but `score`, `asked` counted from the part's first row on.
    """
    import numpy as np

    def placed(part: tuple[int, int]) -> Answer:
        asked, *others = ask(*part)
        return (asked + part[0], *others)  # type: ignore[return-value]

    cut: Iterator[tuple[int, int]] = parts(sizes + 1, _AT_ONCE)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        answers = list(threads.map(placed, cut))
    none = np.zeros(0, dtype=np.int64)
    asked, sealed, shared, of, start, stop = (
        (np.concatenate(columns) for columns in zip(*answers, strict=True)) if answers else (none,) * 6
    )
    return Found(asked, sealed, score_of(shared, of), shared, of, start, stop)


def score_of(shared: Ints, of: Ints) -> Ints:
    """Thousandths, rounded down."""
    import numpy as np

    return shared * 1000 // np.maximum(of, 1)
