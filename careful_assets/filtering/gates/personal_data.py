"""The gate `personal_data`: a row was generated without personal data.

It judges what the finder recorded when the candidates were loaded. Where a cell has this gate, generation masked the
row then: the raw text is in the quarantine, and what a reject shows is the masked text.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from careful_assets.filtering.gate import Beside, Decision, ThresholdRange
from careful_assets.text.personal_data.spans import REFUSED


class PersonalData:
    """Refuses rows in which personal data of any kind but names was found; names are judged by `invented_names`."""

    name = "personal_data"
    version = 1
    reasons: tuple[str, ...] = ("personal_data",)
    abstentions: tuple[str, ...] = ()
    threshold_range: ThresholdRange | None = None

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """Judge each row by its recorded findings alone; the evidence names their kinds."""
        return [_decide(kinds) for kinds in rows["personal_data"].to_list()]


def _decide(kinds: Sequence[str] | None) -> Decision:
    if kinds is None:
        return Decision(False, "personal_data", evidence="no finder's record: generation must load the row again")
    found = sorted(REFUSED.intersection(kinds))
    if not found:
        return Decision(True)
    return Decision(False, "personal_data", evidence=f"{', '.join(found)} found and masked")
