"""Whole tables in and out of DuckDB, as Polars frames or, where too large for memory, from file to file.

Set logic over tables is in `dbt_like_sql/`, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import polars.selectors as cs

from careful_assets.warehouse.connections import connect

BATCH_ROWS = 50_000
# The first of these columns that a table has orders its rows on disk.
_CLUSTERED_BY = ("row_id", "request_id")
# Attached files' names start with an underscore: a file is a catalog by its own name, which is a dataset's.
_STORED = "_stored"
_ZONED = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True)
class Stored:
    """A table `schema.name` in a DuckDB file of its own, on its way into a warehouse; the file must not be open."""

    path: Path
    name: str

    @property
    def height(self) -> int:
        """How many rows it has."""
        with connect(self.path, read_only=True) as con:
            return int(con.table(self.name).count("*").fetchall()[0][0])

    @property
    def schema(self) -> pl.Schema:
        """Its columns and their types."""
        with connect(self.path, read_only=True) as con:
            return con.table(self.name).limit(0).pl().schema


Table = pl.DataFrame | Stored


def read(con: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    """The whole table `schema.name`, in no order: sort before order matters. Times are in UTC in any time zone."""
    return con.table(table).pl().with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"))


def dicts(relation: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
    """A relation's rows, where they are few: to start Arrow takes a command longer than all it asks. Times in UTC."""
    names = relation.columns
    zoned = {name for name, kind in zip(names, relation.types, strict=True) if kind == _ZONED}
    if zoned:
        quoted = {name: '"' + name.replace('"', '""') + '"' for name in names}
        told = [f"timezone('UTC', {quoted[name]})" if name in zoned else quoted[name] for name in names]
        relation = relation.project(", ".join(told))
    found = [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
    for row in found:
        row.update((name, row[name].replace(tzinfo=UTC)) for name in zoned if row[name] is not None)
    return found


def batches(relation: duckdb.DuckDBPyRelation) -> Iterator[pl.DataFrame]:
    """A relation's rows, some at a time; one empty frame where there are none. Nothing else may use its connection."""
    empty = relation.limit(0).pl()
    seen = False
    for batch in relation.to_arrow_reader(BATCH_ROWS):
        seen = True
        yield pl.DataFrame(pl.from_arrow(batch))
    if not seen:
        yield empty


def pages(path: Path, table: str, columns: Sequence[str], rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """A table's rows by `row_id`, some at a time; between two of them the file is closed, so that others may write.

    `columns` go with `row_id`, of which each stands in the table once.
    """
    names, last = ", ".join(["row_id", *columns]), ""
    while True:
        with connect(path, read_only=True) as con:
            query = f"select {names} from {table} where row_id > $last order by row_id limit $rows"  # noqa: S608
            page = con.sql(query, params={"last": last, "rows": rows}).pl()
        if page.is_empty():
            return
        yield page
        last = page["row_id"][-1]


def batches_of(table: Table | Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """A table's rows, some at a time, in no order."""
    if isinstance(table, pl.DataFrame):
        yield table
    elif isinstance(table, Stored):
        with connect(table.path, read_only=True) as con:
            yield from batches(con.table(table.name))
    else:
        yield from table


def append(con: duckdb.DuckDBPyConnection, table: str, frame: Table) -> None:
    """Add rows to `schema.name`; columns go by name and must all exist there. Stored ones must be `at_hand`.

    Rows are laid down by id: DuckDB keeps the least and the greatest value of every block, so that it finds the rows of
    one id by reading a few blocks. An index costs more to make than the sort does, and more space than it saves.

    Raises:
        ValueError: the rows have a column that the table lacks, or lack one of the table's.
    """
    columns = con.table(table).columns
    if sorted(columns) != sorted(frame.schema):
        raise ValueError(f"{table} has the columns {sorted(columns)}, the rows {sorted(frame.schema)}")
    if isinstance(frame, Stored):
        _clustered(con.table(f"{_STORED}.{frame.name}").select(*columns)).insert_into(table)
    elif not frame.is_empty():
        con.register("_incoming", frame.select(columns))
        try:
            _clustered(con.view("_incoming")).insert_into(table)
        finally:
            con.unregister("_incoming")


def _clustered(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    column = next((column for column in _CLUSTERED_BY if column in rows.columns), None)
    return rows if column is None else rows.order(column)


def replace(con: duckdb.DuckDBPyConnection, table: str, frame: Table) -> None:
    """Make these rows the whole content of `schema.name`."""
    con.execute(f"delete from {table}")  # noqa: S608  table names are the code's own
    append(con, table, frame)


@contextmanager
def at_hand(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> Iterator[None]:
    """Have the file of the stored ones among these tables attached: outside of any transaction.

    Raises:
        ValueError: they lie in more than one file.
    """
    paths = {table.path for table in tables if isinstance(table, Stored)}
    if len(paths) > 1:
        raise ValueError(f"tables lie in {len(paths)} files, one can be attached")
    with attached(con, paths.pop(), _STORED) if paths else nullcontext():
        yield


@contextmanager
def attached(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> Iterator[None]:
    """Have another DuckDB file at hand under a name, for reading."""
    quoted = str(path).replace("'", "''")
    con.execute(f"attach '{quoted}' as {name} (read_only)")
    try:
        yield
    finally:
        con.execute(f"detach {name}")
