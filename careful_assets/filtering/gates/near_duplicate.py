"""The gate `near_duplicate`: a row is not a slight rewording of an anchor or of another candidate.

Similarity is Jaccard's coefficient of the normal forms' character 5-grams. MinHash (Broder 1997) with banding
(Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, ch. 3.4) proposes pairs; every proposed pair is
verified exactly, so that a refusal is never wrong, and a similar pair is missed with the probability
bounded below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from careful_assets.filtering.gate import Decision, ThresholdRange, needed
from careful_assets.text.ngrams import character_shingles, jaccard

if TYPE_CHECKING:
    from datasketch import MinHash, MinHashLSH

PERMUTATIONS = 128
SEED = 1
# The most that a pair exactly at the threshold may be missed, over the draw of the permutations; pairs
# above it are missed less often. At a threshold of 0.7 this makes 32 bands of 4 rows, and 0.00015.
MISS_PROBABILITY = 0.001
_ANCHOR, _CANDIDATE = "anchor", "candidate"
# Kind, row_id and number of an indexed text.
_Key = tuple[str, str, int]


class NearDuplicate:
    """Refuses rows that are as similar as the threshold to an anchor or to a candidate that passed this gate.

    Candidates are taken in the order of round and `row_id`, and each that passes becomes a representative: a refused
    row stands for nothing, so a row may pass though it is similar to a refused one. The most similar
    representative or anchor is named, an anchor before a candidate and then the smallest `row_id` at equal
    similarity.
    """

    name = "near_duplicate"
    version = 1
    reasons: tuple[str, ...] = ("resembles_anchor", "resembles_candidate")
    threshold_range: ThresholdRange | None = ThresholdRange("Jaccard similarity of character 5-grams", 0.1, 1)

    def judge(self, rows: pl.DataFrame, anchors: pl.DataFrame, threshold: float | None) -> list[Decision]:
        """Judge rows against the anchors and each other; the score is the highest similarity verified.

        A score below the threshold is that of a pair the bands proposed: a lower bound of the row's true
        highest.
        """
        least = needed(threshold)
        index = _Index(least)
        for row_id, text in anchors.select("row_id", "text").iter_rows():
            index.add(_ANCHOR, row_id, *index.sketch(text))
        decisions = []
        for row_id, text in rows.select("row_id", "text").iter_rows():
            shingles, signature = index.sketch(text)
            match = index.most_similar(shingles, signature)
            if match is not None and match[0] >= least:
                similarity, (kind, matched_row_id, _) = match
                decisions.append(Decision(False, f"resembles_{kind}", similarity, matched_row_id))
            else:
                index.add(_CANDIDATE, row_id, shingles, signature)
                decisions.append(Decision(True, score=match[0] if match else 0.0))
        return decisions


def bands_and_rows(threshold: float) -> tuple[int, int]:
    """The bands, and rows a band, that propose the fewest pairs within `MISS_PROBABILITY`.

    A pair of similarity s shares one of b bands of r rows with probability 1 - (1 - s^r)^b. More rows a
    band propose fewer pairs, so the most rows that still keep the bound are taken. datasketch's own choice
    (14 bands of 9 rows at 0.7) would miss more than half of the pairs at the threshold, which verification
    cannot mend.
    """
    # datasketch takes two bands or more.
    for rows in range(PERMUTATIONS // 2, 1, -1):
        bands = PERMUTATIONS // rows
        if (1 - threshold**rows) ** bands <= MISS_PROBABILITY:
            return bands, rows
    return PERMUTATIONS, 1


class _Index:
    """The texts that a row may resemble, found by their signatures' bands."""

    def __init__(self, threshold: float) -> None:
        from datasketch import MinHash, MinHashLSH

        self._empty: MinHash = MinHash(num_perm=PERMUTATIONS, seed=SEED)
        self._bands: MinHashLSH = MinHashLSH(num_perm=PERMUTATIONS, params=bands_and_rows(threshold))
        self._shingles: dict[_Key, frozenset[str]] = {}

    def sketch(self, text: str) -> tuple[frozenset[str], MinHash]:
        shingles = character_shingles(text)
        signature = self._empty.copy()
        signature.update_batch([shingle.encode("utf-8", "surrogatepass") for shingle in sorted(shingles)])
        return shingles, signature

    def add(self, kind: str, row_id: str, shingles: frozenset[str], signature: MinHash) -> None:
        # A text without shingles resembles nothing. The number tells an anchor's vintages apart, which share a row_id.
        key = (kind, row_id, len(self._shingles))
        if shingles:
            self._shingles[key] = shingles
            self._bands.insert(key, signature)

    def most_similar(self, shingles: frozenset[str], signature: MinHash) -> tuple[float, _Key] | None:
        proposed = [(jaccard(shingles, self._shingles[key]), key) for key in self._bands.query(signature)]
        # "anchor" sorts before "candidate", and both by row_id.
        return min(proposed, key=lambda pair: (-pair[0], pair[1]), default=None)
