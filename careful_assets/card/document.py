"""YAML text turned into plain values, with the line of every key and the faults of the writing itself.

Belongs here: what is wrong with a file as YAML, whatever it is about. Does not belong here: what a card may
say (`models`, `rules`).

Read event by event rather than through a loader, so that one pass finds every duplicate key, tag and alias,
and so that nothing in a file can expand: aliases are refused and depth is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

from careful_assets.errors import Fault, MalformedInput

# The place of a value: keys of mappings and indexes of lists, from the outside in.
Path = tuple[str | int, ...]

# Stands where a value could not be read. That is reported; nothing else is said about it.
UNREADABLE = object()

MAX_BYTES = 1_000_000
_MAX_DEPTH = 20  # a card needs 6


@dataclass
class Document:
    """A file's values; `unreadable` holds the places where `UNREADABLE` stands."""

    file: str
    values: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unreadable: set[Path] = field(default_factory=set)

    def line(self, path: Path) -> int:
        """The line of the key or entry at `path` or, where that is missing, of the nearest part around it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def blame(self, path: Path, message: str) -> None:
        """Report a fault at a place."""
        self.faults.append(Fault(self.file, self.line(path), dotted(path), message))

    def at(self, path: Path) -> Any:
        """The value at `path`; None where there is none."""
        value = self.values
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value


def dotted(path: Path) -> str:
    """A path as a person writes it, e.g. `purpose.gap[0].target_count`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


def read_text(path: FilePath) -> str:
    """The UTF-8 text of a file of at most `MAX_BYTES`, without a byte-order mark.

    Raises:
        MalformedInput: one fault: missing, a folder, too large, empty, not UTF-8, or with NUL characters.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unusable(path, None, f"cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise _unusable(path, None, f"is larger than {MAX_BYTES:,} bytes; long material belongs into files of its own")
    if b"\0" in raw:
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise _unusable(path, line, "holds a NUL character: not a text file, or saved as UTF-16; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unusable(path, line, f"is not UTF-8 (byte 0x{raw[error.start]:02x}); save it as UTF-8") from error
    if not text.strip():
        raise _unusable(path, None, "is empty")
    return text


def read_document(path: FilePath) -> Document:
    """The file's values, which are a mapping, with lines and the faults found on the way.

    Raises:
        MalformedInput: the file is no text, no YAML, or not a mapping: nothing more can be said about it.
    """
    text = read_text(path)
    document = Document(str(path))
    try:
        _Builder(document).build(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.faults.append(
            Fault(document.file, line, "", f"holds the control character {error.character!r}; remove it")
        )
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        document.faults.append(
            Fault(document.file, mark.line + 1 if mark else None, "", f"is not valid YAML here: {reason}")
        )
    except YAMLError as error:
        document.faults.append(Fault(document.file, None, "", f"is not valid YAML: {error}"))
    else:
        if isinstance(document.values, dict):
            return document
        # Of a file that is something else altogether, this one fault says all.
        found = "a list" if isinstance(document.values, list) else "a single value"
        document.faults = [_not_a_mapping(document, found)]
    raise MalformedInput(f"{path.name} cannot be read", document.faults)


def _not_a_mapping(document: Document, found: str) -> Fault:
    if not document.lines:
        return Fault(document.file, None, "", "holds nothing but comments")
    return Fault(document.file, document.lines[()], "", f"must be keys with values (`name: ...`), is {found}")


def _unusable(path: FilePath, line: int | None, message: str) -> MalformedInput:
    return MalformedInput(f"{path.name} cannot be read", [Fault(str(path), line, "", message)])


class _Builder:
    """Builds a document's values from parser events."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.yaml = YAML(typ="safe", pure=True)

    def build(self, text: str) -> None:
        self.events: Iterator[Any] = self.yaml.parse(text)
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if self.document.lines:
                    raise _misplaced("a second document starts; a file holds one", event)
                first = next(self.events)
                self.document.lines[()] = first.start_mark.line + 1
                self.document.values = self._value(first, ())

    def _value(self, event: Any, path: Path) -> Any:
        if len(path) > _MAX_DEPTH:
            raise _misplaced(f"nested more than {_MAX_DEPTH} levels deep", event)
        if isinstance(event, AliasEvent):
            return self._refuse(path, f"the alias *{event.anchor} is refused: write the value out")
        if isinstance(event, MappingStartEvent):
            value: Any = self._mapping(path)
        elif isinstance(event, SequenceStartEvent):
            value = self._list(path)
        else:
            value = self._scalar(event, path) if event.ctag is None else None
        if event.ctag is not None:
            return self._refuse(path, f"the tag {event.ctag} is refused: write a plain value")
        return value

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := next(self.events), CollectionEndEvent):
            if not isinstance(key, ScalarEvent):
                raise _misplaced("a key must be plain text", key)
            place = (*path, key.value)
            line = key.start_mark.line + 1
            if key.value in found:
                message = f"stands here a second time (first on line {self.document.lines[place]}); keep one"
                self.document.faults.append(Fault(self.document.file, line, dotted(place), message))
                self._skip_value()
            else:
                self.document.lines[place] = line
                found[key.value] = self._value(next(self.events), place)
        return found

    def _list(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(entry := next(self.events), CollectionEndEvent):
            place = (*path, len(found))
            self.document.lines[place] = entry.start_mark.line + 1
            found.append(self._value(entry, place))
        return found

    def _skip_value(self) -> None:
        depth = 0
        while True:
            event = next(self.events)
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
            if depth == 0:
                return

    def _scalar(self, event: ScalarEvent, path: Path) -> Any:
        tag = self.yaml.resolver.resolve(ScalarNode, event.value, event.implicit)
        node = ScalarNode(tag, event.value, event.start_mark, event.end_mark)
        try:
            return self.yaml.constructor.construct_object(node)
        except (ValueError, OverflowError, YAMLError):
            kind = str(tag).rsplit(":", 1)[-1]
            return self._refuse(path, f"cannot be read as a {kind}; if it is meant as text, put it in quotes")

    def _refuse(self, path: Path, message: str) -> object:
        self.document.blame(path, message)
        self.document.unreadable.add(path)
        return UNREADABLE


def _misplaced(problem: str, event: Any) -> MarkedYAMLError:
    return MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
