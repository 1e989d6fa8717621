"""An SQL gate's query, run in the child: over copies in memory, with no way out of the database.

Belongs here: the locked database and what its answer may look like. Does not belong here: what the rows of the answer
mean (`sql`).
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import duckdb
import polars as pl

MEMORY_LIMIT = "2GB"
_COLUMNS = {"row_id", "reason", "score"}
# These errors tell of the query's own words and of columns; those of other kinds may quote a value, so of a row.
_QUOTABLE = (
    duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.PermissionException,
    duckdb.OutOfMemoryException, duckdb.NotImplementedException,
)  # fmt: skip
_SCORES = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"}


def answer_of(asked: dict[str, Any], candidates: bytes, anchors: bytes) -> tuple[bytes, bytes]:
    """The answer's rows as Arrow, at most one more than there are candidates; or what is wrong, in words.

    Args:
        asked: `query`, the text of one query; `room`, the most bytes that the rows may take.
        candidates: the columns that the query sees, as an Arrow stream.
        anchors: likewise.
    """
    frame = pl.read_ipc_stream(BytesIO(candidates))
    try:
        with _locked({"candidates": frame, "anchors": pl.read_ipc_stream(BytesIO(anchors))}) as con:
            found = con.sql(asked["query"])
            if wrong := _misshapen(found):
                return _wrong(wrong)
            rows = found.project("row_id, reason, cast(score as double) as score").limit(frame.height + 1).pl()
    except duckdb.Error as error:
        said = f": {str(error).splitlines()[0]}" if isinstance(error, _QUOTABLE) else ""
        return _wrong(f"ended with {type(error).__name__}{said[:300]}")
    answer = BytesIO()
    rows.write_ipc_stream(answer)
    if len(answer.getvalue()) > asked["room"]:
        return _wrong(f"returned more than {asked['room']:,} bytes")
    return json.dumps({"wrong": None}).encode(), answer.getvalue()


def _locked(tables: dict[str, pl.DataFrame]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:")
    for name, frame in tables.items():
        con.register("incoming", frame)
        con.execute(f"create table {name} as from incoming")
        con.unregister("incoming")
    for setting in (
        "temp_directory = ''", "enable_external_access = false", "autoload_known_extensions = false",
        "autoinstall_known_extensions = false", "python_enable_replacements = false",
        f"memory_limit = '{MEMORY_LIMIT}'", "lock_configuration = true",
    ):  # fmt: skip
        con.execute(f"set {setting}")
    return con


def _misshapen(found: duckdb.DuckDBPyRelation) -> str | None:
    columns = dict(zip(found.columns, map(str, found.types), strict=True))
    if columns.keys() != _COLUMNS or len(found.columns) != len(_COLUMNS):
        # A pivot makes columns of values: they are not named here.
        return f"returns {len(found.columns)} columns that are not just row_id, reason and score"
    if columns["row_id"] != "VARCHAR" or columns["reason"] != "VARCHAR":
        return f"returns row_id as {columns['row_id']} and reason as {columns['reason']}; both must be text"
    if columns["score"] not in _SCORES and not columns["score"].startswith("DECIMAL"):
        return f"returns score as {columns['score']}; it must be a number (cast it to double), or null"
    return None


def _wrong(what: str) -> tuple[bytes, bytes]:
    return json.dumps({"wrong": what}).encode(), b""
