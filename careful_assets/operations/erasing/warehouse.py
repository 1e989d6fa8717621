"""The warehouse's side of an erasure: what is recorded when it begins, and the file that is written without the row.

Belongs here: tables, versions and steps. Does not belong here: what is reached (`reach`), the other stores
(`sweep`). What was begun stands until the new file, in which it is swept, has taken the old one's place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import duckdb
import polars as pl

from careful_assets.operations.erasing.reach import Reach
from careful_assets.provenance.digests import data_version
from careful_assets.provenance.erasures import Kind, choice_item, choice_of, newest_steps, record_step, text_item
from careful_assets.provenance.ledger import StageVersion, current_versions, record_version, standing_state
from careful_assets.provenance.stages import STAGES, TABLES, UPSTREAM
from careful_assets.release.tombstone import Retirement, retire_on_record
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.rewriting import delete_ids, rewrite
from careful_assets.warehouse.tables import Stored, append, read, replace
from careful_assets.warehouse.vault_erasing import Unsealed
from careful_assets.warehouse.vault_sets import OWN

# Where a reached row's own records stand. Mixes, runs and releases keep its id, which says what is to be done again.
_BY_ROW = (
    "anchors.rows",
    "anchors.history",
    "anchors.changes",
    "anchors.attributes",
    "anchors.contract_failures",
    "generation.candidates",
    "filtering.decisions",
    "filtering.reject_samples",
    "filtering.traits",
    "labeling.votes",
    "labeling.labels",
    "labeling.reviews",
    "evaluation.leaks",
)
_FORGOTTEN = "origin = 'erased', row_id = null, matched_row_id = null"
_REDUCED = "status = 'erased', rendered_prompt = '', cause = null"


@dataclass(frozen=True)
class Erasure:
    """An erasure on record. `plan`: the receipt as far as it was known when it began."""

    erasure_id: str
    row_id: str
    status: str
    reason: str
    begun_at: datetime
    plan: dict[str, Any] = field(repr=False)
    requests: frozenset[str] = frozenset()
    choices: frozenset[tuple[str, int]] = frozenset()
    candidates: frozenset[str] = frozenset()
    releases: frozenset[str] = frozenset()

    @property
    def rows(self) -> frozenset[str]:
        """The row and all candidates that were reached."""
        return self.candidates | {self.row_id}

    @property
    def why(self) -> str:
        """Why a release is retired by it."""
        return f"erasure {self.erasure_id}: {self.reason}"


def erasure_of(con: duckdb.DuckDBPyConnection, row_id: str) -> Erasure | None:
    """The row's erasure, as far as it has come; None if none was begun."""
    newest = newest_steps(con).filter(pl.col("row_id") == row_id)
    if newest.is_empty():
        return None
    step = newest.row(-1, named=True)
    steps = read(con, "provenance.erasures").filter(pl.col("erasure_id") == step["erasure_id"]).sort("seq")
    erased = read(con, "provenance.erased").filter(pl.col("erasure_id") == step["erasure_id"])
    items = {kind: frozenset(erased.filter(pl.col("kind") == kind)["item"].to_list()) for kind in get_args(Kind)}
    return Erasure(
        step["erasure_id"],
        row_id,
        step["status"],
        steps["reason"][0],
        steps["recorded_at"][0],
        json.loads(step["receipt"]),
        items["request"],
        frozenset(choice_of(item) for item in items["choice"]),
        items["candidate"],
        items["release"],
    )


def begin(
    con: duckdb.DuckDBPyConnection, erasure_id: str, reach: Reach, reason: str, plan: dict[str, Any], key: bytes
) -> None:
    """Record, in the caller's transaction, what is going to be erased: from now on no stage may run.

    `key`: the quarantine's, under which texts are digested.
    """
    note_erased(con, erasure_id, "anchor", [reach.row_id])
    note_erased(con, erasure_id, "request", reach.requests)
    note_erased(con, erasure_id, "choice", [choice_item(*choice) for choice in reach.choices])
    note_erased(con, erasure_id, "candidate", reach.candidates)
    note_erased(con, erasure_id, "text", [text_item(key, text_hash) for text_hash in reach.hashes])
    note_erased(con, erasure_id, "release", reach.releases)
    record_step(con, erasure_id, reach.row_id, "begun", reason, json.dumps(plan))


def note_erased(con: duckdb.DuckDBPyConnection, erasure_id: str, kind: Kind, items: Any) -> None:
    """Put ids on the list of what must not come back."""
    rows = [(erasure_id, kind, item) for item in sorted(items)]
    append(con, "provenance.erased", pl.DataFrame(rows, schema=["erasure_id", "kind", "item"], orient="row"))


def counted(con: duckdb.DuckDBPyConnection, reach: Reach) -> dict[str, int]:
    """How many rows of each table go, by the table's name; those that lose none are left out."""
    ids = pl.DataFrame({"row_id": sorted(reach.rows)})
    found = {table: read(con, table).join(ids, on="row_id", how="semi").height for table in _BY_ROW}
    return {table: rows for table, rows in found.items() if rows}


def retirements(con: duckdb.DuckDBPyConnection, erasure: Erasure) -> list[Retirement]:
    """The releases that this erasure retires."""
    found = read(con, "release.releases").filter(pl.col("version").is_in(list(erasure.releases)))
    return [
        Retirement(row["version"], row["content_digest"], row["folder_digest"], erasure.begun_at, erasure.why)
        for row in found.iter_rows(named=True)
    ]


def rewrite_warehouse(path: Path, erasure: Erasure, unsealed: Unsealed | None) -> None:
    """Write the warehouse anew without the rows, with new versions of what was cut, and with the step `swept`.

    `unsealed`: the vault as it stands now, if a sealed row went.

    Raises:
        StageFailed, HomeUnusable: as `rewrite`; the file is as it was.
    """

    def without(draft: Path) -> None:
        with connect(draft) as con, transaction(con):
            touched = _cut(con, erasure, unsealed)
            versions = current_versions(con)
        cut = [stage for stage in STAGES if stage in versions and touched & {table.name for table in TABLES[stage]}]
        digests = {stage: data_version(stage, _stored(draft, stage)) for stage in cut}
        with connect(draft) as con, transaction(con):
            _record_versions(con, versions, digests, erasure.erasure_id)
            plan = json.dumps(erasure.plan)
            record_step(con, erasure.erasure_id, erasure.row_id, "swept", erasure.reason, plan)

    rewrite(path, without)


def _cut(con: duckdb.DuckDBPyConnection, erasure: Erasure, unsealed: Unsealed | None) -> set[str]:
    """Take everything out; the tables that lost something."""
    touched = {table for table in _BY_ROW if delete_ids(con, table, "row_id", erasure.rows)}
    if delete_ids(con, "generation.candidates", "request_id", erasure.requests):
        touched.add("generation.candidates")
    con.register("_ids", pl.DataFrame({"id": list(erasure.requests)}, schema={"id": pl.String}))
    con.execute(f"update generation.requests set {_REDUCED} where request_id in (select id from _ids)")  # noqa: S608
    con.unregister("_ids")
    con.register("_ids", pl.DataFrame({"id": list(erasure.rows)}, schema={"id": pl.String}))
    for column in ("row_id", "matched_row_id"):
        con.execute(f"update provenance.inherited set {_FORGOTTEN} where {column} in (select id from _ids)")  # noqa: S608
    con.unregister("_ids")
    if erasure.requests:
        touched.add("generation.requests")
    for one in retirements(con, erasure):
        retire_on_record(con, one)
        touched.add("release.releases")
    if unsealed is not None:
        touched |= _note_unsealed(con, unsealed)
    return touched


def _note_unsealed(con: duckdb.DuckDBPyConnection, unsealed: Unsealed) -> set[str]:
    """What the anchors have on record of the vault, as it stands now: a vault that is lost is sealed to that again."""
    state = pl.lit(unsealed.registry_state).alias("registry_state")
    own, rows = pl.col("set_name") == OWN, pl.lit(int(unsealed.counts["n"].sum()))
    sets = read(con, "anchors.evaluation_sets").with_columns(
        state,
        rows=pl.when(own).then(rows).otherwise("rows"),
        set_digest=pl.when(own).then(pl.lit(unsealed.own_digest)).otherwise("set_digest"),
    )
    told = {"anchors.vault_counts": unsealed.counts.with_columns(state), "anchors.evaluation_sets": sets}
    for table, frame in told.items():
        replace(con, table, frame)
    return set(told)


def _stored(draft: Path, stage: str) -> dict[str, Stored]:
    return {table.name: Stored(draft, table.name) for table in TABLES[stage]}


def _record_versions(
    con: duckdb.DuckDBPyConnection, versions: dict[str, StageVersion], digests: dict[str, str], erasure_id: str
) -> None:
    now = {stage: made.data_version for stage, made in versions.items()} | digests
    for stage, digest in digests.items():
        upstream = {above: now[above] for above in UPSTREAM[stage] if above in now}
        before = versions[stage]
        # An erased row may have been sealed: then the vault's state is another one. What was held against it stays so.
        state = standing_state(con) if stage == "anchors" else before.registry_state
        record_version(con, stage, digest, upstream, before.card_digest, erasure_id, state)
