"""DuckDB engines that are used again: to start one takes longer than most of what is asked of it (15 ms beside 3).

An engine has one file attached at a time, under one name, and none while it is idle: the file is locked, and its lock
freed, as by a connection of its own. Where this process has the file open already, the engine that has it is shared.
Belongs here: starting, lending and throwing away engines. Does not belong here: waiting for a lock (`connections`).
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import duckdb

_FILE = "_file"
# More are seldom at work at once: a warehouse, its vault, a quarantine, and copies that are written.
_MOST_IDLE = 4


@dataclass
class _Engine:
    root: duckdb.DuckDBPyConnection
    path: str
    read_only: bool
    users: int = 0
    worn: bool = False  # after an error nobody knows what is left in it


_lock = threading.Lock()
_idle: list[duckdb.DuckDBPyConnection] = []
_at_work: dict[str, _Engine] = {}


class Lease:
    """A connection to a file, to be given back."""

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self.con = _using(engine.root)

    def give_back(self, *, worn: bool) -> None:
        """Close the connection; the last one of its file frees it. `worn`: what was done with it did not go well."""
        self.con.close()
        with _lock:
            self._engine.worn |= worn
            _leave(self._engine)


def lease(path: Path, *, read_only: bool) -> Lease:
    """A connection to the file.

    Raises:
        duckdb.IOException: another process holds it, or it cannot be opened.
        duckdb.ConnectionException: this process has it open, the other way.
    """
    key = os.path.realpath(path)
    with _lock:
        engine = _at_work.get(key)
        if engine is None:
            engine = _at_work[key] = _Engine(_attached(key, read_only), key, read_only)
        elif engine.read_only != read_only:
            raise duckdb.ConnectionException(
                f"this process has {path} open for {'reading' if read_only else 'writing'}"
            )
        engine.users += 1
        try:
            return Lease(engine)
        except BaseException:
            engine.worn = True
            _leave(engine)
            raise


def second(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection beside one, to read from while that one writes. It does not see its temporary tables."""
    return _using(con)


def _using(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    other = con.cursor()
    other.execute(f"use {_FILE}")
    return other


def _attached(path: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    root = _idle.pop() if _idle else duckdb.connect()
    quoted = path.replace("'", "''")
    try:
        root.execute(f"set temp_directory = '{quoted}.tmp'")
        root.execute(f"attach '{quoted}' as {_FILE}" + (" (read_only)" if read_only else ""))
    except BaseException as error:
        root.close()
        if isinstance(error, duckdb.BinderException):  # how DuckDB says that an engine of another's making has it
            raise duckdb.ConnectionException(str(error)) from error
        raise
    return root


def _leave(engine: _Engine) -> None:
    engine.users -= 1
    if engine.users:
        return
    del _at_work[engine.path]
    # Where an engine laid something out on the disk, it cannot do so elsewhere any more.
    worn = engine.worn or len(_idle) == _MOST_IDLE or Path(f"{engine.path}.tmp").exists()
    try:
        if not worn:
            engine.root.execute(f"detach {_FILE}")
    except duckdb.Error:
        worn = True  # as with any connection that closes: what was committed stands in the log beside the file
    if worn:
        engine.root.close()
    else:
        _idle.append(engine.root)


def _forget() -> None:
    """A forked child has none of an engine's threads: it must neither use nor close what it finds."""
    global _lock, _idle, _at_work
    _inherited.append((_idle, _at_work))
    _lock, _idle, _at_work = threading.Lock(), [], {}


_inherited: list[object] = []
os.register_at_fork(after_in_child=_forget)
