"""The gate `exact_duplicate`: a row is not an anchor or another candidate once more."""

from __future__ import annotations

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange
from careful_assets.text.normalize import normalize


class ExactDuplicate:
    """Refuses rows whose normal form is an anchor's, or that of an earlier candidate.

    Of equal candidates the first one survives, by round and `row_id`; of equal
    anchors the one with the smallest `row_id` is named. An anchor takes precedence: every candidate that
    copies one goes. Texts without a normal form (nothing in them shows) are equal to each other.
    """

    name = "exact_duplicate"
    version = 1
    reasons: tuple[str, ...] = ("copies_anchor", "copies_candidate")
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge rows against the anchors and each other."""
        real: dict[str, str] = {}
        for row_id, text in beside.anchors.select("row_id", "text").iter_rows():
            real.setdefault(normalize(text), row_id)
        seen: dict[str, str] = {}
        decisions = []
        for row_id, text in rows.select("row_id", "text").iter_rows():
            normal = normalize(text)
            if normal in real:
                decisions.append(Decision(False, "copies_anchor", matched_row_id=real[normal]))
            elif normal in seen:
                decisions.append(Decision(False, "copies_candidate", matched_row_id=seen[normal]))
            else:
                seen[normal] = row_id
                decisions.append(Decision(True))
        return decisions
