"""How a stage runs: open the inputs through the ledger, compute, write everything in one transaction.

Belongs here: what is the same for all ten stages. Dagster's side of it is in `assets` and `checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replace_field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.profiles import Profile
from careful_assets.card.reader import LoadedCard
from careful_assets.errors import StageFailed
from careful_assets.provenance.digests import data_version
from careful_assets.provenance.erasures import Kind, erased_ids, refuse_unfinished, steps_on_record
from careful_assets.provenance.ledger import (
    current_versions,
    guard,
    next_seq,
    record_verdicts,
    record_version,
    standing_state,
)
from careful_assets.provenance.stages import LOGS, TABLES, UPSTREAM
from careful_assets.provenance.verdicts import Check, CheckView, Requirements, Verdict, run_checks
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import Home, emptied
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.models import run_model, tables_read
from careful_assets.warehouse.tables import Table, append, at_hand, attached, pages, read, replace


@dataclass(frozen=True)
class StageContext:
    """What every stage is given: the card, where to write, which run this is, and somewhere to report progress.

    `scratch` is a private folder that is empty when the stage begins and gone when it ends.
    """

    loaded: LoadedCard
    home: Home
    run_id: str
    requirements: Requirements
    log: Callable[[str], None]
    scratch: Path = Path()

    @property
    def card(self) -> Card:
        """The dataset's declaration."""
        return self.loaded.card

    @property
    def profile(self) -> Profile:
        """The gate profile of the card's cell, overrides included."""
        return self.loaded.profile


@dataclass(frozen=True)
class Inputs:
    """The tables of the stages upstream, as they stood when the guard opened the gate."""

    context: StageContext
    stage: str
    versions: dict[str, str]
    erasure_steps: int = 0
    seen: set[str] = field(default_factory=set)
    """The tables that were read so far."""

    def table(self, name: str) -> pl.DataFrame:
        """A table of a stage that this one depends on, or of its own as the last run left it.

        Raises:
            KeyError: the table belongs to a stage that `UPSTREAM` does not name.
        """
        self._must_be_in_reach(name)
        self.seen.add(name)
        with connect(self.context.home.warehouse(self.context.card.name), read_only=True) as con:
            return read(con, name)

    def rounds(self) -> pl.DataFrame:
        """`provenance.rounds`, a read against the flow: what became of earlier rounds, for generation."""
        with connect(self.context.home.warehouse(self.context.card.name), read_only=True) as con:
            return read(con, "provenance.rounds")

    def active_releases(self) -> dict[str, Path]:
        """The releases that stand, by version, and their folders: the second read against the flow, for evaluation.

        They were made from an earlier verdict; what is sealed now is held against them, too.
        """
        name = self.context.card.name
        with connect(self.context.home.warehouse(name), read_only=True) as con:
            releases = read(con, "release.releases").filter(pl.col("status") == "active")
        folder = self.context.home.releases(name)
        return {version: folder / version for version in sorted(releases["version"].to_list())}

    def erased(self, kind: Kind) -> frozenset[str]:
        """The ids of this kind that were erased: they must not come back."""
        with connect(self.context.home.warehouse(self.context.card.name), read_only=True) as con:
            return erased_ids(con, kind)

    def model(self, name: str, params: dict[str, Any] | None = None) -> pl.DataFrame:
        """The rows of a SQL model over those tables."""
        with connect(self.context.home.warehouse(self.context.card.name), read_only=True) as con:
            self.seen.update(tables_read(con, name))
            return run_model(con, name, params)

    def pages(self, name: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """As `table`, some rows at a time: for tables that may be too large for memory. They go by `row_id`.

        Raises:
            KeyError: as `table`.
        """
        self._must_be_in_reach(name)
        self.seen.add(name)
        return pages(self.context.home.warehouse(self.context.card.name), name, columns)

    def copy_into(self, con: duckdb.DuckDBPyConnection, name: str, copy: str) -> None:
        """As `table`, but from file to file: for tables that may be too large for memory. Not inside a transaction.

        Raises:
            KeyError: as `table`.
        """
        self._must_be_in_reach(name)
        self.seen.add(name)
        with attached(con, self.context.home.warehouse(self.context.card.name), "_warehouse"):
            con.execute(f"create table {copy} as select * from _warehouse.{name}")  # noqa: S608  names are the code's own

    def _must_be_in_reach(self, name: str) -> None:
        stages = (self.stage, *UPSTREAM[self.stage])
        allowed = {table.name for stage in stages for table in TABLES[stage]}
        if name not in allowed | {log for stage in stages for log in LOGS.get(stage, ())}:
            raise KeyError(f"{self.stage} reads {name}, but does not depend on the stage that owns it")


@dataclass(frozen=True)
class Outcome:
    """What a stage made: its tables, whole, and what the UI shows of them.

    `metadata` maps a title to a number, a text, a list of dicts (a table) or of
    texts, or SVG bytes (a picture); never row text. `added` are rows for the stage's `LOGS`, without their numbers.
    """

    tables: dict[str, Table]
    metadata: dict[str, Any] = field(default_factory=dict)
    added: dict[str, pl.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What a stage run left behind; `rows` and `schema`: of its main table; `seen`: the tables it read."""

    data_version: str
    upstream: dict[str, str]
    rows: int
    schema: pl.Schema
    metadata: dict[str, Any]
    seen: frozenset[str] = frozenset()


Compute = Callable[[StageContext, Inputs], Outcome]


def run_stage(context: StageContext, stage: str, compute: Compute) -> Made:
    """Run one stage: all of its tables and its version are written, or nothing is.

    Raises:
        GateClosed: an upstream check did not pass for the current data.
        StageFailed: the inputs changed while the stage was computing.
    """
    inputs = _open_inputs(context, stage)
    with emptied(context.home.scratch(context.card.name, stage)) as scratch:
        outcome = compute(replace_field(context, scratch=scratch), inputs)
        version = data_version(stage, outcome.tables)
        _write(context, stage, version, inputs, outcome)
        main = outcome.tables[TABLES[stage][0].name]
        return Made(version, inputs.versions, main.height, main.schema, outcome.metadata, frozenset(inputs.seen))


def _write(context: StageContext, stage: str, version: str, inputs: Inputs, outcome: Outcome) -> None:
    path = context.home.warehouse(context.card.name)
    with connect(path) as con, at_hand(con, outcome.tables.values()), transaction(con):
        now = {above: made.data_version for above, made in current_versions(con).items() if above in inputs.versions}
        if now != inputs.versions:
            changed = sorted(above for above in inputs.versions if now.get(above) != inputs.versions[above])
            raise StageFailed(
                f"{context.card.name}/{stage}: {', '.join(changed)} changed while this stage was computing; "
                "nothing was written; run it again"
            )
        if steps_on_record(con) != inputs.erasure_steps:
            raise StageFailed(
                f"{context.card.name}/{stage}: rows were erased while this stage was computing; nothing was written; "
                "run it again"
            )
        for name, frame in outcome.tables.items():
            replace(con, name, frame)
        for name, rows in outcome.added.items():
            first = next_seq(con, name)
            append(con, name, rows.with_columns(seq=pl.int_range(first, first + rows.height, dtype=pl.Int64)))
        # What anchors make names the state in which they leave the vault; the others', the one that they stand on.
        state = standing_state(con)
        record_version(con, stage, version, inputs.versions, context.loaded.digest, context.run_id, state)


def judge_stage(context: StageContext, stage: str, checks: tuple[Check, ...]) -> list[tuple[Check, Verdict]]:
    """Run a stage's checks on its current data and write their verdicts into the ledger.

    Raises:
        StageFailed: the stage was never materialized.
    """
    path = context.home.warehouse(context.card.name)
    with connect(path, read_only=True) as con:
        versions = current_versions(con)
        if stage not in versions:
            raise StageFailed(f"{context.card.name}/{stage} was never materialized: there is nothing to check")
        verdicts = run_checks(CheckView(con, context.loaded, context.home), checks)
    version = versions[stage].data_version
    with connect(path) as con, transaction(con):
        if current_versions(con)[stage].data_version != version:
            raise StageFailed(f"{context.card.name}/{stage} changed while it was checked; run its checks again")
        record_verdicts(con, stage, version, verdicts, context.requirements.profile_digest, context.run_id)
    return verdicts


def _open_inputs(context: StageContext, stage: str) -> Inputs:
    context.home.prepare()
    path = context.home.warehouse(context.card.name)
    migrate(path)
    with connect(path, read_only=True) as con:
        refuse_unfinished(con, context.card.name)
        versions = guard(con, context.card.name, stage, context.loaded.digest, context.requirements)
        return Inputs(context, stage, versions, steps_on_record(con))
