"""A DuckDB file of a stage's own, in which anchors lie while they are dealt out: they may be too many for memory.

Belongs here: the file, and its tables' names. What is done in it is the anchors room's, and the sealer's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import Stored

_SCHEMA = Path(__file__).with_name("staging_schema.sql")


class Staging:
    """The file; it must be closed while somebody else reads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "staging.duckdb"
        with connect(self.path) as con:
            con.execute(_SCHEMA.read_text(encoding="utf-8"))
        self.path.chmod(0o600)

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to it, for writing."""
        with connect(self.path) as con:
            yield con

    def table(self, name: str) -> Stored:
        """One of its tables, on its way into the warehouse."""
        return Stored(self.path, f"staged.{name}")
