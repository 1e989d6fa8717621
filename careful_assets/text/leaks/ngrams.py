"""Runs of words that a row shares with a sealed one, weighed by how rare they are.

Belongs here: what an n-gram weighs, and the index of the sealed rows' n-grams. Does not belong here: what a word is
(`normalize.tokens`), and the compiled loops (`kernel`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from careful_assets.text.leaks.lookup import Lookup, found_in_parts, keys_alone, offsets_of, with_rows
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Found

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from careful_assets.text.leaks.lookup import Answer

    Ints = npt.NDArray[np.int64]
    Bits = npt.NDArray[np.uint64]

MOST_DOCUMENTS, MOST_SHARE = 3, 1_000
"""An n-gram that more than 3 documents hold, and more than one in 1,000, weighs nothing. 8 words in a row come about
anew next to never: in a sealed row, its double and a quotation they stand because of it; where more have them, they are
a template, a disclaimer or a saying, and tell nothing of where a row is from. In a large corpus, text is posted more
often, hence the share. What rows that stand in the ruler four times lose here, the other detectors find."""
_MILLION = 1_000_000


@dataclass(frozen=True)
class NgramDetector:
    """Distinct runs of `size` words: the weight of those shared over the lesser of both rows' weights.

    Args:
        size: words.
        threshold: thousandths.
        reference: texts of other real rows, by which, with the sealed ones, n-grams are rare or not; gone through
            anew for each index.

    An n-gram weighs ln(1 + N / df) in millionths (Spärck Jones 1972), over N documents, sealed and reference rows, of
    which df hold it; one that no sealed row holds, as with df = 1; one that too many hold (`MOST_DOCUMENTS`), nothing.
    A sealed row whose n-grams all weigh nothing is not found by it. Rows, sealed ones too, with fewer words than
    `size` or `SHORTEST_JUDGED` are not judged.
    """

    version: ClassVar[int] = 1
    asks_last: ClassVar[bool] = False
    sends_to: ClassVar[str | None] = None

    size: int
    threshold: int
    reference: Iterable[pl.Series]

    @property
    def name(self) -> str:
        """ngram_8 or ngram_13."""
        return f"ngram_{self.size}"

    def index(self, sealed: Prepared) -> NgramIndex:
        """The n-grams of these rows, with their weights."""
        import numpy as np

        grams, offsets = _grams(sealed, self.size, 0, len(sealed))
        bare = keys_alone(grams)
        own = np.zeros(len(bare.keys), dtype=np.int64)
        bare.add_counts(grams, offsets, own)
        documents, held_by = len(sealed), own.copy()
        for texts in self.reference:
            rows = Prepared(texts)
            documents += len(rows)
            bare.add_counts(*_grams(rows, self.size, 0, len(rows)), held_by)
        weights = _weights(held_by, documents)
        lookup = with_rows(bare, grams, offsets, np.where(weights > 0, own, 0))
        sealed_weights = np.zeros(len(sealed), dtype=np.int64)
        np.add.at(sealed_weights, lookup.rows, np.repeat(weights, np.diff(lookup.begins)))
        strange = round(math.log(1 + documents) * _MILLION)
        return NgramIndex(self, lookup, weights, sealed_weights, strange)


@dataclass(frozen=True, eq=False)
class NgramIndex:
    """The sealed rows' n-grams: `weights` by key, `sealed_weights` by row, `strange`: any other n-gram's."""

    detector: NgramDetector
    lookup: Lookup
    weights: Ints
    sealed_weights: Ints
    strange: int

    def find(self, rows: Prepared) -> Found:
        """The rows that share enough; start and stop: the longest run of shared n-grams."""
        import numpy as np

        from careful_assets.text.leaks import kernel

        words, size = rows.words, self.detector.size

        def ask(first: int, last: int) -> Answer:
            grams, offsets = _grams(rows, size, first, last)
            out = np.empty((last - first, 6), dtype=np.int64)
            found = kernel.find_grams(
                grams,
                offsets,
                self.lookup.places_of(grams),
                self.lookup,
                self.weights,
                self.strange,
                self.sealed_weights,
                self.detector.threshold,
                out,
            )
            asked, sealed, shared, of, start, stop = out[:found].T.copy()
            begun = words.offsets[first + asked]
            return asked, sealed, shared, of, words.starts[begun + start], words.stops[begun + stop + size - 1]

        return found_in_parts(rows.normal.sizes, ask)


def _grams(rows: Prepared, size: int, first: int, last: int) -> tuple[Bits, Ints]:
    """The n-grams of some rows, one after another, and where each row's begin."""
    import numpy as np

    from careful_assets.text.leaks import kernel

    offsets = rows.words.offsets[first : last + 1]
    out, counts = np.empty(int(offsets[-1] - offsets[0]), dtype=np.uint64), np.zeros(last - first, dtype=np.int64)
    written = kernel.write_grams(rows.words.hashes, offsets, size, SHORTEST_JUDGED, out, counts)
    return out[:written], offsets_of(counts)


def _weights(held_by: Ints, documents: int) -> Ints:
    """The weight of each n-gram by the number of documents that hold it."""
    import numpy as np

    most = max(MOST_DOCUMENTS, documents // MOST_SHARE)
    weights = [0, *(round(math.log(1 + documents / df) * _MILLION) for df in range(1, most + 1)), 0]
    return np.array(weights, dtype=np.int64)[np.minimum(held_by, most + 1)]
