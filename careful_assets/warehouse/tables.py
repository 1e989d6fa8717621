"""Whole tables in and out of DuckDB as Polars frames. Set logic over them is in `dbt_like_sql/`, not here."""

from __future__ import annotations

import duckdb
import polars as pl
import polars.selectors as cs


def read(con: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    """The whole table `schema.name`, in no order: sort before order matters. Times are in UTC in any time zone."""
    return con.table(table).pl().with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"))


def append(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Add the frame's rows to `schema.name`; columns go by name and must all exist there.

    Raises:
        ValueError: the frame has a column that the table lacks, or lacks one of the table's.
    """
    columns = con.table(table).columns
    if sorted(columns) != sorted(frame.columns):
        raise ValueError(f"{table} has the columns {sorted(columns)}, the frame {sorted(frame.columns)}")
    if frame.is_empty():
        return
    con.register("_incoming", frame.select(columns))
    try:
        con.view("_incoming").insert_into(table)
    finally:
        con.unregister("_incoming")


def replace(con: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Make the frame's rows the whole content of `schema.name`."""
    con.execute(f"delete from {table}")  # noqa: S608  table names are the code's own
    append(con, table, frame)
