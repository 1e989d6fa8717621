"""Digests of tables: the same rows give the same digest, in whatever order and in whatever batches they come."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl

from careful_assets.provenance.stages import TABLES
from careful_assets.warehouse.tables import Table, batches_of

_SIZE = hashlib.sha256().digest_size


def canonical(value: Any) -> str:
    """One spelling for one value: JSON with sorted keys and no spaces; dates in ISO 8601."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def sha256(text: str) -> str:
    """sha256 of the text in UTF-8, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class RowsDigest:
    """sha256 over a table's columns and the sorted digests of its rows; holds 32 bytes a row."""

    def __init__(self, volatile: frozenset[str] = frozenset()) -> None:
        self._volatile = volatile
        self._columns: list[str] | None = None
        self._rows = bytearray()

    def add(self, frame: pl.DataFrame) -> RowsDigest:
        """Take in some of the table's rows, without its volatile columns.

        Raises:
            ValueError: the columns are not those of the rows before.
        """
        columns = sorted(set(frame.columns) - self._volatile)
        if self._columns not in (None, columns):
            raise ValueError(f"rows with the columns {columns} follow rows with {self._columns}")
        self._columns = columns
        for row in frame.select(columns).iter_rows():
            self._rows += hashlib.sha256(canonical(row).encode("utf-8")).digest()
        return self

    def hexdigest(self) -> str:
        """The digest of all rows that were taken in."""
        import numpy as np

        rows = np.frombuffer(bytes(self._rows), dtype=f"S{_SIZE}")
        whole = hashlib.sha256(canonical(self._columns or []).encode("utf-8"))
        whole.update(np.sort(rows).tobytes())
        return whole.hexdigest()


def table_digest(tables: Table | Iterable[pl.DataFrame], volatile: frozenset[str] = frozenset()) -> str:
    """The `RowsDigest` of a whole table, without its volatile columns."""
    digest = RowsDigest(volatile)
    for batch in batches_of(tables):
        digest.add(batch)
    return digest.hexdigest()


def data_version(stage: str, tables: Mapping[str, Table]) -> str:
    """A stage's data version: the digest of its output tables, but those that stand aside, 16 hex digits.

    Raises:
        KeyError: a table of the stage is missing from `tables`.
    """
    own = [table for table in TABLES[stage] if not table.aside]
    digests = [[table.name, table_digest(tables[table.name], table.volatile)] for table in own]
    return sha256(canonical([stage, digests]))[:16]


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} has no canonical spelling")
