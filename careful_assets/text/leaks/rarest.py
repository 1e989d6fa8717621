"""Character shingles of sealed rows and of rows: cut, and the sealed rows' rarest ones indexed.

Belongs here: what near copies and containment have in common. Does not belong here: either's measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from careful_assets.text.leaks.lookup import Lookup, lookup_of
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.shingles import ShingleSets

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]


def sets_of(sealed: Prepared) -> ShingleSets:
    """The sets of the rows' normal forms."""
    normal = sealed.normal
    ends = zip(normal.offsets[:-1].tolist(), normal.offsets[1:].tolist(), strict=True)
    return ShingleSets.of([normal.data[start:stop].tobytes().decode() for start, stop in ends])


def rarest_first(sets: ShingleSets, prefixes: Ints) -> tuple[Bits, Lookup]:
    """The hashes, each row's by the number of rows that hold them; and the lookup of each row's first `prefixes`."""
    import numpy as np

    hashes = sets.hashes.view(np.uint64)
    owners = np.repeat(np.arange(len(sets)), sets.sizes)
    _, members, held_by = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.lexsort((hashes, held_by[members], owners))
    hashes = hashes[order]
    kept = np.arange(len(hashes)) - sets.offsets[owners] < prefixes[owners]
    keys, members = np.unique(hashes[kept], return_inverse=True)
    return hashes, lookup_of(keys, members, owners[kept])


def cut_rows(rows: Prepared, first: int, last: int) -> tuple[Bits, Ints]:
    """The shingles of some rows in their order, repeated ones too, one row after another; and where each row's begin."""
    import numpy as np

    from careful_assets.text import minhash_kernel

    normal = rows.normal
    offsets = normal.offsets[first : last + 1]
    out, ends = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint64), np.zeros(last - first + 1, dtype=np.int64)
    minhash_kernel.cut_each(normal.data, offsets, out, ends)
    return out, ends
