"""Short connections: closed whatever happens, patient with a lock, all or nothing in a transaction."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from careful_assets.errors import HomeUnusable, StageFailed
from careful_assets.warehouse import connections
from careful_assets.warehouse.connections import connect, transaction

_HOLDS = """
import duckdb, sys
con = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with connect(tmp_path / "a.duckdb") as con:
        con.execute("create table t as select 1 as a")
    return tmp_path / "a.duckdb"


def count(path: Path) -> int:
    with connect(path, read_only=True) as con:
        return len(con.execute("select * from t").fetchall())


def holder(path: Path) -> subprocess.Popen[str]:
    """Another process that holds the file until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_connection_is_closed_when_its_block_ends(path: Path) -> None:
    """After the block, left in whatever way, the file is free for others."""
    with pytest.raises(KeyError), connect(path):
        raise KeyError
    with connect(path) as con:
        kept = con
    with pytest.raises(duckdb.ConnectionException):
        kept.execute("select 1")
    assert count(path) == 1


def _insert_and_raise(path: Path, error: type[BaseException]) -> None:
    with connect(path) as con, transaction(con):
        con.execute("insert into t values (2)")
        raise error


def test_a_transaction_is_all_or_nothing(path: Path) -> None:
    """What raises within a transaction leaves nothing of it behind, even if what is raised is an interrupt."""
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error):
            _insert_and_raise(path, error)
    assert count(path) == 1
    with connect(path) as con, transaction(con):
        con.execute("insert into t values (2)")
    assert count(path) == 2


def test_a_lock_is_waited_for(path: Path) -> None:
    """While another process holds the file, opening it waits, and goes on once the holder is gone."""
    with holder(path) as process:
        process.stdin.write("\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        with connect(path) as con:
            con.execute("insert into t values (2)")
    assert count(path) == 2


@pytest.mark.parametrize("read_only", [False, True])
def test_a_lock_that_is_not_freed_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, read_only: bool) -> None:
    """A file that stays held is told, with what to do, for reading and for writing alike."""
    monkeypatch.setattr(connections, "LOCK_WAIT_S", 0.2)
    with holder(path) as process:
        try:
            with (
                pytest.raises(StageFailed, match="held by another process") as caught,
                connect(path, read_only=read_only),
            ):
                pass
        finally:
            process.kill()
    assert "Wait for that run to end, or end it, and run again" in str(caught.value)
    assert count(path) == 1  # the system frees the lock of a killed process


def test_nothing_is_made_by_reading(tmp_path: Path) -> None:
    """Opening for reading what is not there says so and creates nothing."""
    with pytest.raises(StageFailed, match="nothing was materialized"), connect(tmp_path / "a.duckdb", read_only=True):
        pass
    assert list(tmp_path.iterdir()) == []


def test_reading_cannot_write(path: Path) -> None:
    """A connection for reading refuses to write."""
    with connect(path, read_only=True) as con, pytest.raises(duckdb.InvalidInputException):
        con.execute("insert into t values (2)")


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    """A file that DuckDB cannot open is named, and left as it is."""
    broken = tmp_path / "a.duckdb"
    broken.write_bytes(b"garbage" * 1000)
    with pytest.raises(HomeUnusable, match=r"cannot use .*a\.duckdb"), connect(broken):
        pass
    assert broken.read_bytes() == b"garbage" * 1000


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    """A database in a folder that does not exist is an unusable home."""
    with pytest.raises(HomeUnusable), connect(tmp_path / "gone" / "a.duckdb"):
        pass


_CREATES = """
import resource, sys
from pathlib import Path
from careful_assets.errors import HomeUnusable
from careful_assets.warehouse.connections import connect
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    with connect(Path(sys.argv[1])):
        pass
except HomeUnusable as error:
    print(error)
"""


@pytest.mark.parametrize("most_bytes", [0, 4096, 8192])
def test_a_new_file_appears_whole_or_not_at_all(tmp_path: Path, most_bytes: int) -> None:
    """Where the disk takes only part of a new database, none is left that nothing could open; the next try succeeds."""
    path = tmp_path / "a.duckdb"
    command = [sys.executable, "-c", _CREATES, str(path), str(most_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "free space" in done.stdout
    assert list(tmp_path.iterdir()) == []
    with connect(path) as con:
        con.execute("create table t as select 1 as a")
    assert count(path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.duckdb"]


def test_connections_in_one_process_do_not_meet(path: Path) -> None:
    """Reading while this very process still holds the file for writing is waited out and told, not a crash."""
    with closing(duckdb.connect(str(path))), pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "LOCK_WAIT_S", 0.1)
        with pytest.raises(StageFailed, match="held by another"), connect(path, read_only=True):
            pass


@pytest.mark.parametrize("limit", ["lots", "2 potatoes"])
def test_a_memory_limit_that_is_none_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """A limit that DuckDB cannot read is refused with its value and an example; the file is free afterwards."""
    monkeypatch.setenv("CAREFUL_MEMORY_LIMIT", limit)
    with pytest.raises(HomeUnusable, match=f"CAREFUL_MEMORY_LIMIT is '{limit}'.*such as 2GB"), connect(path):
        pass
    monkeypatch.setenv("CAREFUL_MEMORY_LIMIT", "300MB")
    with connect(path) as con:
        (shown,) = con.sql("select current_setting('memory_limit')").fetchone() or ("",)
    assert shown.startswith("286")  # MiB
