"""Anchors from a query over a DuckDB or SQLite file, told apart by their first bytes and opened for reading only."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import duckdb
import polars as pl

from careful_assets.anchors.sources.arrow import frame_of
from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.queries import QueryReading, double_quoted, selected, without_rows
from careful_assets.anchors.sources.reading import need_columns
from careful_assets.anchors.sources.values import TypedColumns
from careful_assets.card.anchors import SqlSource
from careful_assets.errors import HomeUnusable
from careful_assets.warehouse.connections import connect_foreign

_ROWS_AT_ONCE = 8192
# What DuckDB says of a query; its other errors may repeat a row's values.
_ABOUT_THE_QUERY = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)


def open_database(source: SqlSource, folder: Path) -> QueryReading:
    """The query over the card's database file.

    Raises:
        MalformedInput: the file is missing or neither of the two, the query fails, or lacks the card's columns.
        StageFailed: another process held the file for writing, and did not let go.
    """
    assert source.database is not None
    faults = FaultList(source.database)
    path = folder / source.database
    if not path.is_file():
        faults.add(None, "", "there is no such database; mend anchors.source.database in the card")
        faults.stop()
    with path.open("rb") as handle:
        head = handle.read(16)
    if head.startswith(b"SQLite format 3\0"):
        return _SqliteReading(source, path, faults)
    if head[8:12] == b"DUCK":
        return _DuckdbReading(source, path, faults)
    faults.add(None, "", "is neither a DuckDB nor an SQLite file; mend anchors.source.database in the card")
    faults.stop()
    raise AssertionError("stopped")


class _DuckdbReading(QueryReading):
    def __init__(self, source: SqlSource, path: Path, faults: FaultList) -> None:
        self._path = path
        with _duckdb(path, faults) as con:
            columns = [column[0] for column in con.execute(without_rows(source.query)).description]
        need_columns(columns, source.columns, faults)
        super().__init__(source, columns, faults)

    def _frames(self, read: list[str]) -> Iterator[pl.DataFrame]:
        with _duckdb(self._path, self.faults) as con:
            con.execute(selected(self._source.query, read, double_quoted))
            for batch in con.to_arrow_reader(_ROWS_AT_ONCE):
                yield frame_of(batch, self.faults)


class _SqliteReading(QueryReading):
    def __init__(self, source: SqlSource, path: Path, faults: FaultList) -> None:
        self._path = path
        with _sqlite(path, faults) as con:
            columns = [column[0] for column in con.execute(without_rows(source.query)).description]
        need_columns(columns, source.columns, faults)
        super().__init__(source, columns, faults)

    def _frames(self, read: list[str]) -> Iterator[pl.DataFrame]:
        typed = TypedColumns(read, self.mapping, self.faults)
        first = 1
        with _sqlite(self._path, self.faults) as con:
            cursor = con.execute(selected(self._source.query, read, double_quoted, " collate binary"))
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield typed.frame(list(range(first, first + len(rows))), rows).drop("place")
                first += len(rows)


@contextmanager
def _duckdb(path: Path, faults: FaultList) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with tempfile.TemporaryDirectory() as spill, connect_foreign(path) as con:
            # A large sort goes to disk, but not beside the user's database.
            con.execute("set temp_directory = $folder", {"folder": spill})
            yield con
    except HomeUnusable as error:
        faults.add(None, "", f"cannot be opened ({type(error.__cause__ or error).__name__}); is it whole and readable?")
        faults.stop()
    except duckdb.Error as error:
        said = f": {str(error).splitlines()[0]}" if isinstance(error, _ABOUT_THE_QUERY) else ""
        faults.add(None, "query", f"fails with {type(error).__name__}{said}; mend anchors.source.query in the card")
        faults.stop()


@contextmanager
def _sqlite(path: Path, faults: FaultList) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as con:
            con.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
            yield con
    except sqlite3.Error as error:
        faults.add(None, "query", f"fails: {str(error).splitlines()[0]}; mend anchors.source.query in the card")
        faults.stop()
