"""Rows whose normal form is a sealed row's.

Belongs here: equality. Does not belong here: what the normal form is (`normalize`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.leaks.lookup import Lookup, lookup_of, offsets_of
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import Found

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class ExactDetector:
    """Equal normal forms. A text in which nothing shows is no evidence of copying, and equals none."""

    name: ClassVar[str] = "exact"
    version: ClassVar[int] = 1
    threshold: ClassVar[int] = 1000
    asks_last: ClassVar[bool] = False
    sends_to: ClassVar[str | None] = None

    def index(self, sealed: Prepared) -> ExactIndex:
        """By hash, equal forms once: the first."""
        import numpy as np

        shown = sealed.normal.sizes > 0
        return ExactIndex(sealed.normal, lookup_of(_hashes(sealed.normal)[shown], offsets_of(shown.astype(np.int64))))


@dataclass(frozen=True, eq=False)
class ExactIndex:
    """The sealed normal forms, by hash."""

    sealed: FlatTexts
    lookup: Lookup

    def find(self, rows: Prepared) -> Found:
        """Rows with an equal normal form, by hash, then by bytes."""
        import numpy as np

        from careful_assets.text.leaks import words_kernel as kernel
        from careful_assets.text.shingles import runs

        hashes, lookup = _hashes(rows.normal), self.lookup
        places = lookup.places_of(hashes)
        asked = np.flatnonzero((places >= 0) & (rows.normal.sizes > 0))
        starts = lookup.begins[places[asked]]
        counts = lookup.begins[places[asked] + 1] - starts
        own, proposed = np.repeat(asked, counts), lookup.rows[runs(starts, counts)].astype(np.int64)
        equal = np.zeros(len(own), dtype=np.uint8)
        kernel.write_equal(
            rows.normal.data, rows.normal.offsets, own, self.sealed.data, self.sealed.offsets, proposed, equal
        )
        asked, at = np.unique(own[equal > 0], return_index=True)
        ones = np.ones(len(asked), dtype=np.int64)
        stop = np.array([_characters(rows.normal, row) for row in asked.tolist()], dtype=np.int64)
        return Found(asked, proposed[equal > 0][at], ones * 1000, ones, ones, ones * 0, stop)


def _hashes(texts: FlatTexts) -> npt.NDArray[np.uint64]:
    import numpy as np

    from careful_assets.text.leaks import words_kernel as kernel

    out = np.empty(len(texts), dtype=np.uint64)
    kernel.write_hashes(texts.data, texts.offsets, out)
    return out


def _characters(texts: FlatTexts, row: int) -> int:
    form = texts.data[texts.offsets[row] : texts.offsets[row + 1]]
    return int((form & 0xC0 != 0x80).sum())
