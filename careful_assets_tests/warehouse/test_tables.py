"""Whole tables in and out of DuckDB: what goes in comes out, by column name, in UTC, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import Stored, append, at_hand, batches, batches_of, dicts, read, replace

FRAME = pl.DataFrame(
    {
        "id": ["a", "b", "c"],
        "n": [1, None, 3],
        "parts": [["x", "y"], [], ["z"]],
        "day": [date(2026, 1, 1), None, date(2027, 2, 3)],
        "moment": [datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 7, 1, 12, 30, 0, 123456, tzinfo=UTC), None],
    },
    schema_overrides={"n": pl.Int64},
)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect()) as opened:
        opened.execute("create schema s")
        opened.execute(
            "create table s.t (id varchar not null, n bigint, parts varchar[], day date, moment timestamptz)"
        )
        yield opened


def test_what_goes_in_comes_out(con: duckdb.DuckDBPyConnection) -> None:
    """Nulls, lists, dates and times to the microsecond survive."""
    append(con, "s.t", FRAME)
    assert read(con, "s.t").sort("id").equals(FRAME)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "UTC"])
def test_times_are_in_utc_whatever_the_machines_zone(con: duckdb.DuckDBPyConnection, zone: str) -> None:
    """A machine in another zone reads the same times."""
    append(con, "s.t", FRAME)
    con.execute(f"set timezone = '{zone}'")
    assert read(con, "s.t").sort("id").equals(FRAME)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_few_rows_are_the_same_without_a_frame(con: duckdb.DuckDBPyConnection, zone: str) -> None:
    """As Python values: lists, days, nothing where there is nothing, and times in UTC."""
    con.execute(f"set timezone = '{zone}'")
    append(con, "s.t", FRAME)
    found = sorted(dicts(con.table("s.t")), key=lambda row: str(row["id"]))
    assert found == FRAME.to_dicts()
    assert [row["moment"] and row["moment"].utcoffset() for row in found] == [timedelta(0), timedelta(0), None]
    assert dicts(con.table("s.t").filter("n > 3")) == []


def test_columns_go_by_name(con: duckdb.DuckDBPyConnection) -> None:
    """A frame whose columns stand in another order fills the right ones."""
    append(con, "s.t", FRAME.select("moment", "parts", "id", "day", "n"))
    assert read(con, "s.t").sort("id").equals(FRAME)


@pytest.mark.parametrize("wrong", [FRAME.drop("n"), FRAME.with_columns(more=pl.lit(1)), FRAME.rename({"n": "m"})])
def test_other_columns_are_refused(con: duckdb.DuckDBPyConnection, wrong: pl.DataFrame) -> None:
    """A column too few, too many or of another name is named, and nothing is written."""
    with pytest.raises(ValueError, match=r"s\.t has the columns"):
        append(con, "s.t", wrong)
    assert read(con, "s.t").is_empty()


def test_appending_adds_and_replacing_replaces(con: duckdb.DuckDBPyConnection) -> None:
    """Rows are added to those that stand, or take their place; no rows at all leave an empty table."""
    append(con, "s.t", FRAME.head(1))
    append(con, "s.t", FRAME.tail(1))
    assert sorted(read(con, "s.t")["id"]) == ["a", "c"]
    replace(con, "s.t", FRAME.slice(1, 1))
    assert read(con, "s.t")["id"].to_list() == ["b"]
    replace(con, "s.t", FRAME.clear())
    assert read(con, "s.t").is_empty()
    assert read(con, "s.t").schema == FRAME.schema


def test_a_refused_row_leaves_the_connection_usable(con: duckdb.DuckDBPyConnection) -> None:
    """After a row that the table refuses the next frame goes in, and the frame's name is free again."""
    with pytest.raises(duckdb.ConstraintException):
        append(con, "s.t", FRAME.with_columns(id=pl.lit(None, pl.String)))
    append(con, "s.t", FRAME)
    assert read(con, "s.t").height == 3
    with pytest.raises(duckdb.CatalogException):
        con.table("_incoming")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_any_text_survives(texts: list[str]) -> None:
    """Quotes, line breaks, NULs, statements and symbols are text like any other."""
    with closing(duckdb.connect()) as opened:
        opened.execute("create schema s")
        opened.execute("create table s.t (n bigint, text varchar)")
        frame = pl.DataFrame({"n": range(len(texts)), "text": texts}, schema={"n": pl.Int64, "text": pl.String})
        append(opened, "s.t", frame)
        assert read(opened, "s.t").sort("n").equals(frame)


def stored(path: Path, frame: pl.DataFrame) -> Stored:
    with connect(path) as con:
        con.execute("create schema far")
        con.execute("create table far.t (id varchar, n bigint, parts varchar[], day date, moment timestamptz)")
        append(con, "far.t", frame)
    return Stored(path, "far.t")


@pytest.mark.parametrize("rows", [0, 3])
def test_a_stored_table_goes_from_file_to_file(con: duckdb.DuckDBPyConnection, tmp_path: Path, rows: int) -> None:
    """A table in another file replaces this one's rows, inside a transaction, and tells its height and its columns."""
    away = stored(tmp_path / "away.duckdb", FRAME.head(rows))
    assert (away.height, set(away.schema)) == (rows, set(FRAME.columns))
    assert sum(batch.height for batch in batches_of(away)) == rows
    with at_hand(con, [away, FRAME]):
        con.begin()
        replace(con, "s.t", away)
        con.commit()
    assert read(con, "s.t").sort("id").equals(FRAME.head(rows))


def test_stored_tables_lie_in_one_file(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Tables of two files at once are refused: a stage has one."""
    tables = [Stored(tmp_path / "a.duckdb", "far.t"), Stored(tmp_path / "b.duckdb", "far.t")]
    with pytest.raises(ValueError, match="lie in 2 files"), at_hand(con, tables):
        pass


def test_batches_are_all_of_it(con: duckdb.DuckDBPyConnection) -> None:
    """A relation of many rows comes in several batches that are together what it is; an empty one as an empty frame."""
    many = con.sql("select range as n from range(120000)")
    frames = list(batches(many))
    assert len(frames) > 1
    assert pl.concat(frames)["n"].sort().to_list() == list(range(120_000))
    (empty,) = batches(con.sql("select range as n from range(0)"))
    assert (empty.height, empty.columns) == (0, ["n"])
