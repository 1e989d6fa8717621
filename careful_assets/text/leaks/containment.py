"""A short sealed row inside a long row: the sealed row's shingles in a window about as long as it is.

Belongs here: which shingles are indexed, and how many must be met before a window is counted. Does not belong here:
cutting (`shingles`), and the compiled loops (`kernel`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from careful_assets.text.leaks.lookup import Lookup, found_in_parts
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Found
from careful_assets.text.leaks.rarest import cut_rows, rarest_first, sets_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from careful_assets.text.leaks.lookup import Answer

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class ContainmentDetector:
    """The most of a sealed row's shingles S in any window of a row C: |S ∩ C| / |S|; `threshold`: thousandths.

    A window is as many shingles in a row as the sealed row is long, or the whole row where it is shorter: a long
    document does not gather a short row's shingles by chance. Indexed is the rarer half of each sealed row, or more
    where the prefix filter needs it; of two windows' length side by side so many indexed ones must be met that the
    rest can make up the threshold; then each window there is counted. None is missed. Rows and sealed rows under
    `SHORTEST_JUDGED` words are not judged.
    """

    name: ClassVar[str] = "containment"
    version: ClassVar[int] = 1
    asks_last: ClassVar[bool] = False
    sends_to: ClassVar[str | None] = None

    threshold: int

    def index(self, sealed: Prepared) -> ContainmentIndex:
        """The rarer half of these rows' shingles."""
        import numpy as np

        sets = sets_of(sealed)
        sizes = sets.sizes
        least = -(self.threshold * sizes // -1000)
        prefixes = np.maximum(sizes - least + 1, (sizes + 1) // 2)
        prefixes[(sealed.word_counts < SHORTEST_JUDGED) | (sizes == 0)] = 0
        _, lookup = rarest_first(sets, prefixes)
        widths = np.diff(cut_rows(sealed, 0, len(sealed))[1])
        return ContainmentIndex(self.threshold, lookup, sets.hashes, sets.offsets, prefixes, widths)


@dataclass(frozen=True, eq=False)
class ContainmentIndex:
    """The sealed rows' shingles, ascending by row.

    `prefixes`: by row, how many of them are in the lookup; `widths`: how many it has with repeated ones.
    """

    threshold: int
    lookup: Lookup
    hashes: Ints
    offsets: Ints
    prefixes: Ints
    widths: Ints

    def find(self, rows: Prepared) -> Found:
        """The rows that hold a sealed one; start and stop: what is alike in the first best window."""
        import numpy as np

        from careful_assets.text.leaks import kernel

        judged = (rows.word_counts >= SHORTEST_JUDGED).astype(np.uint8)

        def ask(first: int, last: int) -> Answer:
            out = np.empty((last - first, 6), dtype=np.int64)
            shingles, offsets = cut_rows(rows, first, last)
            found = kernel.find_windows(
                shingles, offsets, judged[first:last], self.lookup, self.hashes, self.offsets, self.prefixes,
                self.widths, self.threshold, out,
            )  # fmt: skip
            return tuple(out[:found].T.copy())

        return found_in_parts(rows.normal.sizes, ask)
