"""What a gate is: one admission rule with a version that decides on every row it is shown.

Belongs here: the protocol, what a gate is shown, a decision's shape, and the threshold that a gate takes. Does not
belong here: the gates (`gates/`, one a file), which of them a dataset has (`settings`) and their order (`cascade`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import polars as pl

if TYPE_CHECKING:
    from careful_assets.text.embedders.protocol import Embedder

ANCHORS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String, "text": pl.String, "label": pl.String, "group_id": pl.String, "split": pl.String,
}  # fmt: skip
CANDIDATES: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String, "round": pl.Int32, "text": pl.String, "finish_reason": pl.String,
    "requested_label": pl.String, "parent_ids": pl.List(pl.String), "personal_data": pl.List(pl.String),
}  # fmt: skip
TOO_SHORT = "too_short_to_judge"
SHORTEST_JUDGED = 8
"""Tokens below which gates that compare wording or tell the language abstain: so few words say too little."""


@dataclass(frozen=True)
class ThresholdRange:
    """The thresholds that a gate accepts, ends included, and the unit they are in.

    `decimals`: how many of them the gate judges by; a threshold with more is refused. None where all count.
    """

    unit: str
    low: float
    high: float
    decimals: int | None = None

    def accepts(self, threshold: float) -> bool:
        """Whether it lies in the range and has no decimals that would not count."""
        in_range = self.low <= threshold <= self.high
        return in_range and (self.decimals is None or round(threshold, self.decimals) == threshold)

    def __str__(self) -> str:
        """In words, as errors tell it."""
        decimals = "" if self.decimals is None else f", at most {self.decimals} decimals"
        return f"from {self.low:g} to {self.high:g} ({self.unit}{decimals})"


@dataclass(frozen=True)
class Decision:
    """A gate's word on one row.

    `reason` is one of the gate's reasons for a row that it refuses, one of its abstentions for a row that it passes
    without judging it, else None. `score` is in the unit of the
    threshold, None where nothing is measured. `matched_row_id` is the candidate or anchor that the row
    copies. `evidence` says in words or numbers what was found, and never quotes the row's text.
    """

    passed: bool
    reason: str | None = None
    score: float | None = None
    matched_row_id: str | None = None
    evidence: str | None = None


def _no_embedder() -> Embedder:
    raise ValueError("no embedder was set up for these gates")


@dataclass(frozen=True)
class Beside:
    """What candidates are held against.

    Attributes:
        anchors: the real rows in open splits, sorted by `row_id`, in the columns `ANCHORS`. An anchor that changed
            stands there once for every vintage.
        embedder: makes the card's embedder, fitted on the train anchors, when a gate first asks for it.
    """

    anchors: pl.DataFrame
    embedder: Callable[[], Embedder] = field(default=_no_embedder, compare=False)

    @cached_property
    def texts(self) -> Mapping[str, list[str]]:
        """By `row_id` the texts of an anchor, one a vintage."""
        grouped = self.anchors.group_by("row_id", maintain_order=True).agg("text")
        return dict(grouped.iter_rows())


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
    def abstentions(self) -> tuple[str, ...]:
        """Every reason for which the gate passes a row without judging it."""

    @property
    def threshold_range(self) -> ThresholdRange | None:
        """The thresholds that the gate accepts; None for a gate without one."""

    def judge(self, rows: pl.DataFrame, beside: Beside, threshold: float | None) -> list[Decision]:
        """One decision a row, in the order of `rows`.

        Args:
            rows: the candidates that passed every gate before, sorted by round and `row_id`, in the columns
                `CANDIDATES`. Where they are judged against each other, earlier ones stand.
            beside: what they are held against.
            threshold: within `threshold_range`; None for a gate without one.
        """


def needed(threshold: float | None) -> float:
    """The threshold of a gate that has one; the cascade has checked that it is set."""
    if threshold is None:
        raise ValueError("this gate needs a threshold, and was called without one")
    return threshold
