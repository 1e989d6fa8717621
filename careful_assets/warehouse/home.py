"""CAREFUL_HOME: where everything the platform writes lies.

Belongs here: paths, and the proof that they can be written. Does not belong here: what the files hold.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from careful_assets.errors import HomeUnusable, StageFailed

_PRIVATE = ("vault", "quarantine", "journal", "intake")
_FOLDERS = (*_PRIVATE, "warehouse", "releases", "cache", "dagster")


@dataclass(frozen=True)
class Home:
    """The folder tree under CAREFUL_HOME. Dataset names are validated by the card before they become paths."""

    root: Path

    @classmethod
    def of(cls, project_root: Path) -> Home:
        """CAREFUL_HOME from the environment or, without it, `.careful` in the project."""
        return cls(Path(os.environ.get("CAREFUL_HOME") or project_root / ".careful").absolute())

    def warehouse(self, dataset: str) -> Path:
        """The dataset's DuckDB file: every stage's tables."""
        return self.root / "warehouse" / f"{dataset}.duckdb"

    def vault(self, dataset: str) -> Path:
        """The dataset's sealed evaluation rows."""
        return self.root / "vault" / f"{dataset}.duckdb"

    def quarantine(self, dataset: str) -> Path:
        """The dataset's raw texts that were refused for personal data."""
        return self.root / "quarantine" / f"{dataset}.duckdb"

    def journal(self, dataset: str) -> Path:
        """The dataset's append-only record of requests to generators."""
        return self.root / "journal" / f"{dataset}.ndjson"

    def intake(self, dataset: str) -> Path:
        """The dataset's rows of unknown origin that came in files, in the journal's form."""
        return self.root / "intake" / f"{dataset}.ndjson"

    @property
    def lineage(self) -> Path:
        """The folder of OpenLineage events, sent and unsent, and of the datasets' graphs."""
        return self.root / "lineage"

    def releases(self, dataset: str) -> Path:
        """The folder of the dataset's release folders."""
        return self.root / "releases" / dataset

    def scratch(self, dataset: str, stage: str) -> Path:
        """Where a stage lays what is too large for memory, or for other processes, while it runs; gone between runs.

        Of anchors, rows that are about to be sealed lie there: in the vault's folder.
        """
        return self.root / ("vault/scratch" if stage == "anchors" else "scratch") / dataset / stage

    @property
    def cache(self) -> Path:
        """Downloads and assembled weights, all of it reproducible from pinned digests."""
        return self.root / "cache"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME of the runs that the command line starts."""
        return self.root / "dagster"

    def prepare(self) -> Home:
        """Make the folders and prove that they can be written.

        Raises:
            HomeUnusable: a folder cannot be made or written; nothing else was touched.
        """
        with explained(self.root):
            for folder in _FOLDERS:
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            for private in _PRIVATE:
                (self.root / private).chmod(0o700)
            probe = self.root / f".probe-{uuid.uuid4().hex}"
            try:
                probe.write_bytes(b"\0" * 65536)
            finally:
                probe.unlink(missing_ok=True)
        return self


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """A private folder for a while: what a killed run left there goes first, and all of it at the end.

    Raises:
        HomeUnusable: it cannot be made.
        StageFailed: another run uses it.
    """
    with explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    busy = (
        f"another run of {folder.parent.name}/{folder.name} is under way; wait for it to end, or end it, and run again"
    )
    with alone(folder.with_suffix(".lock"), busy):
        with explained(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            folder.chmod(0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def alone(lock_file: Path, busy: str) -> Iterator[None]:
    """Hold the lock, which its holder's death frees; nobody waits for it.

    Raises:
        HomeUnusable: the file cannot be made.
        StageFailed: another process holds it; the message is `busy`.
    """
    with explained(lock_file):
        lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StageFailed(busy) from None
        yield
    finally:
        os.close(lock)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write below `path` into a message that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        remedy = "free space there" if full else "make it writable"
        raise HomeUnusable(
            f"cannot write to {error.filename or path}: {error.strerror}. Everything recorded so far is kept; "
            f"{remedy}, or set CAREFUL_HOME to another folder, and run again"
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a UTF-8 file, and the folders above it, whole or not at all, whoever else writes it at the same time.

    Raises:
        HomeUnusable: it cannot be written; what stood there stands.
    """
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Make a file, or which entries a folder has, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
