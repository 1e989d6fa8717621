"""Files of lines that several processes and threads append to: every event, and those that were not sent.

Belongs here: whole lines under a lock, and where they lie. Does not belong here: what the lines say (`events`) and
sending them (`collector`, `operations.flush`). A line is not synced to disk: no run waits for its own story.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from careful_assets.warehouse.home import Home

LOCK_S = 2.0  # how long another process may keep a file locked before we go on without it
_BLOCK = 65_536


def events_file(home: Home) -> Path:
    """Every event, in the order in which they were written."""
    return home.lineage / "events.ndjson"


def outbox_file(home: Home) -> Path:
    """The events that the collector has not acknowledged."""
    return home.lineage / "outbox.ndjson"


def refused_file(home: Home) -> Path:
    """The events that the collector will not have, for a person to read."""
    return home.lineage / "refused.ndjson"


def encoded(event: dict[str, Any]) -> bytes:
    """The event as one line of ASCII.

    Raises:
        TypeError: it holds something that is no plain value; OpenLineage's own encoder would write its type's name.
    """
    return json.dumps(event, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def append_line(path: Path, line: bytes) -> None:
    """Add one whole line, which ends in a newline; a torn line that a kill or a full disk left is cut off first.

    Raises:
        OSError: it could not be written, or another process keeps the file; it ends where it ended before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path) as file:
        end = whole_end(file)
        os.ftruncate(file, end)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(file, rest) :]
        except BaseException:
            os.ftruncate(file, end)
            raise


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file at `path`, made if need be, open for appending and locked; it is at `path` as long as the lock lasts.

    Whoever waited for the lock while a flush renamed the file would write into what is being sent: they open anew.

    Raises:
        OSError: it cannot be opened; a TimeoutError if another process keeps it locked for `LOCK_S`.
    """
    end = time.monotonic() + LOCK_S
    file = _open(path)
    try:
        _lock(file, path, end)
        while not _is_at(file, path):
            os.close(file)
            file = _open(path)
            _lock(file, path, end)
        yield file
    finally:
        os.close(file)


def whole_end(file: int) -> int:
    """Where the last whole line of an open file ends."""
    end = os.fstat(file).st_size
    if end == 0 or os.pread(file, 1, end - 1) == b"\n":
        return end
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _lock(file: int, path: Path, end: float) -> None:
    """Lock the file by `end`: a process that was stopped with the lock in hand would hold up everyone for ever."""
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                why = f"another process has kept it locked for {LOCK_S:g} s"
                raise TimeoutError(errno.ETIMEDOUT, why, str(path)) from None
            time.sleep(0.002)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
