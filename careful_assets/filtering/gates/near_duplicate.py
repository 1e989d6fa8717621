"""The gate `near_duplicate`: a row is not a slight rewording of an anchor or of another candidate.

Similarity is Jaccard's coefficient of the normal forms' character 5-grams. MinHash bands propose pairs, exact counting
decides (`text.minhash`): a refusal is never wrong, and a similar pair is missed with the probability bounded below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange, needed
from careful_assets.text.normalize import normalize

# The most that a pair exactly at the threshold may be missed, over the draw of the permutations; pairs above it are
# missed less often. At a threshold of 0.7 this makes 32 bands of 4 rows, and 0.00015.
MISS_PROBABILITY = 0.001
# Rows judged at once: few while little stands, so that a flood of one template makes no square of pairs.
_FEWEST_AT_ONCE, _MOST_AT_ONCE, _STANDING_PART = 2_048, 65_536, 8


class NearDuplicate:
    """Refuses rows that are as similar as the threshold to an anchor or to a candidate that passed this gate.

    Candidates are taken in the order of round and `row_id`, and each that passes becomes a representative: a refused
    row stands for nothing, so a row may pass though it is similar to a refused one. The most similar representative
    or anchor is named; of equally similar ones an anchor before a candidate, the first by `row_id` or the earliest.
    """

    name = "near_duplicate"
    version = 2
    reasons: tuple[str, ...] = ("resembles_anchor", "resembles_candidate")
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = ThresholdRange("Jaccard similarity of character 5-grams", 0.1, 1, 3)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge rows against the anchors and each other; the score is the highest similarity verified.

        A score below the threshold is that of a pair the bands proposed: a lower bound of the row's true highest.
        Memory: 8 bytes a text and band.
        """
        thousandths = round(1000 * needed(threshold))
        if rows.is_empty():
            return []
        real, own = beside.anchors["row_id"].to_list(), rows["row_id"].to_list()
        ids, kinds = real + own, ["anchor"] * len(real) + ["candidate"] * len(own)
        judged = _judged(_normal(beside.anchors), _normal(rows), thousandths)
        return [
            Decision(False, f"resembles_{kinds[most.text]}", most.similarity, ids[most.text])
            if most is not None and most.is_near
            else Decision(True, score=most.similarity if most is not None else 0.0)
            for most in judged
        ]


@dataclass(frozen=True)
class _Most:
    """The standing text that a row is most similar to, by its number among anchors and rows."""

    text: int
    similarity: float
    is_near: bool


def _normal(frame: pl.DataFrame) -> list[str]:
    return [normalize(text) for text in frame["text"]]


def _judged(anchors: list[str], rows: list[str], thousandths: int) -> Iterator[_Most | None]:
    """By row the most similar of the anchors and of the rows before it that are near to none, if one was proposed."""
    import numpy as np

    from careful_assets.text.buckets import Buckets
    from careful_assets.text.flat_texts import FlatTexts
    from careful_assets.text.minhash import Bands, banding_for, candidate_pairs, overlaps

    texts = FlatTexts.of([*anchors, *rows])
    bands, of_a_band = banding_for(thousandths, MISS_PROBABILITY)
    every = Bands.of(texts, bands=range(bands), rows=of_a_band)
    stands = np.zeros(len(texts), dtype=np.bool_)
    stands[: len(anchors)] = True
    start = len(anchors)
    while start < len(texts):
        at_once = int(stands.sum()) // _STANDING_PART
        stop = min(len(texts), start + max(_FEWEST_AT_ONCE, min(at_once, _MOST_AT_ONCE)))
        shown = stands[every.numbers] | ((every.numbers >= start) & (every.numbers < stop))
        here = Bands(every.numbers[shown], every.hashes[:, shown])
        left, right = candidate_pairs(Buckets(texts, here, start), len(texts))
        shared, union = overlaps(texts, left, right)
        similarity, near = shared / np.maximum(union, 1), (shared > 0) & (shared * 1000 >= thousandths * union)
        # By row, the most similar first; of equally similar ones the first.
        order = np.lexsort((left, -similarity, right))
        left, similarity, near = left[order], similarity[order], near[order]
        ends = np.searchsorted(right[order], np.arange(start, stop), side="right")
        for row, begin, end in zip(range(start, stop), [0, *ends[:-1]], ends, strict=True):
            most = None
            for place in begin + np.flatnonzero(stands[left[begin:end]])[:1]:
                most = _Most(int(left[place]), float(similarity[place]), bool(near[place]))
            stands[row] = most is None or not most.is_near
            yield most
        start = stop
