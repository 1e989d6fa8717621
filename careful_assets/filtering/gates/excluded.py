"""The gate `excluded`: what people took out of the versions to come, by where it came from.

It is in no profile and has no place in the registry: it stands before the profile's first gate, at position -1, where
exclusions stand, so that an excluded row is no earlier copy that makes a later row a duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange

NAME = "excluded"


class Excluded:
    """Refuses the rows that it is made with.

    `rows`: by row_id the kind and the number of the exclusion that takes the row out.
    """

    name = NAME
    version = 1
    reasons: tuple[str, ...] = tuple(
        f"excluded_by_{kind}" for kind in ("generator", "prompt", "request", "seed", "anchor")
    )
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def __init__(self, rows: Mapping[str, tuple[str, int]]) -> None:
        self._rows = rows

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each row by its id alone; the evidence names the exclusion."""
        return [self._decide(self._rows.get(row_id)) for row_id in rows["row_id"].to_list()]

    def _decide(self, found: tuple[str, int] | None) -> Decision:
        if found is None:
            return Decision(True)
        kind, number = found
        return Decision(False, f"excluded_by_{kind}", evidence=f"exclusion {number}")
