"""What the search for near copies looks things up in: ranks, the lists of prefixes, digests, and the verdict on a pair.

Belongs here: each filter that may only drop pairs which are no near copies, and the count that decides. Does not
belong here: the order in which pairs are tried (`near`, which also names the sources).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from careful_assets.text.shingles import ShingleSets, parts, runs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

# Elements handled at once: few enough to stay in a processor's cache, about 30 MB of arrays in the widest place.
AT_ONCE = 1 << 18


@dataclass(frozen=True)
class PrefixLists:
    """By shingle the texts that have it in their prefix, for shingles that two or more have there.

    Attributes:
        offsets: int64[lists + 1]: where each shingle's list begins in the other arrays.
        text: the texts' indices.
        room, need: a pair whose first common shingle has these two entries can be near only if the room of each is
            not below the need of the other: min(left in x, left in y) * (1000 + t) >= t * (|x| + |y|).
    """

    offsets: Ints
    text: Ints
    room: Ints
    need: Ints

    @classmethod
    def of(cls, ranked: ShingleSets, texts: Ints, thousandths: int) -> PrefixLists:
        """The lists of these texts, none of them empty: |x| - ceil(t|x|) + 1 entries of each, rarest first."""
        import numpy as np

        sizes = ranked.sizes[texts]
        lengths = sizes - -(-thousandths * sizes // 1000) + 1
        places = runs(ranked.offsets[texts], lengths)
        order = np.argsort(ranked.hashes[places])
        first = first_of_equal(ranked.hashes[places[order]])
        alone = first & np.append(first[1:], True)
        order, first = order[~alone], first[~alone]
        text = np.repeat(texts, lengths)[order]
        need = thousandths * ranked.sizes[text]
        room = (ranked.offsets[text + 1] - places[order]) * (1000 + thousandths) - need
        return cls(np.append(np.flatnonzero(first), len(text)), text, room, need)


@dataclass(frozen=True)
class Pairs:
    """Decides pairs of texts. `digests` are uint64[words, n]."""

    ranked: ShingleSets
    digests: npt.NDArray[np.uint64]
    thousandths: int

    def possible(self, i: Ints, j: Ints) -> Bools:
        """By pair whether the digests allow it: |x Δ y| * (1000 + t) <= (|x| + |y|) * (1000 - t)."""
        import numpy as np

        apart = np.zeros(len(i), dtype=np.int64)
        for word in self.digests:
            apart += np.bitwise_count(word[i] ^ word[j])
        both = self.ranked.sizes[i] + self.ranked.sizes[j]
        return apart * (1000 + self.thousandths) <= both * (1000 - self.thousandths)

    def near(self, i: Ints, j: Ints) -> Bools:
        """By pair whether it is one of near copies, counted."""
        import numpy as np

        sizes = self.ranked.sizes
        near = [np.zeros(0, dtype=np.bool_)]
        for start, stop in parts(sizes[i] + sizes[j], AT_ONCE):
            texts = np.concatenate([i[start:stop], j[start:stop]])
            owners = np.repeat(np.tile(np.arange(stop - start), 2), sizes[texts])
            keys = np.sort(owners << 32 | self.ranked.hashes[members(self.ranked, texts)])
            shared = np.bincount(keys[1:][keys[1:] == keys[:-1]] >> 32, minlength=stop - start)
            near.append(reaches(shared, sizes[i[start:stop]] + sizes[j[start:stop]], self.thousandths))
        return np.concatenate(near)


def ranks_of(sets: ShingleSets) -> Ints:
    """In place of each hash its rank, rarest first, ascending within a text."""
    import numpy as np

    order = np.argsort(sets.hashes)
    counts = np.diff(np.flatnonzero(first_of_equal(sets.hashes[order])), append=len(order))
    by_count = np.empty(len(counts), dtype=np.int64)
    by_count[np.argsort(counts, kind="stable")] = np.arange(len(counts))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.repeat(by_count, counts)
    for start, stop in parts(sets.sizes, AT_ONCE):
        own = slice(sets.offsets[start], sets.offsets[stop])
        owners = np.repeat(np.arange(stop - start), sets.sizes[start:stop])
        ranks[own] = np.sort(owners << 32 | ranks[own]) & 0xFFFFFFFF
    return ranks


def digests_of(sets: ShingleSets) -> npt.NDArray[np.uint64]:
    """uint64[words, n]: by text and bit the parity of the text's hashes that fall on the bit.

    Two sets' digests differ in no more bits than the sets in members. With 2.4 bits a shingle (mean text), 256 at
    the least, they tell unrelated texts of up to three times the mean length apart at J >= 0.7.
    """
    import numpy as np

    bits = 64 * max(4, len(sets.hashes) * 24 // (640 * max(1, len(sets))))
    words = [np.zeros(0, dtype=np.uint64)]
    for start, stop in parts(sets.sizes + bits, AT_ONCE):
        own = slice(sets.offsets[start], sets.offsets[stop])
        owners = np.repeat(np.arange(stop - start), sets.sizes[start:stop])
        counts = np.bincount(owners * bits + sets.hashes[own] % bits, minlength=(stop - start) * bits)
        words.append(np.packbits((counts & 1).astype(np.uint8)).view(np.uint64))
    return np.ascontiguousarray(np.concatenate(words).reshape(len(sets), bits // 64).T)


def members(sets: ShingleSets, texts: Ints) -> Ints:
    """The places of all members of these texts' sets, one text after another."""
    return runs(sets.offsets[texts], sets.sizes[texts])


def first_of_equal(ordered: Ints) -> Bools:
    """By element whether it differs from the one before it."""
    import numpy as np

    first = np.ones(len(ordered), dtype=np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def reaches(shared: Ints, sizes: Ints, thousandths: int) -> Bools:
    """Whether J >= t, given what two sets share and the sum of their sizes."""
    return shared * 1000 >= thousandths * (sizes - shared)
