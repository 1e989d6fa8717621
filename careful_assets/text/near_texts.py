"""Near copies among however many texts: exactly among few, by bands among many.

Belongs here: which of the two searches a number of texts gets, over texts as they are read, and the questions that a
refreshed source asks. Does not belong here: the searches (`near`, exact; `minhash` and `buckets`, by bands).

Up to `EXACT_TEXTS` texts no pair is missed. Above, every pair that is found was counted exactly, and about one pair
in a hundred of similarity 0.7 is missed, one in twenty thousand of 0.8 (see `minhash`). Whether a pair is found hangs
on its two texts alone: what bands find in one vintage, they find in every other, among whatever texts.

Each search takes an open, empty file, in which the normal forms lie while it runs: the caller knows where text may lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from careful_assets.text import minhash, near
from careful_assets.text.buckets import Buckets
from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.normalize import normalize
from careful_assets.text.shingles import ShingleSets

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

Batches = Iterable[pl.Series]

# As far as the exact search was measured to fit into memory.
EXACT_TEXTS = 100_000
# The exact search for given texts takes some seconds for so many pairs of one of them with any text.
_EXACT_PAIRS = 10**8
# The most that `most_alike` may miss a pair exactly at the threshold: 32 bands of 4 rows at 0.7, and 0.00015.
_MISS = 0.001
_BANDS_AT_ONCE = 4  # 32 bytes a text
# Verified pairs after which a text is tried with no more: those of one template among thousands of its rows.
_ENOUGH = 4_096


def clusters(texts: Batches, file: BinaryIO, thousandths: int) -> Ints:
    """For each text the smallest index in its component of near copies; its own where it has none.

    Memory with ten million texts of 110 characters: 2 GB, of which 1 GB is the file's pages.

    Raises:
        ValueError: `thousandths` does not lie between 1 and 1000.
    """
    return joined([], texts, file, thousandths)


def joined(known: Batches, fresh: Batches, file: BinaryIO, thousandths: int) -> Ints:
    """As `clusters`, over the known texts and then the fresh ones. By bands, two known texts are not compared."""
    import numpy as np  # loading the definitions must not wait for it

    texts, first = _both(known, fresh, file)
    if _few(texts):
        return near.near_components(_sets(texts), thousandths)
    return minhash.near_components(texts, Buckets(texts, first=first), thousandths, np.arange(first))


def resembling(known: Batches, asked: Batches, file: BinaryIO, thousandths: int) -> Bools:
    """By asked text whether it is a near copy of a known one. Exactly only where few are asked about, too."""
    import numpy as np

    texts, first = _both(known, asked, file)
    found = np.zeros(len(texts), dtype=np.bool_)
    if _few(texts) and (len(texts) - first) * len(texts) <= _EXACT_PAIRS:
        near_copies, _ = near.near_pairs(_sets(texts), np.arange(first, len(texts)), np.arange(first), thousandths)
        found[near_copies] = True
        return found[first:]
    # To the buckets the known are one component, and those asked another: they propose pairs of the two. What was found
    # goes over to the known, so that thousands of rows of one template are not tried with thousands.
    root = np.where(np.arange(len(texts)) < first, 0, first)
    for one, other in Buckets(texts, first=first).pairs(root):
        tried = np.flatnonzero((one < first) & ~found[other])
        _, near_copies, _, _ = minhash.verified(texts, one[tried], other[tried], thousandths)
        found[near_copies] = True
        root[near_copies] = 0
    return found[first:]


def most_alike(known: Batches, asked: Batches, file: BinaryIO, thousandths: int) -> tuple[Ints, Ints, Ints]:
    """By asked text the number of the known one that it is most similar to, -1 where none is a near copy.

    With it come the shingles that both hold, and those that either holds. Of equally similar ones the first is named.
    By bands, whatever the number of texts; a text with thousands of near copies is held against a part of them.
    """
    import numpy as np

    texts, first = _both(known, asked, file)
    best = np.full(len(texts) - first, -1, dtype=np.int64)
    shared, union = np.zeros(len(best), dtype=np.int64), np.ones(len(best), dtype=np.int64)
    tried = np.zeros(len(best), dtype=np.int64)
    if not first or not len(best):
        return best, shared, union
    bands, rows = minhash.banding_for(thousandths, _MISS)
    # As in `resembling`: pairs are proposed of one known and one asked text.
    root = np.where(np.arange(len(texts)) < first, 0, first)
    for start in range(0, bands, _BANDS_AT_ONCE):
        some = minhash.Bands.of(texts, bands=range(start, min(start + _BANDS_AT_ONCE, bands)), rows=rows)
        for one, other in Buckets(texts, some, first).pairs(root):
            left, right, both, either = minhash.verified(texts, one, other, thousandths)
            # By asked text the most similar first, then the first known. Equal shares are equal as floats, too.
            order = np.lexsort((left, -both / either, right))
            left, right, both, either = left[order], right[order] - first, both[order], either[order]
            heads = np.flatnonzero(np.diff(right, prepend=-1))
            asks, mine, had = right[heads], both[heads] / either[heads], shared[right[heads]] / union[right[heads]]
            better = heads[(mine > had) | ((mine == had) & (left[heads] < best[asks]))]
            own = right[better]
            best[own], shared[own], union[own] = left[better], both[better], either[better]
            tried += np.bincount(right, minlength=len(best))
            root[first + np.flatnonzero(tried >= _ENOUGH)] = 0
    return best, shared, union


def bridging(standing: Batches, fresh: Batches, sides: Ints, file: BinaryIO, thousandths: int) -> Bools:
    """By fresh text whether it is a near copy of a text of another side, standing or fresh.

    Args:
        standing, fresh: the texts; two standing ones are not compared.
        sides: of each standing text, then of each fresh one, its side's number.
    """
    import numpy as np

    texts, first = _both(standing, fresh, file)
    found = np.zeros(len(texts), dtype=np.bool_)
    if _few(texts):
        own, other = near.near_pairs(_sets(texts), np.arange(first, len(texts)), np.arange(len(texts)), thousandths)
        found[own[sides[own] != sides[other]]] = True
        return found[first:]
    # To the buckets a side is a component: they propose pairs of two sides.
    _, leaders, side = np.unique(sides, return_index=True, return_inverse=True)
    for one, other in Buckets(texts, first=first).pairs(leaders[side]):
        tried = np.flatnonzero(~found[other] | ((one >= first) & ~found[one]))
        left, right, _, _ = minhash.verified(texts, one[tried], other[tried], thousandths)
        found[left] = found[right] = True
    return found[first:]


def _both(known: Batches, fresh: Batches, file: BinaryIO) -> tuple[FlatTexts, int]:
    """The normal forms of all, and how many are known."""
    heights: list[int] = []

    def counted() -> Iterator[pl.Series]:
        for batch in known:
            heights.append(len(batch))
            yield batch

    texts = FlatTexts.kept_in(file, map(_normal, chain(counted(), fresh)))
    return texts, sum(heights)


def _normal(batch: pl.Series) -> pl.Series:
    return pl.Series([normalize(text) for text in batch.to_list()], dtype=pl.String)


def _few(texts: FlatTexts) -> bool:
    return len(texts) <= EXACT_TEXTS


def _sets(texts: FlatTexts) -> ShingleSets:
    ends = zip(texts.offsets[:-1].tolist(), texts.offsets[1:].tolist(), strict=True)
    return ShingleSets.of([texts.data[start:end].tobytes().decode() for start, end in ends])
