"""The words of a lineage graph: nodes, edges, and the graph that holds them.

Belongs here: what a graph says. Does not belong here: where its counts come from (`graph`) and how it is drawn
(`picture`, `chart`, `page`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Kind = Literal["source", "prompt", "generator", "inherited", "stage", "vault", "aside", "mix", "release"]
State = Literal["current", "stale", "absent", "retired"]
Origin = Literal["real", "generated", "sealed", "both"]


@dataclass(frozen=True)
class Node:
    """A part of the graph. `rows`: how many it holds, None where nobody counted; `facts`: what else is known of it."""

    id: str
    kind: Kind
    name: str
    rows: int | None = None
    state: State = "current"
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """From `tail` to `head`, by id. `rows`: how many went this way; None where the head only depends on the tail."""

    tail: str
    head: str
    what: str = ""
    rows: int | None = None
    origin: Origin | None = None


@dataclass(frozen=True)
class Graph:
    """A dataset's lineage. `erasures`: how many are on record, and of these unfinished."""

    dataset: str
    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    erasures: tuple[int, int]
    as_of: datetime | None

    def of_kind(self, kind: Kind) -> list[Node]:
        """The nodes of a kind, in order."""
        return [node for node in self.nodes if node.kind == kind]

    def node(self, identity: str) -> Node:
        """The node of this id.

        Raises:
            KeyError: there is none.
        """
        return {node.id: node for node in self.nodes}[identity]

    def rows(self, tail: str, head: str) -> int | None:
        """How many rows went from one node to another; None where that is not known, or there is no such edge."""
        return next((edge.rows for edge in self.edges if (edge.tail, edge.head) == (tail, head)), None)
