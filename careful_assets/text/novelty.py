"""How close each text comes to what was let in before it: ROUGE-L, exactly, against a pool that grows.

Belongs here: the measure, the rule by which the pool grows, and the verdicts. Does not belong here: which pairs can
be skipped (`novelty_pool`), what follows from a verdict, and near copies by shingles (`near`).

ROUGE-L (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3) of two texts of m and n words
that have a longest common subsequence of l words is F = 2 * l / (m + n), with precision and recall weighted alike.
Self-Instruct (Wang et al. 2023, ACL) lets in what stays below 0.7 to everything in its pool. Words are those of
`normalize.tokens`. `t` comes in thousandths and decides between integers: 2000 * l >= t * (m + n).

No pair is missed: those never compared are proven to stay below t. A comparison takes about m * n / 64 steps of a
processor: a few microseconds for two rows, a second or more for two texts of a megabyte. Few pairs are compared where
texts differ in their words; texts that use the same words in other orders cost one comparison a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from careful_assets.text.novelty_pool import NoveltyPool, TokenSequences

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

# Where a text has to look at more entries than this, finding some match first spares most of them.
_CROWDED = 4096
# So few words agree by chance, or because there is only one way to say it.
FEWEST_TOKENS = 8


@dataclass(frozen=True)
class Match:
    """The text that one resembles most.

    Attributes:
        place: its place among the known texts and the judged ones, counted through: 0 is the first known one.
        shared: words in the longest common subsequence.
        both: words of the two texts together.
    """

    place: int
    shared: int
    both: int

    @property
    def thousandths(self) -> int:
        """ROUGE-L F in thousandths, rounded down: reaches a threshold if and only if F does."""
        return 2000 * self.shared // self.both


@dataclass(frozen=True)
class Verdict:
    """What was found of one text: its number of words, and its match if one reaches the threshold."""

    tokens: int
    match: Match | None

    @property
    def too_short(self) -> bool:
        """Whether the text has too few words to judge; it has no match then, whatever it resembles."""
        return self.tokens < FEWEST_TOKENS


def novelty(texts: Sequence[str], known: Sequence[str] = (), thousandths: int = 700) -> list[Verdict]:
    """One verdict a text, in order: its match is the text of the pool with the highest F, if that reaches t.

    The pool holds `known` (anchors, then what earlier rounds let in; never judged) and every text before this one that
    has no match, those too short to judge among them. At equal F the match is the earliest text: known ones go first.

    Memory: about 70 bytes a word of all texts, in rows of twenty words.

    Raises:
        ValueError: `thousandths` does not lie between 1 and 1000.
    """
    if not 1 <= thousandths <= 1000:
        raise ValueError(f"a similarity in thousandths goes from 1 to 1000, not {thousandths}")
    sequences = TokenSequences.of([*known, *texts])
    pool = NoveltyPool(sequences, thousandths)
    for place in range(len(known)):
        pool.add(place)
    verdicts = []
    for place in range(len(known), len(sequences)):
        tokens = sequences.size(place)
        match = _closest(pool, place) if tokens >= FEWEST_TOKENS else None
        if match is None:
            pool.add(place)
        verdicts.append(Verdict(tokens, match))
    return verdicts


def _closest(pool: NoveltyPool, place: int) -> Match | None:
    """The match of the text at this place."""
    best = None
    if pool.crowding(place) > _CROWDED:
        best = _best(pool, place, pool.first_sharing(place), None)
    return _best(pool, place, pool.sharing(place, best.thousandths if best else pool.thousandths), best)


def _best(pool: NoveltyPool, place: int, others: Ints, best: Match | None) -> Match | None:
    """The best of the others and the one found before, compared where most words are shared first."""
    from rapidfuzz.distance import LCSseq

    floor = best.thousandths if best else pool.thousandths
    own = pool.sequences.tokens(place)
    for other, overlap in zip(*(values.tolist() for values in pool.overlapping(place, others, floor)), strict=True):
        both = len(own) + pool.sequences.size(other)
        # The rest shares no larger part of its words, and comes later where it shares as large a part.
        if best is not None and (overlap * best.both, best.place) <= (best.shared * both, other):
            break
        least = -(-pool.thousandths * both // 2000)
        if best is not None:
            least = max(least, -(-best.shared * both // best.both))
        shared = int(LCSseq.similarity(own, pool.sequences.tokens(other), score_cutoff=least))
        if shared < least:
            continue
        # Not above the best means equal to it.
        if best is None or shared * best.both > best.shared * both or other < best.place:
            best = Match(other, shared, both)
    return best
