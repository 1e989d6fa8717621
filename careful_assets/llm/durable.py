"""Appending lines to a file so that each is known to be durable; those made during a write share the next one.

Belongs here: the file descriptor, its thread and the fsync. Does not belong here: what the lines say (`journal`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from careful_assets.warehouse.home import explained

Waiting = tuple[bytes, asyncio.Future[None]]

# A line waits until its thread gets the interpreter, which a busy loop hands on after this many seconds only. Of
# Python's own 5 ms, up to three times a write, came most of what the journal cost at 64 requests in flight.
_SWITCH_S = 0.0005


class DurableLines:
    """An open file that one event loop appends to.

    `end`: the offset in bytes up to which the file is known to be whole; what stands behind it is cut off.
    """

    def __init__(self, path: Path, end: int) -> None:
        self._path = path
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._closing = False
        self._broken: BaseException | None = None
        self._written = asyncio.Event()
        with explained(path):
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            if os.fstat(self._file).st_size > end:
                os.ftruncate(self._file, end)
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(min(self._switch_s, _SWITCH_S))
        # A thread of its own hears of a line at once. A task would wait for its turn behind every answer that has
        # arrived, which at 64 in flight was measured at a multiple of the write itself.
        self._thread = Thread(target=self._write_groups, name=f"journal {path.name}", daemon=True)
        self._thread.start()

    def append(self, line: bytes) -> asyncio.Future[None]:
        """A future that is done once the line is durable; lines are written in the order of the appends.

        Raises:
            HomeUnusable: a line before it, or (from the future) this one, could not be written; nothing may be
                concluded from it.
        """
        if self._broken is not None:
            raise self._broken
        if self._closing:
            raise RuntimeError("the file is closed")
        durable = self._loop.create_future()
        self._queue.put((line, durable))
        return durable

    async def close(self) -> None:
        """Write what still waits and close the file, also if cancelled meanwhile: what waits is already paid for."""
        self._closing = True
        self._queue.put(None)
        cancelled = False
        while not self._written.is_set():
            try:
                await self._written.wait()
            except asyncio.CancelledError:
                cancelled = True
        self._thread.join()
        sys.setswitchinterval(self._switch_s)
        os.close(self._file)
        if cancelled:
            raise asyncio.CancelledError

    def _write_groups(self) -> None:
        broken: BaseException | None = None
        last = False
        while not last:
            group, last = self._next_group()
            try:
                if broken is None:
                    self._write(b"".join(line for line, _ in group))
            except BaseException as error:  # noqa: BLE001 - whatever it is, every waiting caller must hear it
                broken = error
            self._loop.call_soon_threadsafe(self._tell, [durable for _, durable in group], broken, last)

    def _next_group(self) -> tuple[list[Waiting], bool]:
        """All that waits, at least one line; and whether it is the end."""
        group: list[Waiting] = []
        item = self._queue.get()
        with contextlib.suppress(Empty):
            while item is not None:
                group.append(item)
                item = self._queue.get_nowait()
            return group, True
        return group, False

    def _write(self, lines: bytes) -> None:
        if not lines:
            return
        with explained(self._path):
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
                os.fsync(self._file)
            except OSError:
                # What is not known to be durable must not be read as recorded later.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, self._end)
                raise
        self._end += len(lines)

    def _tell(self, group: Sequence[asyncio.Future[None]], broken: BaseException | None, last: bool) -> None:
        self._broken = broken
        for durable in group:
            if durable.done():  # its caller was cancelled; the line is written all the same
                continue
            if broken is None:
                durable.set_result(None)
            else:
                durable.set_exception(broken)
                durable.exception()  # who does not wait for it hears it from the next append
        if last:
            self._written.set()
