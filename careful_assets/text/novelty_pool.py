"""The pool that texts are held against for novelty, and which of its texts one has to be compared with.

Belongs here: texts as sequences of numbers, and each filter that may only drop pairs whose ROUGE-L stays below the
threshold. Does not belong here: the comparison itself and the rule by which the pool grows (`novelty`).

Two texts of m and n words share a subsequence of l >= t(m + n)/2 words only if their bags of words overlap in as
many. Bags are made sets by counting: the second "the" of a text is another member than the first (Xiao et al. 2008,
PPJoin, WWW, section 2). With the members of every set in one global order, rarest first, an overlap as large as that
leads to a common one among the first m - ceil(tm/(2 - t)) + 1 of either text (prefix filter: Chaudhuri, Ganti &
Kaushik 2006, ICDE), and the first one they share leaves room for the rest (positional filter: PPJoin). What remains is
held against bit digests (`near_filters.digests_of`), and only then is the overlap counted.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from careful_assets.text.near_filters import digests_of, first_of_equal, ranks_of
from careful_assets.text.normalize import tokens
from careful_assets.text.shingles import ShingleSets, runs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TokenSequences:
    """The words of n texts in order, each word a number.

    Attributes:
        offsets: int64[n + 1]; text i's words are `numbers[offsets[i]:offsets[i + 1]]`.
        numbers: int64, from 0; equal for equal words.
    """

    offsets: Ints
    numbers: Ints

    @classmethod
    def of(cls, texts: Sequence[str]) -> TokenSequences:
        """The sequences of texts as they stand: they are normalized here."""
        import numpy as np  # loading the definitions must not wait for it

        known: dict[str, int] = {}
        numbers, ends = array("q"), array("q", [0])
        for text in texts:
            numbers.extend([known.setdefault(word, len(known)) for word in tokens(text)])
            ends.append(len(numbers))
        return cls(np.array(ends, dtype=np.int64), np.array(numbers, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def size(self, place: int) -> int:
        """How many words the text has."""
        return int(self.offsets[place + 1] - self.offsets[place])

    def tokens(self, place: int) -> list[int]:
        """The words of one text."""
        numbers: list[int] = self.numbers[self.offsets[place] : self.offsets[place + 1]].tolist()
        return numbers

    def bags(self) -> ShingleSets:
        """The bag of words of each text as a set: a member is a word and how often it stood before in the text."""
        import numpy as np

        owners = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        keys = np.sort(owners << 32 | self.numbers)
        first = np.flatnonzero(first_of_equal(keys))
        before = np.arange(len(keys)) - np.repeat(first, np.diff(first, append=len(keys)))
        return ShingleSets(self.offsets, (keys & 0xFFFFFFFF) << 32 | before)


class NoveltyPool:
    """The texts let in so far, listed by the members of their prefixes. Holds no text before it is added.

    Attributes:
        thousandths: the threshold; pairs may be asked for at this one or a higher one.
    """

    def __init__(self, sequences: TokenSequences, thousandths: int) -> None:
        import numpy as np

        self.sequences = sequences
        self.thousandths = thousandths
        bags = sequences.bags()
        self._sizes = bags.sizes
        self._ranked = ShingleSets(bags.offsets, ranks_of(bags))
        # Ranks spread over the digests' bits as evenly as hashes do, and the most frequent ones never collide.
        self._digests = np.ascontiguousarray(digests_of(self._ranked).T)
        self._prefixes = _prefix_lengths(self._sizes, thousandths)
        ranks = self._ranked.hashes[runs(bags.offsets[:-1], self._prefixes)]
        # Each list has room for all texts, let in or not; `_filled` of it is in use, in the order of adding.
        capacity = np.bincount(ranks, minlength=int(self._ranked.hashes.max(initial=-1)) + 1)
        self._starts = np.cumsum(capacity) - capacity
        self._filled = np.zeros_like(capacity)
        self._texts = np.zeros(len(ranks), dtype=np.int64)
        self._left = np.zeros(len(ranks), dtype=np.int64)
        self._marked = np.zeros(len(capacity), dtype=np.bool_)

    def add(self, place: int) -> None:
        """Let the text in."""
        prefix = self._prefix(place, self.thousandths)
        entries = self._starts[prefix] + self._filled[prefix]
        self._texts[entries] = place
        self._left[entries] = self._left_from(place, len(prefix))
        self._filled[prefix] += 1

    def crowding(self, place: int) -> int:
        """How many entries `sharing` would go through."""
        return int(self._filled[self._prefix(place, self.thousandths)].sum())

    def first_sharing(self, place: int) -> Ints:
        """Of each list that `sharing` would go through the text that was added first."""
        import numpy as np

        prefix = self._prefix(place, self.thousandths)
        return np.unique(self._texts[self._starts[prefix[self._filled[prefix] > 0]]])

    def sharing(self, place: int, thousandths: int) -> Ints:
        """The texts, ascending, that share a member early enough in both; no other one reaches the threshold."""
        import numpy as np

        prefix = self._prefix(place, thousandths)
        counts = self._filled[prefix]
        entries = runs(self._starts[prefix], counts)
        left = np.minimum(self._left[entries], np.repeat(self._left_from(place, len(prefix)), counts))
        others = self._texts[entries]
        roomy = 2000 * left >= thousandths * (self._sizes[place] + self._sizes[others])
        return np.unique(others[roomy])

    def overlapping(self, place: int, others: Ints, thousandths: int) -> tuple[Ints, Ints]:
        """Those of the others whose bags overlap enough to reach the threshold, and their overlaps.

        The highest 2 * overlap / (m + n) first, the earliest of equals.
        """
        import numpy as np

        both = self._sizes[place] + self._sizes[others]
        apart = np.bitwise_count(self._digests[others] ^ self._digests[place]).sum(axis=1, dtype=np.int64)
        others = others[apart * 1000 <= (1000 - thousandths) * both]
        overlaps = self._overlaps(place, others)
        both = self._sizes[place] + self._sizes[others]
        enough = 2000 * overlaps >= thousandths * both
        others, overlaps, both = others[enough], overlaps[enough], both[enough]
        # Fractions of numbers below 2^26 differ as floats where they differ.
        order = np.lexsort((others, -overlaps / both))
        return others[order], overlaps[order]

    def _overlaps(self, place: int, others: Ints) -> Ints:
        """Members in common with each of the others, none of which is empty."""
        import numpy as np

        if len(others) == 0:
            return others
        own = self._ranked.hashes[self._ranked.offsets[place] : self._ranked.offsets[place + 1]]
        sizes = self._sizes[others]
        self._marked[own] = True
        shared = self._marked[self._ranked.hashes[runs(self._ranked.offsets[others], sizes)]]
        self._marked[own] = False
        return np.add.reduceat(shared, np.cumsum(sizes) - sizes, dtype=np.int64)

    def _prefix(self, place: int, thousandths: int) -> Ints:
        start = self._ranked.offsets[place]
        return self._ranked.hashes[start : start + _prefix_lengths(self._sizes[place], thousandths)]

    def _left_from(self, place: int, length: int) -> Ints:
        """By member of the prefix how many members there are from it on."""
        import numpy as np

        left: Ints = self._sizes[place] - np.arange(length)
        return left


def _prefix_lengths(sizes: Ints, thousandths: int) -> Ints:
    """By size m - ceil(tm/(2 - t)) + 1; an empty text has no prefix."""
    import numpy as np

    lengths: Ints = np.minimum(sizes, sizes - -(-thousandths * sizes // (2000 - thousandths)) + 1)
    return lengths
