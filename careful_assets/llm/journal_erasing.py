"""Erasing requests, or some of their completions, from a journal: the texts go, what was made and what it took stays.

Belongs here: rewriting a file of the journal's form, which is otherwise only added to. Does not belong here: which
requests are to go (`operations.erase`) and the form of what stays (`erased`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from careful_assets.llm.erased import ErasedRequest
from careful_assets.llm.journal_lock import locked
from careful_assets.llm.journal_state import JournalState, read_state, whole_lines, whole_lines_end
from careful_assets.llm.requests import Answer, Choice
from careful_assets.llm.spending import most_tokens, tokens_in, tokens_taken
from careful_assets.warehouse.home import explained, sync


def erase_requests(path: Path, request_ids: Collection[str], choices: Collection[tuple[str, int]] = ()) -> int:
    """Take the texts of these requests out of the journal at `path`; how many requests were reduced to what stays.

    `choices`, by request id and index, go alone: the line of the answer is written without them, the others keep their
    index, and what the answer took stays in its `tokens`. An answer that loses all of them loses its request, too.

    All lines of a request become one, of the event `erased`, in the place of the first: all of the request but prompt
    and schema, what it took, how often and when it was asked. Other lines stay as they were, byte for byte. A torn last
    line goes: it counts for nothing, and may hold text. The file is written anew beside the old one and renamed, so
    that a kill leaves either; what one left beside it goes with the next call. Requests that are not on record, or were
    erased before, are passed over; without a file there is nothing to do.

    Raises:
        StageFailed: another process writes this journal; the message names its pid.
        HomeUnusable: the new file cannot be written; the old one is as it was.
        MalformedInput: a line is corrupt.
    """
    if not path.parent.is_dir():
        return 0
    with explained(path), locked(path):
        real = path.resolve()  # else a link would be replaced, and what it points to would stay
        beside = real.with_name(f".{real.name}.erasing")
        beside.unlink(missing_ok=True)
        if not real.exists():
            return 0
        state = read_state(real)
        dropped = _dropped(state, choices)
        whole = {*request_ids, *(key for key, gone in dropped.items() if not _left(state.answers[key], gone))}
        reduced = {key: _reduced(key, state) for key in whole if key in state.requests}
        shorter = {key: _Shorter(state, key, gone) for key, gone in dropped.items() if key not in reduced}
        if reduced or shorter or whole_lines_end(real) < real.stat().st_size:
            _write(beside, _lines(real, reduced, shorter))
            beside.replace(real)
            sync(real.parent)
        return len(reduced)


def _dropped(state: JournalState, choices: Collection[tuple[str, int]]) -> dict[str, set[int]]:
    """The choices that are on record, by request."""
    found: dict[str, set[int]] = {}
    for key, index in choices:
        if key in state.answers and any(choice.index == index for choice in state.answers[key].choices):
            found.setdefault(key, set()).add(index)
    return found


def _left(answer: Answer, gone: Collection[int]) -> list[Choice]:
    return [choice for choice in answer.choices if choice.index not in gone]


class _Shorter:
    """The answer of one request without some of its choices."""

    def __init__(self, state: JournalState, request_id: str, gone: Collection[int]) -> None:
        request, answer = state.requests[request_id], state.answers[request_id]
        sent = replace(request, rendered_prompt=state.repairs.get(request_id, request.rendered_prompt))
        # Counting the choices that are left would come to less than was spent.
        took = tokens_in(sent.rendered_prompt) + tokens_taken(sent, answer).completion
        self._answer = {
            **vars(answer), "tokens": max(took, answer.tokens or 0),
            "choices": [vars(choice) for choice in _left(answer, gone)],
        }  # fmt: skip
        self._written = False

    def line(self, event: Mapping[str, Any]) -> bytes:
        """The first answer without those choices; later ones count for nothing, and go."""
        if self._written:
            return b""
        self._written = True
        return _encoded({"event": "answered", "at": event["at"], **self._answer})


def _reduced(request_id: str, state: JournalState) -> ErasedRequest:
    request, answer = state.requests[request_id], state.answers.get(request_id)
    repair = state.repairs.get(request_id)
    return ErasedRequest(
        request=replace(request, rendered_prompt="", answer_schema=None),
        attempts=state.attempts[request_id],
        resent=request_id in state.resent,
        repaired=repair is not None,
        billed=state.billed[request_id],
        most=most_tokens(request),
        taken=None if answer is None else tokens_taken(request, answer, repair),
        tokens=None if answer is None else answer.tokens,
        latency_s=None if answer is None else answer.latency_s,
        asked_at=state.asked_at[request_id],
        answered_at=state.answered_at.get(request_id),
    )


def _lines(path: Path, reduced: Mapping[str, ErasedRequest], shorter: Mapping[str, _Shorter]) -> Iterator[bytes]:
    """The journal's lines, with one for all those of each reduced request, and with the shorter answers."""
    waiting = dict(reduced)
    for _, line in whole_lines(path):
        event = json.loads(line)
        request_id = _request_of(event)
        if request_id in shorter and event["event"] == "answered":
            yield shorter[request_id].line(event)
        elif request_id not in reduced:
            yield line
        elif (record := waiting.pop(request_id, None)) is not None:
            yield _encoded({"event": "erased", "at": datetime.now(UTC).isoformat(), **record.as_json()})


def _encoded(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _request_of(event: Mapping[str, Any]) -> str:
    return str(event["request"]["request_id"] if "request" in event else event["request_id"])


def _write(path: Path, lines: Iterator[bytes]) -> None:
    """Write a private file and make it durable; nothing of it stays if that fails."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
