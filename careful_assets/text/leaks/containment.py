"""A short sealed row inside a long row: the sealed row's shingles in a window as long as it is.

Belongs here: which shingles are indexed, and how many must be met before a window is counted. Does not belong here:
cutting (`shingles`), and the compiled loops (`kernel`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from careful_assets.text.leaks.lookup import Lookup, found_in_parts, lookup_of, offsets_of
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Found
from careful_assets.text.leaks.rarest import cut_rows, distinct, rarest
from careful_assets.text.shingles import runs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from careful_assets.text.leaks.lookup import Answer

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]


LONGER = 1500
"""Thousandths of a sealed row's length: a row must be as long to be asked about it. What is shorter and holds it has a
Jaccard's coefficient of about two thirds with it, and is for `near` to find."""
_INDEXED = 450
"""Thousandths of a sealed row's shingles, the rarest, that are indexed: with more, more hits can be demanded of a
window, but each further shingle is held by more rows."""


@dataclass(frozen=True)
class ContainmentDetector:
    """The most of a sealed row's shingles S in any window of a long row C: |S ∩ C| / |S|; `threshold`: thousandths.

    A window is as many shingles in a row as the sealed row has, repeated ones counted: a long document does not gather
    a short row's shingles by chance. A row is asked about those sealed rows than which its normal form is half as long
    again, or longer (`LONGER`). Rows and sealed rows under `SHORTEST_JUDGED` words are not judged.

    Of the pairs asked about none is missed: of each sealed row so many shingles are indexed that a window which
    reaches the threshold holds some of them (prefix filter: Chaudhuri, Ganti & Kaushik 2006, ICDE); where in two
    windows' length so many are met that the others can make up the threshold, each window is counted.
    """

    name: ClassVar[str] = "containment"
    version: ClassVar[int] = 2
    asks_last: ClassVar[bool] = False
    sends_to: ClassVar[str | None] = None

    threshold: int

    def index(self, sealed: Prepared) -> ContainmentIndex:
        """The rarest shingles of these rows, the shortest row first."""
        import numpy as np

        shingles, ends = cut_rows(sealed, 0, len(sealed))
        hashes, offsets = distinct(shingles, ends)
        sizes, widths = np.diff(offsets), np.diff(ends)
        judged = np.flatnonzero((sealed.word_counts >= SHORTEST_JUDGED) & (sizes > 0))
        numbers = judged[np.argsort(widths[judged], kind="stable")]
        hashes = hashes[runs(offsets[numbers], sizes[numbers])]
        sizes, widths = sizes[numbers], widths[numbers]
        least = -(self.threshold * sizes // -1000)
        prefixes = np.minimum(np.maximum(sizes - least + 1, -(_INDEXED * sizes // -1000)), sizes)
        offsets = offsets_of(sizes)
        lookup = lookup_of(*rarest(hashes, offsets, prefixes))
        needs = np.maximum(least - (sizes - prefixes), 1)
        return ContainmentIndex(self.threshold, lookup, hashes, offsets, numbers, widths, sizes - prefixes, needs)


@dataclass(frozen=True, eq=False)
class ContainmentIndex:
    """The sealed rows that are judged, ascending by length.

    `hashes`, `offsets`: their distinct shingles; `numbers`: their places among all; `widths`: how many shingles each
    has with repeated ones; `unindexed`: how many of the distinct ones are not in the lookup; `needs`: how many that are
    must be met.
    """

    threshold: int
    lookup: Lookup
    hashes: Bits
    offsets: Ints
    numbers: Ints
    widths: Ints
    unindexed: Ints
    needs: Ints

    def find(self, rows: Prepared) -> Found:
        """The rows that hold a sealed one; start and stop: what is alike in the first best window."""
        import numpy as np

        from careful_assets.text.leaks import kernel_windows

        judged = rows.word_counts >= SHORTEST_JUDGED
        # A normal form of k characters has k - 4 shingles, as it has more than 5 where it has 8 words.
        lengths = LONGER * (self.widths + 4)

        def ask(first: int, last: int) -> Answer:
            shingles, ends = cut_rows(rows, first, last)
            limits = np.searchsorted(lengths, 1000 * (np.diff(ends) + 4), side="right")
            limits[~judged[first:last]] = 0
            out = np.empty((last - first, 6), dtype=np.int64)
            if not limits.any():
                return tuple(out[:0].T.copy())
            found = kernel_windows.find_windows(
                shingles, ends, limits, self.lookup.places_of(shingles), self.lookup, self.hashes, self.offsets,
                self.numbers, self.widths, self.unindexed, self.needs, self.threshold, out,
            )  # fmt: skip
            return tuple(out[:found].T.copy())

        return found_in_parts(rows.normal.sizes, ask)
