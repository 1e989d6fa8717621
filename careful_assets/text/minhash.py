"""Near copies among very many texts: MinHash bands propose pairs, exact counting decides.

Belongs here: the sketch of a text, the exact verdict on pairs, and the components that the pairs join. Does not
belong here: where the candidate pairs come from (`buckets`, or SQL over the same bands), and searches that
miss no pair (`near`), which serve some 100,000 texts.

Similarity is Jaccard's coefficient of the sets of character 5-grams that `shingles` defines. MinHash (Broder 1997)
with banding (Leskovec, Rajaraman & Ullman: Mining of Massive Datasets, ch. 3.4): two texts are a candidate pair if all
5 minima of one of 25 bands agree, which a pair of similarity s does with a probability of 1 - (1 - s^5)^25: 0.990 at
0.7, 0.9999 at 0.8. A candidate is then verified by counting shingles, in integers, so that no pair is reported wrongly.
The permutations are linear ones modulo 2^32 of the shingle hashes' lower half (Bohman, Cooper & Frieze 2000, Min-wise
independent linear permutations), drawn once: the same text has the same bands in every process, machine and version.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.shingles import parts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

BANDS, ROWS = 25, 5
PERMUTATIONS = 128
"""The most that a banding uses, all bands together."""
# Bands are stored, and compared with later ones: other permutations are another version.
BANDS_VERSION = 1
_GOLDEN = 0x9E3779B97F4A7C15
# Bytes of text that a thread works on at once: milliseconds, and buffers that stay in a processor's cache.
_BYTES_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class Bands:
    """Band hashes of texts.

    Attributes:
        numbers: int64[m], ascending: which texts. Texts without shingles are not among them.
        hashes: int64[bands, m].
    """

    numbers: Ints
    hashes: Ints

    @classmethod
    def of(cls, texts: FlatTexts, first: int = 0, bands: range = range(BANDS), rows: int = ROWS) -> Bands:
        """The bands of the texts from `first` on; of all bands, those in the range, each of so many rows."""
        import numpy as np  # loading the definitions must not wait for it

        from careful_assets.text.minhash_kernel import write_bands

        numbers = first + np.flatnonzero(texts.sizes[first:])
        hashes = np.empty((len(bands), len(numbers)), dtype=np.int64)
        factors, terms, seeds = _permutations(bands, rows)

        def write(start: int, stop: int) -> None:
            out = hashes[:, start:stop]
            write_bands(texts.data, texts.offsets, numbers[start:stop], factors, terms, seeds, out)

        _in_threads(write, parts(texts.sizes[numbers], _BYTES_AT_ONCE))
        return cls(numbers, hashes)

    def after(self, older: Bands) -> Bands:
        """These bands behind those of texts with smaller numbers.

        Raises:
            ValueError: the numbers do not ascend, or the bands are not as many.
        """
        import numpy as np

        numbers = np.concatenate([older.numbers, self.numbers])
        if len(older.hashes) != len(self.hashes) or (np.diff(numbers) <= 0).any():
            raise ValueError("older bands are as many as these, and of texts with smaller numbers")
        return Bands(numbers, np.concatenate([older.hashes, self.hashes], axis=1))


class Candidates(Protocol):
    """Where pairs of texts that share a band come from."""

    def pairs(self, root: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Pairs (i, j), i < j, in parts of bounded size; some of them more than once.

        `root` gives by text its component's smallest index. The caller may join components between two parts. Every
        candidate pair is among the parts, unless its two texts are in one component by the time it would be.
        """
        ...


def overlaps(texts: FlatTexts, left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """By pair of texts: how many distinct shingles both hold, and how many either holds. Exact.

    Memory beyond the result: some 40 bytes a byte of the longest text, in each thread.
    """
    import numpy as np

    from careful_assets.text.minhash_kernel import write_overlaps

    shared, union = np.empty(len(left), dtype=np.int64), np.empty(len(left), dtype=np.int64)

    def write(start: int, stop: int) -> None:
        own = slice(start, stop)
        write_overlaps(texts.data, texts.offsets, left[own], right[own], shared[own], union[own])

    _in_threads(write, parts(texts.sizes[left] + texts.sizes[right], _BYTES_AT_ONCE))
    return shared, union


def verified(texts: FlatTexts, left: Ints, right: Ints, thousandths: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Those of the pairs with a similarity of `thousandths` or more: left, right, and their `overlaps`.

    Texts without shingles resemble nothing, each other neither.

    Raises:
        ValueError: `thousandths` does not lie between 1 and 1000.
    """
    import numpy as np

    _check(thousandths)
    shared, union = overlaps(texts, left, right)
    near = np.flatnonzero((shared > 0) & (shared * 1000 >= thousandths * union))
    return left[near], right[near], shared[near], union[near]


def candidate_pairs(candidates: Candidates, n: int) -> tuple[Ints, Ints]:
    """All candidate pairs (i < j) of n texts once each, ascending. Thousands of equal texts make millions of them."""
    import numpy as np

    keys = [np.zeros(0, dtype=np.int64)]
    keys += [np.unique(left * n + right) for left, right in candidates.pairs(np.arange(n))]
    left, right = np.divmod(np.unique(np.concatenate(keys)), max(1, n))
    return left, right


def near_components(
    texts: FlatTexts, candidates: Candidates, thousandths: int = 700, known: Ints | None = None
) -> Ints:
    """For each text the smallest index in its component of near copies; its own where it has none.

    The components are exactly those of the graph of all candidate pairs with a similarity of `thousandths` or more. A
    pair within one component is not counted again, so that a million rows of one template cost a million counts,
    not their pairs. `known` are the components of the first texts among themselves, from an earlier call.

    Raises:
        ValueError: `thousandths` does not lie between 1 and 1000.
    """
    import numpy as np

    from careful_assets.text.minhash_kernel import flatten, unite

    _check(thousandths)
    root = np.arange(len(texts))
    if known is not None:
        root[: len(known)] = known
    for one, other in candidates.pairs(root):
        apart = root[one] != root[other]
        left, right, _, _ = verified(texts, one[apart], other[apart], thousandths)
        if len(left):
            unite(root, left, right)
            flatten(root)
    return root


def representatives(root: Ints, priority: Sequence[int] | Ints) -> Ints:
    """For each text the one that stands for its component: the least priority and, among equals, the smallest index.

    Raises:
        ValueError: not one priority a text.
    """
    import numpy as np

    priorities = np.asarray(priority, dtype=np.int64)
    if len(priorities) != len(root):
        raise ValueError(f"{len(root)} texts need as many priorities, not {len(priorities)}")
    order = np.lexsort((priorities, root))
    chosen = np.arange(len(root))
    _, first = np.unique(root[order], return_index=True)
    chosen[root[order[first]]] = order[first]
    return chosen[root]


def _check(thousandths: int) -> None:
    if not 1 <= thousandths <= 1000:
        raise ValueError(f"a similarity to reach is given in 1 to 1000 thousandths, not {thousandths}")


def banding_for(thousandths: int, miss: float) -> tuple[int, int]:
    """The bands, and rows a band, that propose the fewest pairs and miss one at the threshold with `miss` at most.

    More rows a band propose fewer pairs, so the most rows that still keep the bound are taken.
    """
    for rows in range(PERMUTATIONS // 2, 0, -1):
        bands = PERMUTATIONS // rows
        if (1 - (thousandths / 1000) ** rows) ** bands <= miss:
            return bands, rows
    return PERMUTATIONS, 1


def _permutations(
    bands: range, rows: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], npt.NDArray[np.uint64]]:
    """Of these bands factors and terms (uint32[bands, rows]), and what tells equal minima of two bands apart."""
    import numpy as np

    from careful_assets.text.minhash_kernel import mixed

    several = BANDS if rows == ROWS else PERMUTATIONS // rows
    drawn = [int(mixed(np.uint64((k + 1) * _GOLDEN % 2**64))) for k in range(several * (rows + 1))]
    bits = np.array(drawn, dtype=np.uint64)
    pairs, own = bits[: several * rows].reshape(several, rows), slice(bands.start, bands.stop)
    factors, terms = (pairs & np.uint64(0xFFFFFFFF) | np.uint64(1)), pairs >> np.uint64(32)
    return factors[own].astype(np.uint32), terms[own].astype(np.uint32), bits[several * rows :][own]


def _in_threads(work: Callable[[int, int], None], pieces: Iterator[tuple[int, int]]) -> None:
    """Run `work` on every piece, as many at once as there are processors."""
    several = list(pieces)
    if len(several) == 1:
        work(*several[0])
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(work, start, stop) for start, stop in several]:
            done.result()
