"""What judging again changed: rows readmitted, rows newly refused, and rows refused for another reason.

Belongs here: two sets of decisions held against each other. Does not belong here: making them (`stage`, `cascade`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from careful_assets.errors import GateClosed
from careful_assets.warehouse.models import run_model_over

_SHOWN_ROWS = 5
_SIDES = ["was", "gate_before", "reason_before", "became", "gate_after", "reason_after"]


@dataclass(frozen=True)
class Difference:
    """Three lists of dicts, each by gate and reason before and after, with `rows` and the first `row_ids`.

    The side on which the rows are kept has None for gate and reason.
    """

    readmitted: list[dict[str, Any]]
    newly_refused: list[dict[str, Any]]
    other_reason: list[dict[str, Any]]

    def rows(self, kind: str) -> int:
        """How many rows are of one of the three kinds."""
        return sum(group["rows"] for group in getattr(self, kind))


def difference(before: pl.DataFrame, after: pl.DataFrame) -> Difference:
    """Hold the decisions of two judgings of the same candidates against each other.

    Args:
        before: in the columns `cascade.DECISIONS`.
        after: likewise.

    Raises:
        GateClosed: they are not decisions on the same rows.
    """
    changed = run_model_over({"decisions_before": before, "decisions_after": after}, "filtering/outcome_changes")
    if strangers := changed.filter(pl.any_horizontal(pl.col("was", "became") == "absent")).height:
        raise GateClosed(
            f"filtering's last decisions and the candidates of now differ by {strangers} rows, so that they cannot be "
            "compared; materialize filtering with its checks, then rejudge"
        )
    grouped = changed.group_by(_SIDES).agg(pl.len().alias("rows"), pl.col("row_id").sort().head(_SHOWN_ROWS))
    ordered = grouped.sort("rows", *_SIDES, descending=[True, *[False] * len(_SIDES)], nulls_last=True)
    return Difference(
        readmitted=_groups(ordered.filter(became="kept")),
        newly_refused=_groups(ordered.filter(was="kept")),
        other_reason=_groups(ordered.filter(was="refused", became="refused")),
    )


def shown(found: Difference) -> dict[str, Any]:
    """The difference as the asset's page shows it: few columns, for the page is narrow."""
    groups = [*found.readmitted, *found.newly_refused, *found.other_reason]
    table = [
        {
            "was": outcome(group["gate_before"], group["reason_before"]),
            "became": outcome(group["gate_after"], group["reason_after"]),
            "rows": group["rows"],
            "such as": group["row_ids"][0],
        }
        for group in groups
    ]
    return {
        "rows readmitted": found.rows("readmitted"),
        "rows newly refused": found.rows("newly_refused"),
        "rejudged": table or "every row has the outcome that it had",
    }


def outcome(gate: str | None, reason: str | None) -> str:
    """A row's outcome in words."""
    return "kept" if gate is None else f"{gate}: {reason}"


def _groups(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.drop("was", "became").rename({"row_id": "row_ids"}).to_dicts()
