"""Near copies of sealed rows: Jaccard's coefficient of their sets of character 5-grams, exactly.

Belongs here: which of a sealed row's shingles are indexed, so that no pair is missed. Does not belong here: cutting
(`shingles`), and the compiled loops (`kernel`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from careful_assets.text.leaks.lookup import Lookup, found_in_parts
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import Found
from careful_assets.text.leaks.rarest import cut_rows, rarest_first, sets_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from careful_assets.text.leaks.lookup import Answer

    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NearDuplicateDetector:
    """|S ∩ R| / |S ∪ R| of the shingle sets of a sealed row and a row; `threshold`: thousandths.

    Of a sealed row the |S| - ceil(t |S|) + 1 rarest shingles are indexed: a row that shares none of them shares less
    than t |S| (prefix filter: Chaudhuri, Ganti & Kaushik 2006, ICDE). What shares some is counted in full.
    """

    name: ClassVar[str] = "near_duplicate"
    version: ClassVar[int] = 1
    asks_last: ClassVar[bool] = False
    sends_to: ClassVar[str | None] = None

    threshold: int

    def index(self, sealed: Prepared) -> NearIndex:
        """The rarest shingles of these rows."""
        import numpy as np

        sets = sets_of(sealed)
        prefixes = np.where(sets.sizes > 0, sets.sizes + self.threshold * sets.sizes // -1000 + 1, 0)
        hashes, lookup = rarest_first(sets, prefixes)
        return NearIndex(self.threshold, lookup, hashes, sets.offsets, prefixes)


@dataclass(frozen=True, eq=False)
class NearIndex:
    """The sealed rows' shingles, each row's rarest first; `prefixes`: by row, how many of them are in the lookup."""

    threshold: int
    lookup: Lookup
    hashes: npt.NDArray[np.uint64]
    offsets: Ints
    prefixes: Ints

    def find(self, rows: Prepared) -> Found:
        """The rows that are near copies; start and stop are -1: they are it as a whole."""
        import numpy as np

        from careful_assets.text.leaks import kernel

        def ask(first: int, last: int) -> Answer:
            out = np.empty((last - first, 6), dtype=np.int64)
            shingles, offsets = cut_rows(rows, first, last)
            found = kernel.find_near(
                shingles, offsets, self.lookup, self.hashes, self.offsets, self.prefixes, self.threshold, out
            )
            return tuple(out[:found].T.copy())

        return found_in_parts(rows.normal.sizes, ask)
