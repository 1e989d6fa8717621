"""What a judge is: a labeler fitted on real rows that votes on generated ones.

Belongs here: the protocol and a vote's shape. Does not belong here: the judges (`judges/`, one a file), and
what their votes amount to (`dbt_like_sql/models/labeling/confirmations.sql`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import polars as pl


@dataclass(frozen=True)
class Vote:
    """One judge's label for one text, one of the anchors' labels.

    `confidence` lies in [0, 1] and compares votes of one judge, not of two. 0 is an abstention: the label
    is the commonest among the anchors, and confirms nothing.
    """

    label: str
    confidence: float


class Judge(Protocol):
    """One way of labeling. Raise `version` with every change that can change a vote.

    `family` names the kind of evidence that a judge goes by. Judges of one family err alike, and no judge
    may share the generator's.
    """

    name: ClassVar[str]
    family: ClassVar[str]
    version: ClassVar[int]

    def fit(self, anchors: pl.DataFrame) -> None:
        """Learn from real rows: `row_id`, `text` and `label`, sorted by `row_id`, of at least two labels.

        Raises:
            StageFailed: the anchors hold nothing to learn from.
        """

    def vote(self, texts: Sequence[str]) -> list[Vote]:
        """One vote a text, in order. The same anchors and texts give the same votes."""


def commonest_label(anchors: pl.DataFrame) -> str:
    """The label that most anchors have, the first by name where several do."""
    counts = anchors.group_by("label").len().sort(["len", "label"], descending=[True, False])
    return str(counts["label"][0])
