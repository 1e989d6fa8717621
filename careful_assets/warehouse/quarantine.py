"""The quarantine: raw texts that were refused for personal data, of which the warehouse keeps masked text alone.

Belongs here: its file, its key and its rows. Does not belong here: what personal data is (`text.personal_data`), when
a row is masked (generation), the verdict on it (the gate `personal_data`). Nobody but an erasure reads the texts back:
the file is for the person who has to answer what was received.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import explained
from careful_assets.warehouse.rewriting import delete_ids, rewrite
from careful_assets.warehouse.tables import append, read, replace

SCHEMA = Path(__file__).with_name("quarantine_schema.sql")
ROWS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String, "text": pl.String, "kinds": pl.List(pl.String), "text_digest": pl.String,
}  # fmt: skip


def text_digest(key: bytes, text: str) -> str:
    """HMAC-SHA256 of a raw text under the quarantine's key, in hex: what may stand beside the masked text."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Quarantine:
    """One dataset's quarantine. The file is its owner's alone (0600, its folder 0700) and made when first needed."""

    path: Path

    def key(self) -> bytes:
        """The random key under which texts are digested; drawn at the first call, and it stays here."""
        with self._opened() as con:
            keys = read(con, "quarantine.keys")
            if keys.is_empty():
                keys = pl.DataFrame({"key": [os.urandom(32)]})
                append(con, "quarantine.keys", keys)
            return bytes(keys["key"][0])

    def keep(self, rows: pl.DataFrame) -> None:
        """Make these rows the whole quarantine, in one transaction; the same again changes nothing.

        Rows that are here already keep their `quarantined_at`; those that are no candidates any more go.

        Args:
            rows: the columns `ROWS`, one row a row id.

        Raises:
            HomeUnusable: the file cannot be written; nothing was.
        """
        if rows.is_empty() and not self.path.exists():
            return
        with self._opened() as con:
            known = read(con, "quarantine.rows").select("row_id", "quarantined_at")
            kept = rows.join(known, on="row_id", how="left").with_columns(pl.col("quarantined_at").fill_null(_now()))
            replace(con, "quarantine.rows", kept)

    def texts(self) -> pl.DataFrame:
        """Row ids and raw texts: for an erasure, which has to find the copies of a row."""
        if not self.count():
            return pl.DataFrame(schema={"row_id": pl.String, "text": pl.String})
        with connect(self.path, read_only=True) as con:
            return read(con, "quarantine.rows").select("row_id", "text")

    def erase(self, row_ids: Collection[str]) -> None:
        """Take these rows out and write the file anew, so that it keeps nothing of rows that went before, either.

        Raises:
            StageFailed, HomeUnusable: as `rewrite`; the file is as it was.
        """

        def without(draft: Path) -> None:
            with connect(draft) as con, transaction(con):
                con.execute(SCHEMA.read_text(encoding="utf-8"))
                delete_ids(con, "quarantine.rows", "row_id", row_ids)

        if self.path.exists():
            rewrite(self.path, without)

    def count(self) -> int:
        """How many rows it holds."""
        if not self.path.exists():
            return 0
        with connect(self.path, read_only=True) as con:
            try:
                return int(con.table("quarantine.rows").count("*").fetchall()[0][0])
            except duckdb.CatalogException:
                # A stage that was killed leaves a file without tables.
                return 0

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with explained(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.parent.chmod(0o700)
        with connect(self.path) as con, transaction(con):
            self.path.chmod(0o600)
            con.execute(SCHEMA.read_text(encoding="utf-8"))
            yield con


def _now() -> datetime:
    return datetime.now(UTC)
