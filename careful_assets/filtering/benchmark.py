"""How well the gates of a dataset work on its own rows: recall on planted faults, and false rejects of real rows.

Belongs here: judging planted and clean rows, and the counts with their intervals. Does not belong here: what is planted
(`planting`, `planting_copies`), and what must hold of the counts (`checks`).

The clean source is the holdout split. Its rows pass through the gates as if they had been generated, held against all
other open anchors and, as candidates are, against each other. Each is exempt from its own twin (itself, in every
vintage, and equal texts), and from nothing else: of two near kin the later one is refused, as it would be of two
candidates. What is copied are train rows and exemplars.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import polars as pl

from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.gate import CANDIDATES, Beside
from careful_assets.filtering.planting import odd_rows, planted_rows
from careful_assets.filtering.planting_copies import Copies, Plant
from careful_assets.filtering.settings import SetGate
from careful_assets.measures.intervals import wilson
from careful_assets.provenance.digests import sha256
from careful_assets.text.normalize import normalize

QUALITY = pl.Schema(
    {
        "gate": pl.String, "gate_version": pl.Int32, "threshold": pl.Float64, "side": pl.String, "kind": pl.String,
        "n": pl.Int64, "refused": pl.Int64, "rate": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    }
)  # fmt: skip
CASCADE = "cascade"
CASCADE_ALONE = "cascade without comparisons"
COMPARING = frozenset({"exact_duplicate", "near_duplicate", "seed_echo", "novelty", "semantic_duplicate"})
"""Gates that refuse a row for what it has in common with another: real rows of one template fail them, and are no less
real. What the cascade refuses without them, it refuses for the row's own sake."""
PLANTED, ODD, REAL = "planted", "odd", "real"
REAL_KIND = "holdout anchors"
_MOST_REAL = 2_000  # rows: they tell a rate of 1% from one of 2%
_PARENTS = 8  # of a row that passes for generated


@dataclass(frozen=True)
class _Clean:
    """The rows that must pass, and what all rows of the benchmark are held against."""

    real: list[Plant]
    odd: list[Plant]
    beside: Beside


def gate_quality(beside: Beside, gates: Sequence[SetGate]) -> pl.DataFrame:
    """`filtering.gate_quality`: how many rows of each kind each gate refuses, judged alone.

    `side` is "planted" (the rate is the gate's recall), "odd" or "real" (it is the rate of false rejects); the cascade
    stands at the end, of real rows. A gate for which nothing is, or can be, planted has no planted rows. Intervals are
    Wilson's (1927), 95%; planted rows of a kind are alike, so that they are somewhat too narrow.
    """
    clean = _clean(beside)
    copies = Copies(_in_drawn_order(clean.beside.anchors), [plant.text for plant in clean.real])
    texts = [plant.text for plant in clean.real]
    rows: list[tuple[Any, ...]] = []
    for one in gates:
        planted = planted_rows(one.gate.name, one.threshold, texts, copies)
        rows += _judged_alone(one, clean, planted)
    decisions = run_cascade(_frame(clean.real), clean.beside, gates)
    refused_by = decisions.filter(~pl.col("passed"))["gate"].to_list()
    alone = [gate for gate in refused_by if gate not in COMPARING]
    for name, refused in ((CASCADE_ALONE, alone), (CASCADE, refused_by)):
        rows.append((name, 0, None, REAL, REAL_KIND, len(clean.real), len(refused)))
    return pl.DataFrame([(*row, *_rate(row[-1], row[-2])) for row in rows], schema=QUALITY, orient="row")


def _clean(beside: Beside) -> _Clean:
    drawn = _in_drawn_order(beside.anchors.filter(pl.col("split") == "holdout"))
    own: dict[str, str] = {}
    for text in drawn["text"]:
        if len(own) < _MOST_REAL:
            own.setdefault(normalize(text), text)
    twins = {row_id for row_id, text in drawn.select("row_id", "text").iter_rows() if normalize(text) in own}
    anchors = beside.anchors.filter(~pl.col("row_id").is_in(list(twins)))
    shown = _in_drawn_order(anchors.filter(pl.col("split") == "exemplar"))["row_id"].unique(maintain_order=True)
    parents = tuple(shown.to_list())
    real = [
        Plant(REAL_KIND, text, parents=tuple(parents[(place + step) % len(parents)] for step in range(_PARENTS)))
        if parents
        else Plant(REAL_KIND, text)
        for place, text in enumerate(own.values())
    ]
    return _Clean(real, odd_rows(), replace(beside, anchors=anchors))


def _in_drawn_order(anchors: pl.DataFrame) -> pl.DataFrame:
    """In an order that has nothing to do with the source's: exemplars first, each split by its ids' digests."""
    return (
        anchors.with_columns(_drawn=pl.col("row_id").map_elements(sha256, return_dtype=pl.String))
        .with_columns(_last=pl.col("split") != "exemplar")
        .sort("_last", "_drawn", "text")
        .drop("_last", "_drawn")
    )


def _judged_alone(one: SetGate, clean: _Clean, planted: list[Plant]) -> Iterator[tuple[Any, ...]]:
    """The clean rows come first, as those of an earlier round: planted rows are judged beside them, not they."""
    plants = [*clean.real, *clean.odd, *planted]
    rows = _frame(plants, later=len(planted))
    decisions = one.gate.judge(rows, clean.beside, one.threshold)
    sides = [REAL] * len(clean.real) + [ODD] * len(clean.odd) + [PLANTED] * len(planted)
    counts: dict[tuple[str, str], tuple[int, int]] = {(REAL, REAL_KIND): (0, 0)}
    for side, plant, decision in zip(sides, plants, decisions, strict=True):
        n, refused = counts.get((side, plant.kind), (0, 0))
        counts[side, plant.kind] = n + 1, refused + (not decision.passed)
    for (side, kind), (n, refused) in counts.items():
        yield one.gate.name, one.gate.version, one.threshold, side, kind, n, refused


def _frame(plants: Sequence[Plant], later: int = 0) -> pl.DataFrame:
    """The plants as candidates, the last `later` of them in a second round; ids sort in their order."""
    first = len(plants) - later
    return pl.DataFrame(
        {
            "row_id": [f"{number:06}" for number in range(len(plants))],
            "round": [1 if number < first else 2 for number in range(len(plants))],
            "text": [plant.text for plant in plants],
            "finish_reason": [plant.finish_reason for plant in plants],
            "requested_label": [""] * len(plants),
            "parent_ids": [list(plant.parents) for plant in plants],
            "personal_data": [_kinds_in(plant.text) for plant in plants],
        },
        schema=CANDIDATES,
    )


@lru_cache(maxsize=10_000)  # clean rows come before every gate
def _kinds_in(text: str) -> list[str]:
    from careful_assets.text.personal_data.finder import kinds_in  # as generation records it of every candidate

    return kinds_in(text)


def _rate(refused: int, n: int) -> tuple[float | None, float | None, float | None]:
    share = wilson(refused, n)
    return share.value, share.low, share.high
