"""Recorded answers beside a card, for `generator: {kind: replay}`: who gave them, told when the card is read.

The file is a journal: what `journal/<dataset>.ndjson` became where the dataset was first generated. Belongs here: the
form of its lines, as far as the card hangs on it, and of any journal's answers. Does not belong here: what they add up
to, and whether each request's id is the digest of its content (`llm.journal_state`, when generation opens the file).
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from careful_assets.errors import Fault, MalformedInput

Mode = Literal["completion", "chat"]
Who = tuple[str, str, str, Mode]
"""A generator's id, family and digest, and how it was asked."""

_MOST_FAULTS = 20
_COPY = "copy the journal anew from the home in which the answers were recorded"


@dataclass(frozen=True)
class Recorded:
    """A file of recorded answers and the one generator that gave them, as the file stood when the card was read."""

    path: Path
    sha256: str
    generator_id: str
    family: str
    digest: str
    mode: Mode


def read_recorded(path: Path) -> Recorded:
    """Who answered in the journal at `path`. A torn last line is no part of it, as in any journal.

    Raises:
        MalformedInput: with its faults: no answers in it, lines that are no records (the first 20), or more than one
            generator that was asked what is not erased.
        OSError: it cannot be read.
    """
    lines = _Lines(str(path))
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        for number, line in enumerate(stream, 1):
            if line.endswith(b"\n"):
                lines.take(number, line)
    if not lines.faults and not lines.answers and not lines.erased:
        held = f"no answer to its {len(lines.known)} requests" if lines.known else "no recorded requests"
        lines.blame(None, f"holds {held}; {_COPY}")
    if lines.faults:
        raise MalformedInput(f"{path.name} cannot be replayed", lines.faults)
    # Without one living line, the last to be asked among those that were erased.
    generator_id, family, weights, mode = next(iter(lines.generators), lines.last_erased)
    return Recorded(path, digest, generator_id, family, weights, mode)


def check_answer(event: dict[str, Any]) -> None:
    """See that the fields of an answer's line are of their types; the message names a field and never its text.

    Raises:
        TypeError, ValueError, KeyError, AttributeError: they are not.
    """
    if not isinstance(event["choices"], list) or not event["choices"]:
        raise TypeError("choices is no list, or an empty one")
    for choice in event["choices"]:
        _text(choice["text"])
        _text_or_none(choice["finish_reason"])
    places = [choice.get("index", place) for place, choice in enumerate(event["choices"])]
    if any(type(place) is not int or place < 0 for place in places) or len(set(places)) < len(places):
        raise ValueError("the choices' index is not a place of its own")
    tokens, latency = event["tokens"], event["latency_s"]
    if tokens is not None and not (type(tokens) is int and 0 <= tokens < 2**53):
        raise TypeError("tokens is no count")
    if type(latency) not in (int, float) or not (math.isfinite(latency) and latency >= 0):
        raise TypeError("latency_s is no number of seconds")
    for name in ("answered_by", "fingerprint"):
        _text_or_none(event.get(name))


class _Lines:
    """What the lines of a journal came to so far. `generators`: who was asked, by first appearance, but for requests
    that were erased: a model that was fitted anew without the erased row is another one.
    """

    def __init__(self, file: str) -> None:
        self.faults: list[Fault] = []
        self.known: set[str] = set()
        self.erased: set[str] = set()
        self.answers = 0
        self.generators: dict[Who, int] = {}
        self.last_erased: Who = ("", "", "", "completion")
        self._file = file

    def take(self, number: int, line: bytes) -> None:
        """Take in one line, or say what is wrong with it."""
        try:
            event = json.loads(line)
            self._fold(number, event)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self.blame(number, f"is no record of a journal ({type(error).__name__}: {error!s:.80}); {_COPY}")

    def blame(self, number: int | None, message: str) -> None:
        """Report a fault, as long as there are not too many to read."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(self._file, number, "", message))

    def _fold(self, number: int, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "asked" and "request" in event:
            self._fold_asked(number, event["request"])
            return
        if kind == "erased":
            self.last_erased = self._noted(event["request"])
            self.erased.add(event["request"]["request_id"])
            return
        if kind not in ("asked", "answered", "failed"):
            raise ValueError(f"unknown event {kind!r:.40}")
        if event["request_id"] not in self.known or event["request_id"] in self.erased:
            raise ValueError(f"{kind} without a request that was asked before")
        if kind == "answered":
            check_answer(event)
            self.answers += 1

    def _noted(self, request: dict[str, Any]) -> Who:
        """Note that the request is known; who was asked."""
        generator_id, family, digest = (_text(request[f"generator_{part}"]) for part in ("id", "family", "digest"))
        mode = request["mode"]
        if mode not in get_args(Mode):
            raise ValueError(f"unknown mode {mode!r:.40}")
        self.known.add(_text(request["request_id"]))
        return generator_id, family, digest, mode

    def _fold_asked(self, number: int, request: dict[str, Any]) -> None:
        who = self._noted(request)
        if self.generators and who not in self.generators:
            first, line = next(iter(self.generators.items()))
            self.blame(
                number,
                f"asks another generator, {_shown(who)}, than line {line}, {_shown(first)}; a replay has one: keep "
                "the lines of the requests to one of them",
            )
        self.generators.setdefault(who, number)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a text must stand")
    return value


def _text_or_none(value: object) -> None:
    if value is not None:
        _text(value)


def _shown(who: Who) -> str:
    generator_id, family, digest, mode = who
    return f"{generator_id:.60} ({family:.60}, digest {digest[:12]}, {mode} mode)"
