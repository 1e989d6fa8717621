"""Brings a warehouse file to the newest schema: ordered SQL files, each applied once, in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.tables import append, read

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


def _version(con: duckdb.DuckDBPyConnection) -> int:
    versions = read(con, "provenance.schema_version")["version"]
    return int(versions.max() or 0)  # type: ignore[arg-type]
