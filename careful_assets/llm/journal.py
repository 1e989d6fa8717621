"""The journal: the live, append-only record of what was asked of generators and what they answered.

One NDJSON line, durable before a request is sent, and one after its answer. Concurrent appends share one
write and one fsync. Belongs here: the file, its lock and its repair. Does not belong here: what its lines add
up to (`journal_state`).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from careful_assets.errors import StageFailed
from careful_assets.llm.journal_state import JournalState, read_state, whole_lines_end
from careful_assets.llm.requests import Answer, Failure, Request, canonical
from careful_assets.warehouse.home import explained


class Journal:
    """A dataset's journal.

    `read` needs no lock; appending happens inside `async with journal`, one writer a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._asked: set[str] = set()
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._file: int | None = None
        self._lock: int | None = None
        self._durable = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._broken: BaseException | None = None
        self._writer: asyncio.Task[None] | None = None

    def read(self) -> JournalState:
        """What stands in the journal; an empty state if there is none. A torn last line is not part of it.

        Raises:
            MalformedInput: another line is corrupt; the message names it.
        """
        return read_state(self.path)

    async def __aenter__(self) -> Self:
        """Lock the journal, cut off a torn last line and start writing.

        Raises:
            StageFailed: another process writes to this journal.
            HomeUnusable: the file cannot be written.
            MalformedInput: a line is corrupt.
        """
        with explained(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = self._locked()
        try:
            self._asked = set(self.read().requests)
            with explained(self.path):
                self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._durable = whole_lines_end(self.path)
                if os.fstat(self._file).st_size > self._durable:
                    os.ftruncate(self._file, self._durable)
                _sync_folder(self.path.parent)
        except BaseException:
            self._release()
            raise
        self._closing, self._broken = False, None
        self._wake = asyncio.Event()
        self._writer = asyncio.create_task(self._write_groups())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what still waits, then close and unlock."""
        assert self._writer is not None
        self._closing = True
        self._wake.set()
        cancelled = False
        while not self._writer.done():
            try:
                await asyncio.wait([self._writer])
            except asyncio.CancelledError:
                # Answers that are already paid for become durable first; that takes one write.
                cancelled = True
        self._release()
        if cancelled:
            raise asyncio.CancelledError

    async def asked(self, request: Request) -> None:
        """Record that `request` is about to be sent: whole the first time, by its id after that."""
        known = request.request_id in self._asked
        self._asked.add(request.request_id)
        content = {"request_id": request.request_id} if known else {"request": request.as_json()}
        await self._append("asked", content)

    async def answered(self, answer: Answer) -> None:
        """Record an answer; it counts as recorded once this returns."""
        await self._append("answered", asdict(answer))

    async def failed(self, failure: Failure) -> None:
        """Record that a call failed."""
        await self._append("failed", asdict(failure))

    async def _append(self, event: str, content: dict[str, Any]) -> None:
        """Return once the line is durable.

        Raises:
            HomeUnusable: it could not be written; nothing may be concluded from it.
        """
        if self._broken is not None:
            raise self._broken
        if self._file is None or self._closing:
            raise RuntimeError("the journal is closed: append inside `async with journal`")
        line = canonical({"event": event, "at": datetime.now(UTC).isoformat(), **content}).encode("ascii") + b"\n"
        durable = asyncio.get_running_loop().create_future()
        self._waiting.append((line, durable))
        self._wake.set()
        await durable

    async def _write_groups(self) -> None:
        while self._waiting or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            group, self._waiting = self._waiting, []
            if not group:
                continue
            try:
                await asyncio.to_thread(self._write, b"".join(line for line, _ in group))
            except Exception as error:  # noqa: BLE001 - whatever it is, every waiting caller must hear it
                self._broken = error
                group, self._waiting = group + self._waiting, []
            for _, durable in group:
                if durable.done():  # its caller was cancelled; the line is written all the same
                    continue
                if self._broken is None:
                    durable.set_result(None)
                else:
                    durable.set_exception(self._broken)

    def _write(self, lines: bytes) -> None:
        assert self._file is not None
        with explained(self.path):
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
                os.fsync(self._file)
            except OSError:
                # What is not known to be durable must not be read as recorded later.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._durable)
                raise
        self._durable += len(lines)

    def _locked(self) -> int:
        path = self.path.with_suffix(".lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
        except BlockingIOError as error:
            holder = os.pread(lock, 20, 0).decode(errors="replace") or "unknown"
            os.close(lock)
            raise StageFailed(
                f"{self.path}: another process (pid {holder}) is generating for this dataset and "
                "writes this journal; wait until it is done, or stop it, and run again"
            ) from error
        except OSError:
            os.close(lock)
            raise
        return lock

    def _release(self) -> None:
        for handle in (self._file, self._lock):
            if handle is not None:
                os.close(handle)
        self._file = self._lock = None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
