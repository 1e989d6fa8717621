"""Sealed rows by what is in them: 64-bit keys, each with the rows that hold it; and rows asked in parts, by threads.

Belongs here: the inverted index that all text detectors share. Does not belong here: what a key is, which of a row's
are kept, and the compiled loops (`kernel_lookup`).
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
    Bytes = npt.NDArray[np.uint8]
    Places = npt.NDArray[np.int32]
    Answer = tuple[Ints, Ints, Ints, Ints, Ints, Ints]

# Bytes of text that a thread takes at once: what is made of them stays in a processor's cache, and in a small memory.
AT_ONCE = 1 << 18
_MOST_BITS = 26


class Lookup(NamedTuple):
    """Keys and who holds them, as the kernels read it.

    Attributes:
        keys: uint64, distinct and ascending.
        first: int64[2^b + 1], where the keys begin whose highest b bits are the place's.
        seen: uint8, a bit for each value of the highest b + 4 bits: whether any key has it. Small enough for a
            processor's cache, it turns most strange keys away.
        shift: 64 - b.
        begins: int64[keys + 1]; the rows that hold key k are `rows[begins[k]:begins[k + 1]]`, ascending.
        rows: int32.
    """

    keys: Bits
    first: Ints
    seen: Bytes
    shift: np.uint64
    begins: Ints
    rows: Places

    def places_of(self, hashes: Bits) -> Places:
        """Where in `keys` each hash stands; -1: nowhere."""
        import numpy as np

        from careful_assets.text.leaks import kernel_lookup

        out = np.empty(len(hashes), dtype=np.int32)
        kernel_lookup.write_places(hashes, self, out)
        return out

    def add_counts(self, hashes: Bits, offsets: Ints, counts: Ints) -> None:
        """Add to each key's count how many rows hold it; row i's hashes begin at `offsets[i]`."""
        from careful_assets.text.leaks import kernel_lookup

        kernel_lookup.count_documents(hashes, offsets, self, counts)


def keys_alone(hashes: Bits) -> Lookup:
    """The distinct ones of the hashes, held by nobody so far."""
    import numpy as np

    ordered = np.sort(hashes)  # `np.unique` takes fifty times as long for millions
    keys = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    bits = min(_MOST_BITS, max(1, len(keys).bit_length()))
    shift = np.uint64(64 - bits)
    first = np.zeros((1 << bits) + 1, dtype=np.int64)
    np.cumsum(np.bincount((keys >> shift).astype(np.int64), minlength=1 << bits), out=first[1:])
    marks = np.zeros(1 << (bits + 4), dtype=np.bool_)
    marks[(keys >> np.uint64(60 - bits)).astype(np.int64)] = True
    begins = np.zeros(len(keys) + 1, dtype=np.int64)
    return Lookup(keys, first, np.packbits(marks), shift, begins, np.zeros(0, dtype=np.int32))


def with_rows(lookup: Lookup, hashes: Bits, offsets: Ints, held_by: Ints) -> Lookup:
    """The keys with the rows that hold them, `held_by` of each; 0: a key whose rows are left out."""
    import numpy as np

    from careful_assets.text.leaks import kernel_lookup

    begins = np.zeros(len(lookup.keys) + 1, dtype=np.int64)
    np.cumsum(held_by, out=begins[1:])
    rows = np.empty(int(begins[-1]), dtype=np.int32)
    kernel_lookup.write_rows(hashes, offsets, lookup, np.where(held_by > 0, begins[:-1], -1), rows)
    return lookup._replace(begins=begins, rows=rows)


def lookup_of(hashes: Bits, offsets: Ints) -> Lookup:
    """All rows by all their hashes; row i's begin at `offsets[i]`."""
    import numpy as np

    bare = keys_alone(hashes)
    held_by = np.zeros(len(bare.keys), dtype=np.int64)
    bare.add_counts(hashes, offsets, held_by)
    return with_rows(bare, hashes, offsets, held_by)


def found_in_parts(sizes: Ints, ask: Callable[[int, int], Answer], at_once: int = AT_ONCE) -> Found:
    """What `ask` answers of all rows, asked for consecutive rows (first, last + 1) at once.

    It answers the columns of `Found` but `score`, `asked` counted from the part's first row on.
    """
    import numpy as np

    def placed(part: tuple[int, int]) -> Answer:
        asked, *others = ask(*part)
        return (asked + part[0], *others)  # type: ignore[return-value]

    cut: Iterator[tuple[int, int]] = parts(sizes + 1, at_once)
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


def offsets_of(counts: Ints) -> Ints:
    """Where each of rows of so many begins, and behind the last."""
    import numpy as np

    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
