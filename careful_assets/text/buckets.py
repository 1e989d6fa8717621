"""Candidate pairs from bands in memory: texts whose hashes of one band are equal lie in one bucket.

Belongs here: finding the buckets, and the pairs within them. Does not belong here: hashing and counting
(`minhash`). The SQL models `filtering/near_links` and `filtering/near_pairs` find the same pairs.

The pairs of one bucket come in two steps. First each text with the smallest number of the bucket: of thousands of
rows of one template most are then in one component. After that, all pairs across components.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.minhash import BANDS, Bands
from careful_assets.text.near_filters import first_of_equal
from careful_assets.text.shingles import parts, runs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

# Band hashes held at once while nobody keeps them: half a gigabyte.
_HASHES_AT_ONCE = 1 << 26
# What is found in a band waits in memory until its turn.
_BANDS_SORTED_AT_ONCE = 2
# Pairs that are handed out at once.
_PAIRS_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class Buckets:
    """Candidate pairs of texts, one of the two from `first` on. The bands are those given, or made a few at a time.

    Making few at a time bounds the memory: each pass cuts the texts into shingles again, which takes a fifth of a
    sketch's time.
    """

    texts: FlatTexts
    bands: Bands | None = None
    first: int = 0

    def pairs(self, root: Ints) -> Iterator[tuple[Ints, Ints]]:
        """As `minhash.Candidates` says: band by band."""
        with ThreadPoolExecutor(_BANDS_SORTED_AT_ONCE) as pool:
            for bands in self._bands():
                found = partial(_buckets, numbers=bands.numbers, first=self.first)
                for start in range(0, len(bands.hashes), _BANDS_SORTED_AT_ONCE):
                    for members, starts in pool.map(found, bands.hashes[start : start + _BANDS_SORTED_AT_ONCE]):
                        yield from _links(members, starts, root, self.first)
                        yield from _across(members, starts, root, self.first)
                # Before the next ones are made: else twice as many lie in memory.
                del bands, found

    def _bands(self) -> Iterator[Bands]:
        if self.bands is not None:
            yield self.bands
            return
        at_once = min(BANDS, max(2, _HASHES_AT_ONCE // max(1, len(self.texts))))
        for start in range(0, BANDS, at_once):
            yield Bands.of(self.texts, bands=range(start, min(start + at_once, BANDS)))


def _buckets(hashes: Ints, numbers: Ints, first: int) -> tuple[Ints, Ints]:
    """The members of all buckets that hold two or more, one of them new, side by side; and where each begins."""
    import numpy as np

    from careful_assets.text.minhash_kernel import colliding

    new = int(np.searchsorted(numbers, first))
    places = colliding(hashes, new, max(8, (4 * (len(hashes) - new)).bit_length()))
    own = hashes[places]
    order = np.argsort(own)
    own, members = own[order], numbers[places[order]]
    begins = first_of_equal(own)
    alone = begins & np.append(begins[1:], True)
    members, begins = members[~alone], begins[~alone]
    return members, np.flatnonzero(begins)


def _links(members: Ints, starts: Ints, root: Ints, first: int) -> Iterator[tuple[Ints, Ints]]:
    """Each member with its bucket's smallest, where one component does not hold both."""
    import numpy as np

    if len(starts) == 0:
        return
    smallest = np.repeat(np.minimum.reduceat(members, starts), np.diff(starts, append=len(members)))
    tried = np.flatnonzero((root[members] != root[smallest]) & (members >= first))
    for start in range(0, len(tried), _PAIRS_AT_ONCE):
        own = tried[start : start + _PAIRS_AT_ONCE]
        yield smallest[own], members[own]


def _across(members: Ints, starts: Ints, root: Ints, first: int) -> Iterator[tuple[Ints, Ints]]:
    """All pairs of one bucket that lie in two components, the newer of the two new."""
    import numpy as np

    if len(starts) == 0:
        return
    counts = np.diff(starts, append=len(members))
    roots = root[members]
    several = np.repeat(np.minimum.reduceat(roots, starts) != np.maximum.reduceat(roots, starts), counts)
    bucket = np.repeat(np.arange(len(starts)), counts)[several]
    members, roots = members[several], roots[several]
    # By bucket, the texts of a component side by side: each is tried against all outside of its own run.
    order = np.argsort(bucket * len(root) + roots)
    members, roots, bucket = members[order], roots[order], bucket[order]
    low, high = (np.searchsorted(bucket, bucket, side=side) for side in ("left", "right"))
    keys = bucket * len(root) + roots
    begin, end = (np.searchsorted(keys, keys, side=side) for side in ("left", "right"))
    new = np.flatnonzero(members >= first)
    # Those before the run are tried only if they are old: of two new texts, the first in this order tries the other.
    for froms, counts, old in ((end[new], (high - end)[new], False), (low[new], (begin - low)[new], True)):
        if old and first == 0:
            return
        for start, stop in parts(counts, _PAIRS_AT_ONCE):
            one = members[np.repeat(new[start:stop], counts[start:stop])]
            other = members[runs(froms[start:stop], counts[start:stop])]
            kept = root[one] != root[other]
            if old:
                kept &= other < first
            yield np.minimum(one, other)[kept], np.maximum(one, other)[kept]
