"""What an asset check is before Dagster sees it: a question, a plain function, and the verdict it returns.

Belongs here: the shape of checks and running them, failing closed. The checks themselves live in the rooms.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb
import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import read

Severity = Literal["error", "warn"]

# The seven letters of CAREFUL that a check may answer.
LETTERS = {
    "C": "clear purpose",
    "A": "anchored reality",
    "R": "recorded provenance",
    "E": "evaluation isolation",
    "F": "filtering gates",
    "U": "use limits",
    "L": "lifecycle monitoring",
}


@dataclass(frozen=True)
class Verdict:
    """The answer to a check's question. `evidence` holds ids, counts and shares, never row text."""

    passed: bool
    summary: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckView:
    """What a check may look at: the warehouse through one read-only connection, the card, and the release folders."""

    connection: duckdb.DuckDBPyConnection
    loaded: LoadedCard
    home: Home

    def table(self, name: str) -> pl.DataFrame:
        """The whole table."""
        return read(self.connection, name)

    def model(self, name: str, params: dict[str, Any] | None = None) -> pl.DataFrame:
        """The rows of a SQL model."""
        return run_model(self.connection, name, params)


@dataclass(frozen=True)
class Check:
    """One asset check. An `error` blocks what is downstream, a `warn` advises. `letters`: of CAREFUL."""

    name: str
    version: int
    letters: str
    question: str
    judge: Callable[[CheckView], Verdict]
    severity: Severity = "error"


@dataclass(frozen=True)
class CheckRef:
    """A check that must have passed, at the version it has now, and the letters of CAREFUL that it answers."""

    name: str
    version: int
    letters: str


@dataclass(frozen=True)
class Requirements:
    """By stage the checks that the card's profile demands, and the digest of that profile."""

    checks: dict[str, tuple[CheckRef, ...]]
    profile_digest: str


def run_checks(view: CheckView, checks: Sequence[Check]) -> list[tuple[Check, Verdict]]:
    """Every check's verdict; one that raises did not run, and what did not run has failed."""
    return [(check, _verdict(view, check)) for check in checks]


def _verdict(view: CheckView, check: Check) -> Verdict:
    try:
        return check.judge(view)
    except Exception as error:  # noqa: BLE001  whatever it was, the check did not run
        # Fail closed: the verdict is a failure, and says that it is the check that broke.
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Verdict(
            False,
            f"the check could not run: {type(error).__name__} in {where.name}, line {where.lineno}. "
            "What could not be checked counts as failed; mend the cause and materialize again",
            {"error": type(error).__name__},
        )
