"""Near copies of sealed rows: Jaccard's coefficient of their sets of character 5-grams.

Belongs here: the bands that propose pairs, and how many. Does not belong here: cutting (`rarest`), the hashes of
bands (`minhash_kernel`), and the other compiled loops (`kernel`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from careful_assets.text.leaks.lookup import AT_ONCE, Lookup, found_in_parts, lookup_of
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Found
from careful_assets.text.leaks.rarest import cut_rows, distinct

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from careful_assets.text.leaks.lookup import Answer

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]
    Permutations = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], Bits]

MISS = 0.001
"""How likely a pair at the threshold itself is proposed by no band, at most; one further above, far less likely."""
SHORT_THRESHOLD = 700
"""The least where either row has under `SHORTEST_JUDGED` words: of so few, two or three in common are no sign. Of 190
short real rows held against 791 others, 6 are alike by a third, and none by this."""
_MOST_ROWS, _CHANCE, _PROBE, _COUNT = 6, 0.05, 2.0, 8.0
"""What `banding` weighs: how alike unrelated rows are, and in minima of a text what looking a band up and counting a
pair cost. Rough figures for rows of 110 characters; what is wrong with them costs time, never a finding."""
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class NearDuplicateDetector:
    """|S ∩ R| / |S ∪ R| of the shingle sets of a sealed row and a row; `threshold`: thousandths.

    MinHash (Broder 1997) with bands (see `text.minhash`) proposes pairs, of which each is counted exactly: no pair is
    found wrongly. One of similarity s is proposed with a probability of 1 - (1 - s^r)^b, by b bands of r rows; there
    are as many as it takes for a pair at the threshold to be missed once in 1,000 times, at most (`MISS`). Among 20,000
    rows, at 0.5, that is 108 bands of 4; pairs of 0.6 are missed 3 times in ten million. Equal sets are never missed.
    The permutations are drawn once: the same pair has the same answer in every process and on every machine.

    Where either row is short, `SHORT_THRESHOLD` is the least. What decides is the sealed row that a row is most like.
    """

    name: ClassVar[str] = "near_duplicate"
    version: ClassVar[int] = 3
    asks_last: ClassVar[bool] = False
    sends_to: ClassVar[str | None] = None

    threshold: int

    def index(self, sealed: Prepared) -> NearIndex:
        """The bands of these rows, and their shingles."""
        import numpy as np

        hashes, offsets = distinct(*cut_rows(sealed, 0, len(sealed)))
        permutations = _permutations(*banding(self.threshold, len(sealed)))
        bands, asked = _bands(sealed, 0, len(sealed), permutations)
        begins = np.zeros(len(sealed) + 1, dtype=np.int64)
        begins[asked + 1] = len(bands)
        lookup = lookup_of(bands.T.ravel(), np.cumsum(begins))
        short = sealed.word_counts < SHORTEST_JUDGED
        return NearIndex(self.threshold, lookup, hashes, offsets, permutations, short)


@dataclass(frozen=True, eq=False)
class NearIndex:
    """The sealed rows by band, and their distinct shingles."""

    threshold: int
    lookup: Lookup
    hashes: Bits
    offsets: Ints
    permutations: Permutations
    short: npt.NDArray[np.bool_]

    def find(self, rows: Prepared) -> Found:
        """The rows that are near copies; start and stop are -1: they are it as a whole."""
        import numpy as np

        from careful_assets.text.leaks import kernel

        def ask(first: int, last: int) -> Answer:
            bands, asked = _bands(rows, first, last, self.permutations)
            places = self.lookup.places_of(bands.ravel()).reshape(bands.shape)
            out = np.empty((last - first, 6), dtype=np.int64)
            shingles, offsets = cut_rows(rows, first, last)
            found = kernel.find_near(
                shingles, offsets, asked, places, self.lookup, self.hashes, self.offsets, self.threshold, out
            )
            return tuple(out[:found].T.copy())

        several = max(1, len(self.permutations[2]) // 100)
        found = found_in_parts(rows.normal.sizes, ask, AT_ONCE // several)
        short = (rows.word_counts[found.asked] < SHORTEST_JUDGED) | self.short[found.sealed]
        return found.where(~short | (found.shared * 1000 >= SHORT_THRESHOLD * found.of))


def banding(thousandths: int, sealed: int) -> tuple[int, int]:
    """How many bands, of how many rows each: those that cost least among so many sealed rows, at `MISS`."""

    def bands_of(rows: int) -> int:
        return math.ceil(math.log(MISS) / math.log1p(-min(0.999, (thousandths / 1000) ** rows)))

    def cost(rows: int) -> float:
        return bands_of(rows) * (rows + _PROBE + sealed * _CHANCE**rows * _COUNT)

    rows = min(range(1, _MOST_ROWS + 1), key=cost)
    return bands_of(rows), rows


def _permutations(bands: int, rows: int) -> Permutations:
    """Factors and terms (uint32[bands, rows]) of linear permutations, and what tells two bands' minima apart."""
    import numpy as np

    from careful_assets.text.minhash_kernel import mixed

    drawn = [int(mixed(np.uint64((k + 1) * _GOLDEN % 2**64))) for k in range(bands * (rows + 1))]
    bits = np.array(drawn, dtype=np.uint64)
    pairs = bits[: bands * rows].reshape(bands, rows)
    factors, terms = (pairs & np.uint64(0xFFFFFFFF) | np.uint64(1)), pairs >> np.uint64(32)
    return factors.astype(np.uint32), terms.astype(np.uint32), bits[bands * rows :]


def _bands(rows: Prepared, first: int, last: int, permutations: Permutations) -> tuple[Bits, Ints]:
    """The band hashes of some rows, uint64[bands, n], and which of them have any: not those without shingles."""
    import numpy as np

    from careful_assets.text import minhash_kernel

    offsets = rows.normal.offsets[first : last + 1]
    asked = np.flatnonzero(np.diff(offsets))
    out = np.empty((len(permutations[2]), len(asked)), dtype=np.int64)
    minhash_kernel.write_bands(rows.normal.data, offsets, asked, *permutations, out)
    return out.view(np.uint64), asked
