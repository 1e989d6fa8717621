"""Erasing requests from a journal: their texts go, and that they were made, and what they took, stays.

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
from careful_assets.llm.journal_lock import locked, sync_folder
from careful_assets.llm.journal_state import JournalState, read_state, whole_lines, whole_lines_end
from careful_assets.llm.spending import most_tokens, tokens_taken
from careful_assets.warehouse.home import explained


def erase_requests(path: Path, request_ids: Collection[str]) -> int:
    """Take the texts of these requests out of the journal at `path`; how many requests were reduced to what stays.

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
        reduced = {key: _reduced(key, state) for key in request_ids if key in state.requests}
        if reduced or whole_lines_end(real) < real.stat().st_size:
            _write(beside, _lines(real, reduced))
            beside.replace(real)
            sync_folder(real.parent)
        return len(reduced)


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


def _lines(path: Path, reduced: Mapping[str, ErasedRequest]) -> Iterator[bytes]:
    """The journal's lines, with one for all those of each reduced request."""
    waiting = dict(reduced)
    for _, line in whole_lines(path):
        request_id = _request_of(json.loads(line))
        if request_id not in reduced:
            yield line
        elif (record := waiting.pop(request_id, None)) is not None:
            event = {"event": "erased", "at": datetime.now(UTC).isoformat(), **record.as_json()}
            yield json.dumps(event, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


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
