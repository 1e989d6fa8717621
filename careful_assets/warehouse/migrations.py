"""Brings a warehouse file to the newest schema: ordered SQL files, each applied once, in one transaction."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.tables import append, dicts

_FOLDER = Path(__file__).parent / "migrations"


def migrate(path: Path) -> None:
    """Apply the migrations that the warehouse at `path` has not seen; create the file where there is none.

    Raises:
        StageFailed: the file was written by a newer version of careful-assets.
    """
    steps = sorted(_FOLDER.glob("*.sql"))
    with connect(path) as con, transaction(con):
        con.execute("create schema if not exists provenance")
        con.execute("create table if not exists provenance.schema_version (version integer, applied_at timestamptz)")
        applied = _version(con)
        if applied > len(steps):
            raise StageFailed(
                f"{path} has schema version {applied}, this careful-assets knows {len(steps)}: "
                "install the newer version"
            )
        for number, step in enumerate(steps[applied:], start=applied + 1):
            con.execute(step.read_text(encoding="utf-8"))
            row = pl.DataFrame({"version": [number], "applied_at": [datetime.now(UTC)]})
            append(con, "provenance.schema_version", row)


def is_newest(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the open warehouse has exactly the schema that this careful-assets knows."""
    return _version(con) == len(list(_FOLDER.glob("*.sql")))


@cache
def migrated_columns() -> dict[str, dict[str, str]]:
    """By `schema.name` the columns and their types of every table that a warehouse of the newest schema has."""
    with closing(duckdb.connect()) as con:
        con.execute("create schema provenance")
        for step in sorted(_FOLDER.glob("*.sql")):
            con.execute(step.read_text(encoding="utf-8"))
        columns = con.sql("select * from duckdb_columns() where not internal order by table_oid, column_index").pl()
        found: dict[str, dict[str, str]] = {}
        for row in columns.iter_rows(named=True):
            found.setdefault(f"{row['schema_name']}.{row['table_name']}", {})[row["column_name"]] = row["data_type"]
        return found


def _version(con: duckdb.DuckDBPyConnection) -> int:
    return max((int(row["version"]) for row in dicts(con.table("provenance.schema_version"))), default=0)
