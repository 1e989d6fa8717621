"""The child process of a gate that the platform did not write: `python -I child.py`, parts in on stdin, parts out.

Belongs here: the frame of the conversation, on both sides of it. What is done in the child is in `sql_child` and
`entry_point_child`. Run as a script: until the parent's import path is known, only the standard library is there.

The first part in is JSON with the keys `kind` and `path` (the parent's `sys.path`) and what the kind needs.
"""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any

SQL, ENTRY_POINT = "sql", "entry_point"
_GRACE_S = 5


def pack(*parts: bytes) -> bytes:
    """Parts as one message: their number, their sizes, the parts."""
    return struct.pack(f"<I{len(parts)}Q", len(parts), *map(len, parts)) + b"".join(parts)


def unpack(message: bytes) -> list[bytes]:
    """The parts of a message.

    Raises:
        ValueError: it is torn, or no message.
    """
    try:
        (number,) = struct.unpack_from("<I", message)
        sizes = struct.unpack_from(f"<{number}Q", message, 4)
    except struct.error as error:
        raise ValueError("no message") from error
    at = 4 + 8 * number
    if at + sum(sizes) != len(message):
        raise ValueError("torn message")
    parts = []
    for size in sizes:
        parts.append(message[at : at + size])
        at += size
    return parts


def command() -> list[str]:
    """What starts the child."""
    return [sys.executable, "-I", str(Path(__file__).resolve())]


def asked(kind: str, **more: object) -> bytes:
    """The first part of a message to the child."""
    path = [str(Path(entry).resolve()) for entry in sys.path]
    return json.dumps({"kind": kind, "path": path, **more}).encode()


def main() -> None:
    """Answer the one message on standard input; what the gate itself prints goes nowhere."""
    head, *frames = unpack(sys.stdin.buffer.read())
    wanted = json.loads(head)
    sys.path[:] = wanted["path"]
    if wanted["kind"] == ENTRY_POINT:
        # Should the parent be gone by then, nobody else ends it.
        signal.alarm(math.ceil(wanted["timeout_s"]) + _GRACE_S)
    answer = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    with os.fdopen(answer, "wb") as stream:
        stream.write(answered(wanted, frames))
    # A thread that a gate left behind must not keep the process: everything is said.
    os._exit(0)


def answered(wanted: dict[str, Any], frames: list[bytes]) -> bytes:
    """The message that answers the one of which these are the first part, read, and the others."""
    from careful_assets.filtering.own import entry_point_child, sql_child

    if wanted["kind"] == SQL:
        candidates, anchors = frames
        return pack(*sql_child.answer_of(wanted, candidates, anchors))
    return pack(*entry_point_child.answer_of(wanted, *frames))


if __name__ == "__main__":
    main()
