"""One writer a journal: the lock beside the file, held while lines are added or the file is rewritten.

Belongs here: taking the lock. Does not belong here: what is written (`journal`,
`journal_erasing`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from careful_assets.errors import StageFailed


def take_lock(path: Path) -> int:
    """Lock the journal at `path`; the lock lasts until the descriptor that this gives is closed.

    Raises:
        StageFailed: another process holds it; the message names its pid.
        OSError: the lock file beside the journal cannot be written.
    """
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace") or "unknown"
        os.close(lock)
        raise StageFailed(
            f"{path}: another process (pid {holder}) is generating for this dataset, or erasing from it, "
            "and writes this journal; wait until it is done, or stop it, and run again"
        ) from error
    except OSError:
        os.close(lock)
        raise
    return lock


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the journal's lock for a while; raises as `take_lock`."""
    lock = take_lock(path)
    try:
        yield
    finally:
        os.close(lock)
