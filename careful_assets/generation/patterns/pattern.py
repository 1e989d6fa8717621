"""What a pattern is: which rows a request shows, its parents, and what a template sees of them.

Belongs here: the protocol, and one request's place among the others. Does not belong here: the patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Row = tuple[str, str]
"""An exemplar: its row_id and its text."""

Groups = Sequence[Sequence[Row]]
"""A label's exemplars by group; groups and rows in the order of their ids."""


@dataclass(frozen=True)
class Turn:
    """One request's place.

    `seed`: the card's. `index`: the request's number among all of the dataset, from 0. `served`: how many requests came
    before it that asked for the same label, those of earlier rounds included. `shown`: how many rows it shows.
    """

    seed: int
    label: str
    index: int
    served: int
    shown: int


class Pattern(Protocol):
    """How prompts of one artifact type are made. It keeps no state: what it chooses follows from its arguments."""

    @property
    def artifact_type(self) -> str:
        """The artifact type of the cards that it serves."""

    def choose(self, groups: Groups, turn: Turn) -> list[Row]:
        """The rows that the request shows, its parents, in the order of the record: `turn.shown` different ones.

        `groups` are the label's, with at least `turn.shown` rows among them.
        """

    def seen(self, texts: Sequence[str]) -> dict[str, str | list[str]]:
        """What the template sees beside `label`, by variable. `texts`: the chosen rows', scrubbed, in their order."""
