"""Writing a DuckDB file anew: nothing else changes, nothing that others write is lost, nothing is left of a failure."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from careful_assets.errors import HomeUnusable
from careful_assets.warehouse import connections, rewriting
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.engines import Lease
from careful_assets.warehouse.rewriting import delete_ids, remove_leftovers, rewrite

SCHEMA = """
create schema a;
create table a.rows (row_id varchar primary key, text varchar not null, tags varchar[], at_time timestamptz not null);
create table a.keys (key blob not null);
create index by_text on a.rows(text);
insert into a.rows select 'id' || i, 'words of row ' || i, ['x', null], now() from range(1000) as t(i);
insert into a.keys values ('\\xAA'::blob);
"""
_DESCRIBED = (
    "select sql from duckdb_tables() order by sql",
    "select sql from duckdb_indexes() order by sql",
    "select table_name, constraint_text from duckdb_constraints() order by all",
    "from a.keys",
    "from a.rows where row_id <> 'id7' order by all",
)
_WRITER = """
import sys, time
from pathlib import Path
from careful_assets.warehouse.connections import connect, transaction
for number in range(int(sys.argv[2])):
    with connect(Path(sys.argv[1])) as con, transaction(con):
        con.execute("insert into a.keys values ($n::varchar::blob)", {"n": str(number)})
    print(number, flush=True)
    time.sleep(0.2)  # room for more than one rewriting, on a slow machine, too
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A private file with a row that is to go."""
    path = tmp_path / "set.duckdb"
    with connect(path) as con:
        con.execute(SCHEMA)
    path.chmod(0o600)
    return path


def _without_7(draft: Path) -> None:
    with connect(draft) as con, transaction(con):
        assert delete_ids(con, "a.rows", "row_id", ["id7", "no such row"]) == 1


def _described(path: Path) -> list[list[tuple[object, ...]]]:
    with connect(path, read_only=True) as con:
        return [con.sql(query).fetchall() for query in _DESCRIBED]


def test_all_but_the_row_stays(file: Path) -> None:
    """Tables, types, constraints, indexes, other rows and the file's mode are what they were; nothing beside it."""
    before = _described(file)
    rewrite(file, _without_7)
    assert _described(file) == before
    with connect(file) as con:
        assert con.sql("select count(*) from a.rows").fetchall() == [(999,)]
        with pytest.raises(duckdb.ConstraintException):
            con.execute("insert into a.rows values ('id8', 'again', null, now())")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_full_disk_changes_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room for the new file, the old one stays, byte for byte, and nothing beside it."""

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with connect(file) as con:
        con.execute("checkpoint")
    before = file.read_bytes()
    monkeypatch.setattr(rewriting, "sync", full)
    with pytest.raises(HomeUnusable, match="free space"):
        rewrite(file, _without_7)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_leftovers_are_told_from_those_of_others(file: Path) -> None:
    """What a killed rewriting left goes; what belongs to a dataset whose name ends alike stays."""
    names = [f".making-{'0' * 32}-{step}{owner}" for owner in (file.name, f"my{file.name}") for step in ("", "fresh-")]
    for name in names:
        (file.parent / name).write_text("text", encoding="utf-8")
    (file.parent / f"{file.name}.tmp").mkdir()
    remove_leftovers(file)
    assert {path.name for path in file.parent.iterdir()} == {file.name, *names[2:]}


@pytest.mark.parametrize("added", [8, pytest.param(60, marks=pytest.mark.soak)])
def test_another_process_loses_no_row(file: Path, added: int) -> None:
    """While the file is written anew again and again, another adds rows: every one that it committed is there.

    8 rows without a loss bound the share that is lost at 32%, with 95% confidence: (1 - 0.32)^8 < 0.05. The 60 of
    the soak's bound it at 5%.
    """
    command = [sys.executable, "-c", _WRITER, str(file), str(added)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    writer.stdout.readline()
    rewritten = 0
    while writer.poll() is None:
        rewrite(file, lambda draft: None)
        rewritten += 1
        time.sleep(0.05)  # room for the other: who waits for a lock asks at ever longer intervals
    assert writer.returncode == 0
    assert rewritten > 1
    with connect(file, read_only=True) as con:
        assert con.sql("select count(*) from a.keys").fetchall() == [(1 + added,)]


def test_a_file_that_was_exchanged_while_it_was_opened(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opened the old file just as the new one took its name gets the new one: what is written stays."""
    fresh, opening = file.with_name("fresh.duckdb"), connections.lease
    with connect(fresh) as con:
        con.execute("create schema a; create table a.keys (key blob not null)")

    def slow(path: Path, *, read_only: bool) -> Lease:
        lent = opening(path, read_only=read_only)
        if fresh.exists():
            fresh.rename(path)
        return lent

    monkeypatch.setattr(connections, "lease", slow)
    with connect(file) as con:
        con.execute("insert into a.keys values ('\\xBB'::blob)")
    monkeypatch.undo()
    with connect(file, read_only=True) as con:
        assert con.table("a.keys").fetchall() == [(b"\xbb",)]


def test_a_disk_that_fills_at_the_commit(file: Path) -> None:
    """What DuckDB calls a failed transaction is a full disk here: an error that says so, and the file as it was."""
    before, room = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)

    def grow(draft: Path) -> None:
        with connect(draft) as con, transaction(con):
            con.execute(
                "insert into a.rows select md5('a' || i), repeat(md5('b' || i), 9), null, now() from range(99999) t(i)"
            )

    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * len(before), room[1]))
    try:
        with pytest.raises(HomeUnusable, match="free space"):
            rewrite(file, grow)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, room)
    assert file.read_bytes() == before
    assert [one.name for one in file.parent.iterdir()] == [file.name]
