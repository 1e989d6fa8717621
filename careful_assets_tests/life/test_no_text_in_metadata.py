"""Row text stays where it belongs: nothing of it in Dagster's records, nor in columns that are not for text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import read
from careful_assets_tests.life.arrange import Life

LENGTH = 30
# The columns in which a row's text, or a prompt that shows rows, belongs.
TEXT_COLUMNS = {
    "anchors.rows": {"text"},
    "generation.requests": {"rendered_prompt"},
    "generation.candidates": {"text"},
    "release.rows": {"text"},
}


@pytest.fixture(scope="module")
def texts(finished_life: Life) -> dict[str, list[str]]:
    """Every row's text, by where it came from, sealed rows included."""
    with connect(finished_life.home.vault(finished_life.dataset), read_only=True) as con:
        sealed = read(con, "sealed.rows")["text"].to_list()
    return {
        "anchors": finished_life.table("anchors.rows")["text"].to_list(),
        "candidates": finished_life.table("generation.candidates")["text"].to_list(),
        "sealed": sealed,
    }


@pytest.fixture(scope="module")
def excerpts(texts: dict[str, list[str]]) -> frozenset[str]:
    """Each stretch of 30 characters of any row: what must not appear."""
    return _excerpts(text for rows in texts.values() for text in rows)


def test_search_finds_text_where_it_belongs(
    finished_life: Life, texts: dict[str, list[str]], excerpts: frozenset[str]
) -> None:
    """The search used below sees each kind of row, whole or cut, plain or as JSON, in the place where rows are kept."""
    assert {kind: len(rows) for kind, rows in texts.items()} == {"anchors": 2630, "candidates": 300, "sealed": 1078}
    for table, columns in TEXT_COLUMNS.items():
        for column in columns:
            assert _found(excerpts, finished_life.table(table)[column].to_list()), f"{table}.{column}"
    for rows in texts.values():
        long = max(rows, key=len)
        assert _found(excerpts, [f"x{long[5:40]}y"])
        assert _found(excerpts, [json.dumps({"text": long})])
    assert _found(excerpts, [finished_life.journal.read_text(encoding="utf-8")])
    assert not _found(excerpts, ["x" * 500, finished_life.card_path.read_text(encoding="utf-8")])


def test_dagster_keeps_no_row_text(finished_life: Life, excerpts: frozenset[str]) -> None:
    """Neither the instance's databases nor its files hold an excerpt of a row: events, metadata, run config, logs."""
    said = list(_everything_in(finished_life.home.dagster))
    whole = "\n".join(said)
    assert "class_minimums" in whole  # it is the events that were searched
    assert "rows by label and split" in whole
    assert _found(excerpts, said) == []


def test_events_as_the_ui_gets_them_hold_no_row_text(finished_life: Life, excerpts: frozenset[str]) -> None:
    """What the instance's own interface gives for a run, metadata unpacked, holds no excerpt of a row."""
    with dg.DagsterInstance.from_config(str(finished_life.home.dagster)) as instance:
        (run,) = instance.get_runs()
        events = instance.all_logs(run.run_id)
        said = [repr(event) for event in events] + [repr(run)]
        for event in events:
            materialization = event.asset_materialization
            said += [str(value.value) for value in materialization.metadata.values()] if materialization else []
    assert sum("ASSET_MATERIALIZATION" in text for text in said) >= 10
    assert _found(excerpts, said) == []


def test_columns_that_are_not_for_text_hold_none(finished_life: Life, excerpts: frozenset[str]) -> None:
    """Summaries, evidence, causes, details and every other column of the warehouse tell of rows by id and number."""
    with connect(finished_life.home.warehouse(finished_life.dataset), read_only=True) as con:
        names = con.sql("select schema_name || '.' || table_name from duckdb_tables() order by 1").fetchall()
        tables = {name: read(con, name) for (name,) in names}
    assert tables.keys() >= TEXT_COLUMNS.keys() | {"provenance.ledger", "provenance.openings", "filtering.decisions"}
    for name, table in tables.items():
        others = table.drop(TEXT_COLUMNS.get(name, set())).select(pl.col(pl.String))
        for column in others.columns:
            assert _found(excerpts, [text for text in others[column].unique().to_list() if text]) == [], (name, column)


def test_warehouse_holds_no_sealed_row(finished_life: Life, texts: dict[str, list[str]]) -> None:
    """Not even the columns that are for text hold a sealed row, unless an open row says the very same."""
    sealed = {text for text in texts["sealed"] if len(text) >= LENGTH}
    for table, columns in TEXT_COLUMNS.items():
        for column in columns:
            for text in finished_life.table(table)[column].to_list():
                assert text not in sealed
                assert not (column == "rendered_prompt" and any(row in text for row in sealed))


def _excerpts(rows: Iterator[str]) -> frozenset[str]:
    """Each row's stretches of the length, as they stand and as JSON escapes them."""
    return frozenset(
        form[start : start + LENGTH]
        for row in rows
        for form in {row, json.dumps(row)[1:-1]}
        for start in range(len(form) - LENGTH + 1)
    )


def _found(excerpts: frozenset[str], said: list[str]) -> list[str]:
    """The excerpts that stand in any of these."""
    return sorted(
        {
            part
            for text in said
            for start in range(len(text) - LENGTH + 1)
            if (part := text[start : start + LENGTH]) in excerpts
        }
    )


def _everything_in(folder: Path) -> Iterator[str]:
    """Every value of every SQLite database under the folder, and the text of every other file."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix == ".db":
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
                names = [name for (name,) in con.execute("select name from sqlite_master where type = 'table'")]
                for name in names:
                    for row in con.execute(f'select * from "{name}"'):
                        yield from (str(value) for value in row if value is not None)
        elif path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")
