"""The journal: the live, append-only record of what was asked of generators and what they answered.

One NDJSON line, durable before a request is sent, and one after its answer. Belongs here: the lines and the repair of
a torn one. Does not belong here: the lock (`journal_lock`), making lines durable (`durable`), what they add up to
(`journal_state`) and taking texts out of them (`journal_erasing`).
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from careful_assets.llm.durable import DurableLines
from careful_assets.llm.journal_lock import take_lock
from careful_assets.llm.journal_state import JournalState, read_state, whole_lines_end
from careful_assets.llm.requests import Answer, Failure, Request
from careful_assets.warehouse.home import explained, sync

# One spelling is enough for lines that nobody hashes: keys stay in the order in which a person reads them.
_ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Journal:
    """A dataset's journal.

    `read` needs no lock; appending happens inside `async with journal`, one writer a file. An append gives a future
    that is done once its line is durable. Lines are written in the order of the appends: one that is durable says the
    same of all before it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at_opening = JournalState()
        """What stood in the journal when it was locked."""
        self._asked: set[str] = set()
        self._lines: DurableLines | None = None
        self._lock: int | None = None

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
            self._lock = take_lock(self.path)
        try:
            self.at_opening = self.read()
            self._asked = set(self.at_opening.requests)
            with explained(self.path):
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
                sync(self.path.parent)
                self._lines = DurableLines(self.path, whole_lines_end(self.path))
        except BaseException:
            self._unlock()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what still waits, then close and unlock."""
        assert self._lines is not None
        try:
            await self._lines.close()
        finally:
            self._lines = None
            self._unlock()

    def asked(self, request: Request, repair: str | None = None) -> asyncio.Future[None]:
        """Record that `request` is about to be sent: whole the first time, by its id after that.

        `repair`: the prompt that is sent in place of its own, to have a malformed answer mended.

        Raises:
            ValueError: it was erased, and must not be sent again.
        """
        if request.request_id in self.at_opening.erased:
            raise ValueError(f"request {request.request_id} was erased and is never asked again")
        known = request.request_id in self._asked
        self._asked.add(request.request_id)
        content: dict[str, Any] = {"request_id": request.request_id} if known else {"request": request.as_json()}
        if repair is not None:
            content["repair"] = repair
        return self._append("asked", content)

    def answered(self, answer: Answer) -> asyncio.Future[None]:
        """Record an answer; it counts as recorded once the future is done."""
        choices = [vars(choice) for choice in answer.choices]
        return self._append("answered", {**vars(answer), "choices": choices})

    def failed(self, failure: Failure) -> asyncio.Future[None]:
        """Record that a call failed."""
        return self._append("failed", vars(failure))

    def _append(self, event: str, content: dict[str, Any]) -> asyncio.Future[None]:
        """A future that is done once the line is durable; see `DurableLines.append`."""
        if self._lines is None:
            raise RuntimeError("the journal is closed: append inside `async with journal`")
        line = _ENCODE({"event": event, "at": datetime.now(UTC).isoformat(), **content})
        return self._lines.append(line.encode("ascii") + b"\n")

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None
