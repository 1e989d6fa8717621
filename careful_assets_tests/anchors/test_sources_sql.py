"""Anchors from queries: DuckDB and SQLite files and servers give the same rows in the same places, read only."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from careful_assets.anchors.sources.opening import open_source
from careful_assets.card.anchors import SqlSource
from careful_assets.errors import MalformedInput, StageFailed
from careful_assets.provenance.digests import RowsDigest
from careful_assets_tests.anchors.sources import COLUMNS, ROWS, WANTED, anchors_of, plain

NAMES = ["id", "review", "text", "label"]
VARIABLE = "ANCHORS_URL"


def make_duckdb(folder: Path, rows: list[dict[str, Any]] = ROWS) -> None:
    with closing(duckdb.connect(str(folder / "a.db"))) as con:
        con.register("given", pl.DataFrame(rows))
        con.execute("create table reviews as select * from given")


def make_sqlite(folder: Path, rows: list[dict[str, Any]] = ROWS) -> None:
    with closing(sqlite3.connect(folder / "a.db")) as con:
        con.execute(f"create table reviews ({', '.join(rows[0])})")
        marks = ", ".join("?" * len(rows[0]))
        con.executemany(f"insert into reviews values ({marks})", [tuple(row.values()) for row in rows])
        con.commit()


MAKERS: dict[str, Callable[..., None]] = {"duckdb": make_duckdb, "sqlite": make_sqlite, "server": make_sqlite}


def declared(kind: str, query: str = "select * from reviews", rows: list[dict[str, Any]] = ROWS) -> SqlSource:
    written = pl.DataFrame(rows).select(pl.col(NAMES).cast(pl.String))
    where = {"url": f"env:{VARIABLE}"} if kind == "server" else {"database": "a.db"}
    return SqlSource(kind="sql", query=query, sha256=RowsDigest().add(written).hexdigest(), columns=COLUMNS, **where)


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A kind of database, with ROWS in it."""
    MAKERS[request.param](tmp_path)
    monkeypatch.setenv(VARIABLE, f"sqlite:///file:{tmp_path / 'a.db'}?mode=ro&uri=true")
    return str(request.param)


def refused(source: SqlSource, folder: Path) -> str:
    with pytest.raises(MalformedInput) as caught:
        anchors_of(source, folder)
    return str(caught.value)


def test_a_query_gives_the_same_anchors(tmp_path: Path, kind: str) -> None:
    """A query gives the same anchors in the same places, whatever order it returns them in."""
    forward = anchors_of(declared(kind), tmp_path)
    assert sorted(plain(forward)) == sorted(WANTED)
    assert anchors_of(declared(kind, "select * from reviews order by id desc -- last first"), tmp_path).equals(forward)
    assert anchors_of(declared(kind, "select label, text, id, review from reviews;\n"), tmp_path).equals(forward)


def test_the_digest_is_that_of_the_cards_columns(tmp_path: Path, kind: str) -> None:
    """Columns that the card does not name may be read, and change nothing of the digest; it is known at the end."""
    source = declared(kind, "select *, 1 as extra from reviews")
    reading = open_source(source, tmp_path, tmp_path)
    with pytest.raises(StageFailed, match="read all batches first"):
        _ = reading.digest
    (batch,) = reading.batches(["extra", "text"])
    assert batch.columns == ["place", "extra", "text"]
    assert batch["extra"].to_list() == [1] * 9
    assert reading.digest == source.sha256
    assert reading.columns == [*NAMES, "extra"]


QUERIES = {
    "select * from nowhere": "query: fails",
    "selekt": "query: fails",
    "create table extra as select 1 as a": "query: fails",
    "delete from reviews": "query: fails",
    "delete from reviews returning *": "query: fails",
    "drop table reviews": "query: fails",
    "select 1; drop table reviews": "query: fails",
    "select id, review, text from reviews": "there is no column 'label'",
    "select * from reviews where label = 'bad'": "the card says",
    "select * from reviews where 1 = 0": "the card says",
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_queries_that_cannot_be_used_are_told(tmp_path: Path, kind: str, query: str) -> None:
    """A query that fails, writes, or gives other rows than the card's digest names is refused; nothing is changed."""
    before = (tmp_path / "a.db").read_bytes()
    assert QUERIES[query] in refused(declared(kind, query), tmp_path)
    assert (tmp_path / "a.db").read_bytes() == before


def test_a_query_without_rows_is_told(tmp_path: Path, kind: str) -> None:
    """A query that returns nothing is refused even where the card's digest is that of nothing."""
    empty = RowsDigest().add(pl.DataFrame(schema=dict.fromkeys(NAMES, pl.String))).hexdigest()
    source = declared(kind, "select * from reviews where 1 = 0").model_copy(update={"sha256": empty})
    assert "holds no rows" in refused(source, tmp_path)


def test_lists_and_bytes_are_no_texts(tmp_path: Path) -> None:
    """A query whose text is a list, or bytes, is refused."""
    make_duckdb(tmp_path)
    assert "text: the column 'text' holds lists" in refused(
        declared("duckdb", "select id, review, [text] as text, label from reviews"), tmp_path
    ) or "gives a column that is no text" in refused(
        declared("duckdb", "select id, review, [text] as text, label from reviews"), tmp_path
    )
    (tmp_path / "a.db").unlink()
    make_sqlite(tmp_path, [{**row, "text": b"\xff\xfe"} for row in ROWS])
    assert "text: is a binary value" in refused(declared("sqlite"), tmp_path)


def test_sqlite_columns_of_mixed_kinds_are_told(tmp_path: Path) -> None:
    """SQLite lets 5 and "5" stand in one column; as keys they are refused."""
    make_sqlite(tmp_path, [{**row, "id": n if n % 2 else str(n)} for n, row in enumerate(ROWS)])
    assert "'id' holds a" in refused(declared("sqlite"), tmp_path)


def test_bytes_that_are_no_utf8_are_told_without_the_text(tmp_path: Path) -> None:
    """A text in another encoding in an SQLite file is a fault of its row, and is not repeated."""
    make_sqlite(tmp_path)
    with closing(sqlite3.connect(tmp_path / "a.db")) as con:
        con.execute("update reviews set text = cast(x'736563726574e9' as text) where id = 'r3'")
        con.commit()
    message = refused(declared("sqlite"), tmp_path)
    assert "not UTF-8; clean the source" in message
    assert "secret" not in message


def test_errors_while_rows_are_read_repeat_no_value(tmp_path: Path) -> None:
    """DuckDB's own words on a value that does not convert hold the value; they stay out of the fault."""
    make_duckdb(tmp_path, [{**row, "text": "secret words"} for row in ROWS])
    source = declared("duckdb", "select id, review, label, cast(text as integer) as text from reviews")
    message = refused(source, tmp_path)
    assert "query: fails with ConversionException" in message
    assert "secret" not in message


def test_databases_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """A database that is missing, neither of the two kinds, or damaged, is refused as the input it is."""
    assert "there is no such database" in refused(declared("duckdb"), tmp_path)
    (tmp_path / "a.db").write_bytes(b"garbage" * 1000)
    assert "neither a DuckDB nor an SQLite file" in refused(declared("duckdb"), tmp_path)
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    assert "query: fails" in refused(declared("duckdb"), tmp_path)
    (tmp_path / "a.db").write_bytes(b"12345678DUCK" + b"\xff" * 5000)
    assert "cannot be opened" in refused(declared("duckdb"), tmp_path)


def test_a_database_that_vanishes_half_way_is_told(tmp_path: Path, kind: str) -> None:
    """Between opening and reading the table goes: a fault that says so, whichever the database."""
    reading = open_source(declared(kind), tmp_path, tmp_path)
    (tmp_path / "a.db").unlink()
    with pytest.raises((MalformedInput, StageFailed)) as caught:
        list(reading.batches(["text"]))
    assert len(str(caught.value)) > 40


SERVERS = {
    None: "is not set; set it to the server's SQLAlchemy URL",
    "not a url": "holds no SQLAlchemy URL",
    "sqlitte://secret-user:secret-word@secret-host/x": "a kind of database that SQLAlchemy does not know",
    "mysql+pymysql://secret-user:secret-word@secret-host/x": "the driver 'pymysql' is not installed",
    "sqlite:////nowhere/secret-word/a.db": "the server does not answer (OperationalError)",
}


@pytest.mark.parametrize("url", SERVERS)
def test_servers_that_cannot_be_used_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    """No variable, no URL, no driver, no server: each is told, and nothing of the URL is repeated."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if url is not None:
        monkeypatch.setenv(VARIABLE, url)
    message = refused(declared("server"), tmp_path)
    assert SERVERS[url] in message
    assert f"env:{VARIABLE}" in message
    assert "secret" not in message


def test_percent_signs_and_colons_in_a_query_are_its_own(tmp_path: Path, kind: str) -> None:
    """A query is passed on as it is: neither `%` nor `:name` in it is taken for a parameter."""
    source = declared(kind, "select * from reviews where text not like '%:nothing%' and '%s' <> ':x'")
    assert anchors_of(source, tmp_path).height == 9


def test_identifiers_are_quoted(tmp_path: Path, kind: str) -> None:
    """A column whose name holds quotes, spaces or a keyword is selected and sorted by as what it is."""
    query = 'select id, label, text as "order by ""x"" ; --", review from reviews'
    columns = COLUMNS.model_copy(update={"text": 'order by "x" ; --'})
    source = declared(kind, query)
    renamed = pl.DataFrame(ROWS).rename({"text": columns.text})
    digest = RowsDigest().add(renamed).hexdigest()
    found = anchors_of(source.model_copy(update={"columns": columns, "sha256": digest}), tmp_path)
    assert sorted(plain(found)) == sorted(WANTED)


def test_reading_leaves_nothing_beside_the_database(tmp_path: Path, kind: str) -> None:
    """No file appears beside the user's database, and its own stays as it was."""
    before = (tmp_path / "a.db").read_bytes()
    anchors_of(declared(kind), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]
    assert (tmp_path / "a.db").read_bytes() == before


def test_large_results_come_in_batches(tmp_path: Path, kind: str) -> None:
    """60,000 rows come in two batches, sorted, each place once."""
    rows = [{"id": f"{n:06}", "review": "g", "text": f"t{n:06}", "label": "bad"} for n in range(60_000)]
    (tmp_path / "a.db").unlink()
    MAKERS[kind](tmp_path, rows[::-1])
    reading = open_source(declared(kind, rows=rows), tmp_path, tmp_path)
    batches = list(reading.batches(["text"]))
    assert [batch.height for batch in batches] == pytest.approx([50_000, 10_000], abs=8192)
    whole = pl.concat(batches)
    assert whole.rows() == [(n + 1, f"t{n:06}") for n in range(60_000)]
