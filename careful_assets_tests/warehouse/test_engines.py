"""An engine that is used again brings nothing from one file to the next, and holds no file once that is given back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.engines import second

_HOLDS = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('create table t as select 2 as a')"


def write(path: Path, number: int) -> None:
    with connect(path) as con:
        con.execute(f"create or replace table t as select {number} as a")


def read(path: Path) -> list[tuple[int]]:
    with connect(path, read_only=True) as con:
        return con.execute("select a from t").fetchall()


def test_nothing_is_left_of_the_file_before(tmp_path: Path) -> None:
    """Tables, temporary ones, views of frames and the catalog of one file are unknown in the next."""
    write(tmp_path / "one.duckdb", 1)
    with connect(tmp_path / "one.duckdb") as con:
        con.execute("create temp table scratch as select 7 as b")
        con.register("frame", pl.DataFrame({"c": [1]}))
        con.execute("create schema own; create table own.kept as select 1 as a")
    with connect(tmp_path / "two.duckdb") as con:
        for name in ("t", "scratch", "frame", "own.kept"):
            with pytest.raises(duckdb.CatalogException):
                con.execute(f"from {name}")
        assert con.sql("select table_name from duckdb_tables()").fetchall() == []


def test_a_file_that_was_given_back_is_free(tmp_path: Path) -> None:
    """Another process may write it at once, nothing lies beside it, and its work is seen."""
    path = tmp_path / "one.duckdb"
    for error in (None, KeyError):
        write(path, 1)
        try:
            with connect(path) as con:
                con.execute("insert into t values (5)")
                if error:
                    raise error
        except KeyError:
            pass
        assert [entry.name for entry in tmp_path.iterdir()] == ["one.duckdb"]
        path.unlink()
        subprocess.run([sys.executable, "-c", _HOLDS, str(path)], check=True)
        assert read(path) == [(2,)]


def test_one_process_opens_a_file_twice(tmp_path: Path) -> None:
    """Both see what the other committed; the file is held until both are done."""
    path = tmp_path / "one.duckdb"
    write(path, 1)
    with connect(path) as first:
        with connect(path) as other:
            other.execute("insert into t values (2)")
            with second(other) as beside:
                assert beside.execute("select count(*) from t").fetchall() == [(2,)]
        assert first.execute("select sum(a) from t").fetchall() == [(3,)]
        held = subprocess.run([sys.executable, "-c", _HOLDS, str(path)], capture_output=True, text=True, check=False)
        assert "Could not set lock" in held.stderr
    assert read(path) == [(1,), (2,)]


def test_a_name_with_a_quote(tmp_path: Path) -> None:
    """A file's name is no SQL."""
    path = tmp_path / "o'ne; drop table t.duckdb"
    write(path, 3)
    assert read(path) == [(3,)]


def test_threads_share_what_they_read(tmp_path: Path) -> None:
    """Many threads open and close the same two files over and over, and each reads what is there."""
    paths = [tmp_path / f"{number}.duckdb" for number in range(2)]
    for number, path in enumerate(paths):
        write(path, number)
    wrong: list[object] = []

    def work() -> None:
        for _ in range(30):
            for number, path in enumerate(paths):
                found = read(path)
                if found != [(number,)]:
                    wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def test_what_does_not_fit_goes_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sort that goes to disk lies beside the file that is read, also where the engine sorted for another before."""
    monkeypatch.setenv("CAREFUL_MEMORY_LIMIT", "60MB")
    for name in ("one", "two"):
        path = tmp_path / name / "big.duckdb"
        path.parent.mkdir()
        with connect(path) as con:
            con.execute("create table t as select hash(range)::varchar || repeat('x', 90) as a from range(1000000)")
        with connect(path, read_only=True) as con:
            sorted_rows = con.execute("select a from t order by a")
            assert list(path.parent.glob("big.duckdb.tmp/*"))
            assert len(sorted_rows.fetchmany(10)) == 10
        assert [entry.name for entry in path.parent.iterdir()] == ["big.duckdb"]


def test_a_forked_child_leaves_its_parents_files_alone(tmp_path: Path) -> None:
    """A child that is forked while a file is open opens others, and ends; the parent goes on."""
    path = tmp_path / "one.duckdb"
    write(path, 1)
    with connect(path) as con:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                write(tmp_path / "childs.duckdb", 4)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        con.execute("insert into t values (2)")
    assert read(path) == [(1,), (2,)]
    with closing(duckdb.connect(str(tmp_path / "childs.duckdb"), read_only=True)) as con:
        assert con.execute("from t").fetchall() == [(4,)]
