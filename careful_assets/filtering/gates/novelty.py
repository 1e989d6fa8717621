"""The gate `novelty`: a row's words do not follow those of an anchor or of a row before it.

Similarity is ROUGE-L F (Lin 2004) over tokens, as Self-Instruct (Wang et al. 2023, ACL) holds new rows against its
pool; how it is computed, exactly, is in `text.novelty`.
"""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import TOO_SHORT, Beside, Decision, ThresholdRange, needed
from careful_assets.text.novelty import Verdict, novelty


class Novelty:
    """Refuses rows that are as similar as the threshold to an anchor or to a candidate that passed this gate.

    Candidates are taken in the order of round and `row_id`, and each that passes joins the pool, those too short to
    judge among them. The most similar text is named; of equally similar ones an anchor before a candidate, the
    anchor of the smallest `row_id` or the earliest candidate.
    """

    name = "novelty"
    version = 1
    reasons: tuple[str, ...] = ("words_of_anchor", "words_of_candidate")
    abstentions: tuple[str, ...] = (TOO_SHORT,)
    # `text.novelty` decides in thousandths.
    threshold_range: ThresholdRange | None = ThresholdRange("ROUGE-L F", 0.001, 1, 3)

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge rows against the anchors and each other; the score is the similarity of the text named.

        A row that passes has no score: its nearest text was not looked for beyond the threshold.
        """
        thousandths = round(1000 * needed(threshold))
        real, own = beside.anchors["row_id"].to_list(), rows["row_id"].to_list()
        verdicts = novelty(rows["text"].to_list(), beside.anchors["text"].to_list(), thousandths)
        return [_decide(verdict, real, own) for verdict in verdicts]


def _decide(verdict: Verdict, real: list[str], own: list[str]) -> Decision:
    match = verdict.match
    if match is None:
        return Decision(True, TOO_SHORT if verdict.too_short else None)
    kind = "anchor" if match.place < len(real) else "candidate"
    matched = real[match.place] if kind == "anchor" else own[match.place - len(real)]
    evidence = f"{match.shared} words in the same order, of {match.both} in the two rows"
    return Decision(False, f"words_of_{kind}", 2 * match.shared / match.both, matched, evidence)
