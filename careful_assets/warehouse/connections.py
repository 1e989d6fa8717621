"""Short DuckDB connections: open, do one thing, close.

Only one process may hold a DuckDB file for writing, and none may read it then; so nobody holds a connection while
computing. A held lock is waited for, with jitter, for a bounded time; the system frees it when its holder dies.
The lock is the file's, not its name's: where another was renamed over it meanwhile (`rewriting`), that one is opened.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import duckdb

from careful_assets.errors import HomeUnusable, StageFailed
from careful_assets.warehouse.engines import Lease, lease
from careful_assets.warehouse.home import explained

LOCK_WAIT_S = 60.0
# What one connection may hold in memory where CAREFUL_MEMORY_LIMIT says nothing; beyond it, joins and sorts go to disk.
MEMORY_LIMIT = "2GB"

T = TypeVar("T")


@contextmanager
def connect(path: Path, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the DuckDB file at `path`, waiting up to a minute while another process holds it.

    Raises:
        StageFailed: the lock was not freed in time, or the file does not exist (read-only).
        HomeUnusable: the file cannot be opened or written.
    """
    if read_only and not path.exists():
        raise StageFailed(f"{path} does not exist: nothing was materialized for this dataset yet")
    if not path.exists():
        _create(path)
    lent, whole = _patiently(path, read_only, _lent), False
    try:
        with explained(path), _io_explained(path, read_only):
            _bound_memory(lent.con)
            yield lent.con
        whole = True
    finally:
        lent.give_back(worn=not whole)


@contextmanager
def connect_foreign(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open somebody's own DuckDB file for reading, in an engine that nobody uses again: a query may change settings.

    Raises:
        StageFailed, HomeUnusable: as `connect`.
    """
    with closing(_patiently(path, True, _own_engine)) as con, explained(path), _io_explained(path, read_only=True):
        _bound_memory(con)
        yield con


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing: commit at the end, roll back on any exception."""
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


def _create(path: Path) -> None:
    """A new file appears whole: a full disk or a kill while DuckDB makes one leaves a file that nothing can open."""
    making = path.with_name(f".making-{uuid.uuid4().hex}-{path.name}")
    try:
        # Where another process was quicker, its file stands.
        with explained(path), _io_explained(path), suppress(FileExistsError):
            duckdb.connect(str(making)).close()
            os.link(making, path)
    finally:
        making.unlink(missing_ok=True)


def _patiently(path: Path, read_only: bool, opening: Callable[[Path, bool], T]) -> T:
    deadline = time.monotonic() + LOCK_WAIT_S
    pause = 0.01
    while True:
        try:
            return opening(path, read_only)
        except (duckdb.IOException, duckdb.ConnectionException) as error:
            locked = "Could not set lock" in str(error) or isinstance(error, duckdb.ConnectionException)
            if not locked:
                raise _unusable(path, error, read_only) from error
            if time.monotonic() > deadline:
                raise StageFailed(
                    f"{path} is held by another process since {LOCK_WAIT_S:.0f} s: {_first_line(error)}. "
                    "Wait for that run to end, or end it, and run again"
                ) from error
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, 1.0)


def _lent(path: Path, read_only: bool) -> Lease:
    """A lease of the file that bears the name when it is held, also where another took the name meanwhile."""
    while True:
        named = _file_at(path)
        lent = lease(path, read_only=read_only)
        if _file_at(path) == named:
            return lent
        lent.give_back(worn=False)


def _own_engine(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), read_only=read_only)


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file bears the name now. Not by opening it: closing it again would free DuckDB's lock on it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _bound_memory(con: duckdb.DuckDBPyConnection) -> None:
    limit = os.environ.get("CAREFUL_MEMORY_LIMIT") or MEMORY_LIMIT
    try:
        # As text: DuckDB loads pandas to look at a Python value, and every command opens a connection.
        con.execute("set memory_limit = '" + limit.replace("'", "''") + "'")
    except duckdb.ParserException as error:
        raise HomeUnusable(
            f"CAREFUL_MEMORY_LIMIT is {limit!r}, which is no size: give one such as 2GB or 500MB, and run again"
        ) from error


@contextmanager
def _io_explained(path: Path, read_only: bool = False) -> Iterator[None]:
    try:
        yield
    except duckdb.IOException as error:
        raise _unusable(path, error, read_only) from error


def _unusable(path: Path, error: Exception, read_only: bool) -> HomeUnusable:
    if read_only:
        return HomeUnusable(
            f"cannot read {path}: {_first_line(error)}. Nothing was changed; make the file readable, or put back a "
            "copy of it that is whole"
        )
    return HomeUnusable(
        f"cannot use {path}: {_first_line(error)}. Nothing of the unfinished step was written; free space or mend the "
        "folder's permissions, or set CAREFUL_HOME to another folder, and run again"
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
