"""What a journal's lines add up to: answers, attempts, failures and times by request.

Belongs here: reading the file and folding its events. Does not belong here: writing it (`journal`).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from careful_assets.card.recorded import check_answer
from careful_assets.errors import Fault, HomeUnusable, MalformedInput
from careful_assets.llm.erased import ErasedRequest
from careful_assets.llm.requests import Answer, Choice, Failure, Request

_TAIL = 65536


@dataclass
class JournalState:
    """Everything recorded, by request id.

    `failures` holds the last one of each request; `resent` names those that were asked again with no outcome
    of the earlier asking on record: they were in flight when a process died. `repairs` holds the prompt last sent for
    a request in place of its own, to have a malformed answer mended. `billed` counts the answers that could not be
    used. `erased` holds the requests whose texts are gone; nothing else here knows them, and none is sent again.
    """

    requests: dict[str, Request] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    asked_at: dict[str, datetime] = field(default_factory=dict)
    answered_at: dict[str, datetime] = field(default_factory=dict)
    resent: set[str] = field(default_factory=set)
    repairs: dict[str, str] = field(default_factory=dict)
    billed: Counter[str] = field(default_factory=Counter)
    erased: dict[str, ErasedRequest] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)

    def on_record(self) -> list[Request]:
        """Every request that was ever asked; those that were erased come last, without their texts."""
        return [*self.requests.values(), *(record.request for record in self.erased.values())]

    def settled(self, request: Request) -> bool:
        """Whether the request is not to be sent: it has an answer, or was erased."""
        return request.request_id in self.answers or request.request_id in self.erased

    def fold(self, event: dict[str, Any]) -> None:
        """Take in one event.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is not an event of a journal.
        """
        kind, at = event.pop("event"), datetime.fromisoformat(event.pop("at"))
        if kind == "asked":
            self._fold_asked(event, at)
            return
        if kind == "erased":
            self._fold_erased(ErasedRequest.from_json(event))
            return
        if event["request_id"] not in self.requests:
            raise ValueError(f"{kind} without a request that was asked before")
        if kind == "answered":
            check_answer(event)
            event["choices"] = tuple(Choice(**choice) for choice in event["choices"])
            answer = Answer(**event)
            if max(choice.index for choice in answer.choices) >= self.requests[answer.request_id].completions:
                raise ValueError("a choice in a place that was not asked for")
            # The first answer stands: rows made from it may already be in use.
            if answer.request_id not in self.answers:
                self.answers[answer.request_id] = answer
                self.answered_at[answer.request_id] = at
        elif kind == "failed":
            failure = Failure(**event)
            if not isinstance(failure.cause, str) or type(failure.retryable) is not bool:
                raise TypeError("a failure is a cause and whether it may be sent again")
            self.failures[failure.request_id] = failure
            self.billed[failure.request_id] += failure.billed
        else:
            raise ValueError(f"unknown event {kind!r}")
        self._open.discard(event["request_id"])

    def _fold_asked(self, event: dict[str, Any], at: datetime) -> None:
        if "request" in event:
            request = Request.from_json(event["request"])
            request_id = request.request_id
            if request_id in self.erased:
                raise ValueError("asked again after it was erased")
            self.requests.setdefault(request_id, request)
        else:
            request_id = event["request_id"]
            if request_id not in self.requests:
                raise ValueError("asked again, but never asked whole")
        if "repair" in event:
            self.repairs[request_id] = event["repair"]
        if request_id in self._open:
            self.resent.add(request_id)
        self._open.add(request_id)
        self.attempts[request_id] += 1
        self.asked_at.setdefault(request_id, at)

    def _fold_erased(self, record: ErasedRequest) -> None:
        request_id = record.request.request_id
        if request_id in self.erased or request_id in self.requests:
            raise ValueError("erased twice, or with its lines still there")
        self.erased[request_id] = record


def read_state(path: Path) -> JournalState:
    """Fold the journal at `path`; an empty state if there is no such file.

    Raises:
        MalformedInput: a line before the last is corrupt.
        HomeUnusable: the file cannot be read; a folder stands in its place, say.
    """
    state = JournalState()
    for number, line in whole_lines(path):
        try:
            event = json.loads(line)
            if not isinstance(event, dict):
                raise TypeError("not a JSON object")
            state.fold(event)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            fault = Fault(
                str(path), number, "",
                f"corrupt record ({error!r:.120}). Restore the file from a backup or, without one, delete "
                "the lines of this record's request: it is then sent again",
            )  # fmt: skip
            raise MalformedInput("journal of requests", [fault]) from error
    return state


def whole_lines_end(path: Path) -> int:
    """The offset in bytes at which the last whole line ends; what stands behind it was torn by a crash."""
    with path.open("rb") as file:
        position = os.fstat(file.fileno()).st_size
        while position > 0:
            start = max(0, position - _TAIL)
            file.seek(start)
            found = file.read(position - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            position = start
    return 0


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines up to the size at opening: another process may be appending.

    Raises:
        HomeUnusable: the file cannot be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise HomeUnusable(
            f"{path}: the journal cannot be read ({error.strerror}); move away what stands there, or make it "
            "readable, and run again"
        ) from error
    with file:
        size, number = os.fstat(file.fileno()).st_size, 0
        while file.tell() < size:
            line = file.readline()
            number += 1
            if line.endswith(b"\n"):
                yield number, line
