"""What a gate is: one admission rule with a version that decides on every row it is shown.

Belongs here: the protocol, a decision's shape, and the threshold that a gate takes. Does not belong here:
the gates (`gates/`, one a file) and their order (`cascade`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import polars as pl


@dataclass(frozen=True)
class ThresholdRange:
    """The thresholds that a gate accepts, ends included, and the unit they are in."""

    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Decision:
    """A gate's word on one row.

    `reason` is None for a row that passed, else one of the gate's reasons. `score` is in the unit of the
    threshold, None where nothing is measured. `matched_row_id` is the candidate or anchor that the row
    copies. `evidence` says in words or numbers what was found, and never quotes the row's text.
    """

    passed: bool
    reason: str | None = None
    score: float | None = None
    matched_row_id: str | None = None
    evidence: str | None = None


class Gate(Protocol):
    """One admission rule. Raise `version` with every change that can change a decision."""

    @property
    def name(self) -> str:
        """The name by which profiles and decisions call the gate."""

    @property
    def version(self) -> int:
        """Recorded beside every decision."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every reason for which the gate refuses a row."""

    @property
    def threshold_range(self) -> ThresholdRange | None:
        """The thresholds that the gate accepts; None for a gate without one."""

    def judge(self, rows: pl.DataFrame, anchors: pl.DataFrame, threshold: float | None) -> list[Decision]:
        """One decision a row, in the order of `rows`.

        Args:
            rows: the candidates that passed every gate before, sorted by round and `row_id`; at least the columns
                `row_id`, `text` and `finish_reason`. Where they are judged against each other, earlier ones stand.
            anchors: the real rows that candidates must not copy, sorted by `row_id`; `row_id` and `text`.
            threshold: within `threshold_range`; None for a gate without one.
        """


def needed(threshold: float | None) -> float:
    """The threshold of a gate that has one; the cascade has checked that it is set."""
    if threshold is None:
        raise ValueError("this gate needs a threshold, and was called without one")
    return threshold
