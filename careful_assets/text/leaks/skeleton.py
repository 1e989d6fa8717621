"""Sealed rows written otherwise: rows whose skeleton is, or holds, that of a sealed row.

Belongs here: which sealed rows are held in what way, and where each is looked up. Does not belong here: what a skeleton
is (`text.skeleton`), and the compiled loops (`skeleton_kernel`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.leaks.lookup import Lookup, found_in_parts, lookup_of
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Found
from careful_assets.text.leaks.rarest import distinct, rarest
from careful_assets.text.skeleton import place_in_normal

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from careful_assets.text.leaks.lookup import Answer

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]

SHORTEST = 16
"""Bytes: a skeleton of fewer is no evidence, however it is written; equal texts are found by `exact`."""
SHORTEST_HELD = 32
"""Bytes that a sealed skeleton must have to be found inside of a longer row."""


@dataclass(frozen=True)
class SkeletonDetector:
    """Equal skeletons, or a sealed row's within a row's: a copy, whatever its letters look like and what parts them.

    A sealed row of fewer words than `SHORTEST_JUDGED`, or of a skeleton under `SHORTEST_HELD`, counts only where it is
    the whole row. Of the sealed rows that a row holds, the longest is told. None is missed: each sealed skeleton is
    looked up by one window of its own, the one that the fewest sealed rows hold, and compared byte by byte.
    """

    name: ClassVar[str] = "skeleton"
    version: ClassVar[int] = 2
    threshold: ClassVar[int] = 1000
    asks_last: ClassVar[bool] = False
    sends_to: ClassVar[str | None] = None

    def index(self, sealed: Prepared) -> SkeletonIndex:
        """One window a sealed row."""
        import numpy as np

        from careful_assets.text.leaks import skeleton_kernel as kernel

        skeletons = sealed.skeletons
        windows, ends = _windows(skeletons, 0, len(sealed))
        hashes, offsets = distinct(windows, ends)
        ones = np.minimum(np.diff(offsets), 1)
        chosen, chosen_offsets = rarest(hashes, offsets, ones)
        wanted, window_at = np.zeros(len(sealed), dtype=np.uint64), np.empty(len(sealed), dtype=np.int64)
        wanted[ones > 0] = chosen
        kernel.write_places(windows, ends, wanted, window_at)
        whole = (sealed.word_counts < SHORTEST_JUDGED) | (skeletons.sizes < SHORTEST_HELD)
        return SkeletonIndex(skeletons, lookup_of(chosen, chosen_offsets), window_at, whole.astype(np.uint8))


@dataclass(frozen=True, eq=False)
class SkeletonIndex:
    """The sealed skeletons.

    `window_at`: where in each the window stands by which it is looked up, -1 where it has none; `whole`: 1 for those
    that count only as a whole row.
    """

    sealed: FlatTexts
    lookup: Lookup
    window_at: Ints
    whole: npt.NDArray[np.uint8]

    def find(self, rows: Prepared) -> Found:
        """The rows that hold one; start and stop: where."""
        import numpy as np

        from careful_assets.text.leaks import skeleton_kernel as kernel

        skeletons = rows.skeletons

        def ask(first: int, last: int) -> Answer:
            windows, ends = _windows(skeletons, first, last)
            out = np.empty((last - first, 4), dtype=np.int64)
            found = kernel.find_held(
                skeletons.data, skeletons.offsets[first : last + 1], ends, self.lookup.places_of(windows), self.lookup,
                self.sealed.data, self.sealed.offsets, self.window_at, self.whole, out,
            )  # fmt: skip
            asked, sealed, start, stop = out[:found].T.copy()
            for k, text in enumerate((asked + first).tolist()):
                start[k], stop[k] = place_in_normal(rows.normal.text(text), int(start[k]), int(stop[k]))
            ones = np.ones(found, dtype=np.int64)
            return asked, sealed, ones, ones, start, stop

        return found_in_parts(skeletons.sizes, ask)


def _windows(skeletons: FlatTexts, first: int, last: int) -> tuple[Bits, Ints]:
    """The hashes of the windows of some skeletons, one after another, and where each's begin."""
    import numpy as np

    from careful_assets.text.leaks import skeleton_kernel as kernel

    offsets = skeletons.offsets[first : last + 1]
    out, ends = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint64), np.zeros(last - first + 1, dtype=np.int64)
    written = kernel.write_windows(skeletons.data, offsets, SHORTEST, out, ends)
    return out[:written], ends
