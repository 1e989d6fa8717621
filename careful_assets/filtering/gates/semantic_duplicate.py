"""The gate `semantic_duplicate`: a row does not say what an anchor or a row before it says, in whatever words.

Similarity is the cosine of the vectors of the card's embedder (`text.embedders`); which one it was, and its state,
stand beside each score.
"""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import SHORTEST_JUDGED, TOO_SHORT, Beside, Decision, ThresholdRange, needed
from careful_assets.text.normalize import tokens


class SemanticDuplicate:
    """Refuses rows whose cosine with an anchor or with a candidate that passed this gate reaches the threshold.

    Candidates are taken in the order of round and `row_id`. Texts under eight tokens, anchors among them, are
    compared with nothing: of so few words an embedder makes too much. The nearest text is named; of equally near ones
    an anchor before a candidate, the first by `row_id` or the earliest.
    """

    name = "semantic_duplicate"
    version = 1
    reasons: tuple[str, ...] = ("means_anchor", "means_candidate")
    abstentions: tuple[str, ...] = (TOO_SHORT,)
    threshold_range: ThresholdRange | None = ThresholdRange("cosine of the embedder's vectors", 0.1, 1)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge rows against the anchors and each other; the score is the cosine with the text named.

        A row that passes has no score: its nearest text was not looked for beyond the threshold. Memory: the vectors,
        and those pairs at the threshold that 2,048 rows have with anchors and other rows.
        """
        least = needed(threshold)
        judged, anchors = _long_enough(rows), _long_enough(beside.anchors)
        refused = _refused(judged, anchors, beside, least) if not judged.is_empty() else {}
        long_enough = set(judged["row_id"])
        return [
            refused.get(row_id, Decision(True, None if row_id in long_enough else TOO_SHORT))
            for row_id in rows["row_id"]
        ]


def _long_enough(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.Series([len(tokens(text)) >= SHORTEST_JUDGED for text in frame["text"]], dtype=pl.Boolean))


def _refused(rows: pl.DataFrame, anchors: pl.DataFrame, beside: Beside, least: float) -> dict[str, Decision]:
    """The decisions on the rows that do not pass."""
    import numpy as np

    from careful_assets.text.embedders.search import near

    embedder = beside.embedder()
    evidence = f"embedder {embedder.name[:40]} {embedder.digest[:8]}"
    # Anchors first: of equally near texts the first is named.
    vectors = np.concatenate([embedder.embed(anchors["text"].to_list()), embedder.embed(rows["text"].to_list())])
    real, own = anchors["row_id"].to_list(), rows["row_id"].to_list()
    stands = np.ones(len(vectors), dtype=np.bool_)
    refused = {}
    for pairs in near(vectors[len(real) :], vectors, least):
        earlier = pairs.among < pairs.queries + len(real)
        queries, among, cosines = pairs.queries[earlier], pairs.among[earlier], pairs.cosines[earlier]
        places, starts, counts = np.unique(queries, return_index=True, return_counts=True)
        for place, start, stop in zip(places.tolist(), starts, starts + counts, strict=True):
            standing = stands[among[start:stop]]
            if not standing.any():
                continue
            nearest = int(cosines[start:stop][standing].argmax())
            match, cosine = (values[start:stop][standing][nearest].item() for values in (among, cosines))
            stands[len(real) + place] = False
            kind = "anchor" if match < len(real) else "candidate"
            matched = real[match] if kind == "anchor" else own[match - len(real)]
            refused[own[place]] = Decision(False, f"means_{kind}", cosine, matched, evidence)
    return refused
