"""Character shingles of sealed rows and of rows: cut, made distinct, and the rarest of them.

Belongs here: what near copies and containment have in common. Does not belong here: either's measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from careful_assets.text.leaks.lookup import keys_alone, offsets_of
from careful_assets.text.leaks.prepared import Prepared

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]


def cut_rows(rows: Prepared, first: int, last: int) -> tuple[Bits, Ints]:
    """The shingles of some rows in their order, repeated ones too, row after row; and where each row's begin."""
    import numpy as np

    from careful_assets.text import minhash_kernel

    normal = rows.normal
    offsets = normal.offsets[first : last + 1]
    out, ends = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint64), np.zeros(last - first + 1, dtype=np.int64)
    minhash_kernel.cut_each(normal.data, offsets, out, ends)
    return out[: ends[-1]], ends


def distinct(shingles: Bits, offsets: Ints) -> tuple[Bits, Ints]:
    """The distinct ones of each row, ascending, and where each row's begin."""
    import numpy as np

    from careful_assets.text.leaks import kernel_lookup

    hashes, counts = shingles.copy(), np.zeros(len(offsets) - 1, dtype=np.int64)
    written = kernel_lookup.make_distinct(hashes, offsets, counts)
    return hashes[:written].copy(), offsets_of(counts)


def rarest(hashes: Bits, offsets: Ints, prefixes: Ints) -> tuple[Bits, Ints]:
    """Of each row's distinct hashes the `prefixes` that the fewest rows hold, and where each row's begin."""
    import numpy as np

    from careful_assets.text.leaks import kernel_lookup

    bare = keys_alone(hashes)
    held_by = np.zeros(len(bare.keys), dtype=np.int64)
    bare.add_counts(hashes, offsets, held_by)
    out = np.empty(int(prefixes.sum()), dtype=np.uint64)
    kernel_lookup.write_rarest(hashes, offsets, held_by[bare.places_of(hashes)], prefixes, out)
    return out, offsets_of(prefixes)
