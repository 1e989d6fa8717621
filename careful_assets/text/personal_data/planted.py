"""How much the finder finds: planted records of every kind, and look-alikes that are none, with their counts.

Belongs here: reading `planted.txt` and counting. Does not belong here: any pattern. The records were made up by those
who wrote the finder, if partly before it: what is found of them bounds from above what is found in the wild.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from careful_assets.measures.intervals import wilson
from careful_assets.text.personal_data.finder import find
from careful_assets.text.personal_data.spans import KINDS

_OPEN, _CLOSE = "⟦⟧"


@dataclass(frozen=True)
class Planted:
    """A sentence and the record in it at `start:end`; a look-alike of `kind` holds none: both are 0."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def is_lookalike(self) -> bool:
        """Whether nothing is to be found in it."""
        return self.end == 0

    @property
    def record(self) -> str:
        """The personal data itself."""
        return self.text[self.start : self.end]


@cache
def planted() -> tuple[Planted, ...]:
    """All planted sentences and look-alikes, in the order of the file."""
    lines = Path(__file__).with_name("planted.txt").read_text(encoding="utf-8").splitlines()
    return tuple(_parsed(line) for line in lines if not line.startswith("#"))


def is_found(one: Planted) -> bool:
    """Whether findings of its kind cover the whole record."""
    covered = {at for finding in find(one.text) if finding.kind == one.kind for at in range(finding.start, finding.end)}
    return covered.issuperset(at for at in range(one.start, one.end) if one.text[at].isalnum())


def recall_by_kind() -> pl.DataFrame:
    """One row a kind: `kind`; `planted` records, `found` ones, `recall` with its 95% Wilson interval `low`, `high`;
    `lookalikes` and the `false_alarms` on them (of any kind).
    """
    rows = []
    for kind in KINDS:
        records = [one for one in planted() if one.kind == kind and not one.is_lookalike]
        lookalikes = [one for one in planted() if one.kind == kind and one.is_lookalike]
        found = sum(map(is_found, records))
        alarms = sum(bool(find(one.text)) for one in lookalikes)
        share = wilson(found, len(records))
        rows.append((kind, len(records), found, share.value, share.low, share.high, len(lookalikes), alarms))
    columns = ["kind", "planted", "found", "recall", "low", "high", "lookalikes", "false_alarms"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def _parsed(line: str) -> Planted:
    kind, _, marked = line.partition("|")
    text = marked.replace(_OPEN, "").replace(_CLOSE, "")
    if kind.startswith("!"):
        return Planted(kind[1:], text, 0, 0)
    start = marked.index(_OPEN)
    return Planted(kind, text, start, marked.index(_CLOSE) - 1)
