"""F: gates of a dataset's own, which come after those of the cell's profile: how a card names them, and their files.

Belongs here: one entry's keys, and the rules over them. Does not belong here: what the files beside the card must be
(`own_gate_files`), and running such a gate (the room of filtering).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from careful_assets.card.document import Document
from careful_assets.card.fields import Amount, EntryPoint, Name, RelativePath
from careful_assets.card.part import Part
from careful_assets.card.plain import Broken, Values, entries_at, value_at

KINDS = ("sql", "expectations", "python")
DEFAULT_TIMEOUT_S = 300.0
_PLACE = ("filtering", "own_gates")


class OwnGate(Part):
    """A gate: `sql` (a query), `expectations` (a Great Expectations suite) or `python` (`module:attribute`).

    `threshold`: in the unit of a Python gate that takes one. `timeout_s`: seconds after which a query or a Python gate
    is killed, 300 where nothing is said.
    """

    name: Name
    sql: RelativePath | None = None
    expectations: RelativePath | None = None
    python: EntryPoint | None = None
    threshold: Amount | None = None
    timeout_s: Annotated[float, Field(ge=1, le=3600)] | None = None

    @property
    def seconds(self) -> float:
        """The time-out that holds."""
        return DEFAULT_TIMEOUT_S if self.timeout_s is None else self.timeout_s


@dataclass(frozen=True)
class OwnGateFile:
    """A gate as the card names it and, but for a Python gate, its file's UTF-8 text as it was with the card."""

    declared: OwnGate
    path: Path | None = None
    content: bytes = b""

    @property
    def sha256(self) -> str | None:
        """Of the file's bytes."""
        return None if self.path is None else hashlib.sha256(self.content).hexdigest()


def own_gate_rules(card: Values) -> Iterator[Broken]:
    """An entry names one kind of gate, and only the keys that go with it."""
    for index, entry in entries_at(card, *_PLACE):
        named = [kind for kind in KINDS if entry.get(kind) is not None]
        place = (*_PLACE, index)
        if len(named) != 1:
            found = " and ".join(named) or "none of them"
            yield place, f"needs one of {', '.join(KINDS)} to say what the gate is, and has {found}; name one"
            continue
        if named != ["python"] and entry.get("threshold") is not None:
            yield (*place, "threshold"), "goes with `python` alone: other gates hold their bounds themselves; remove it"
        if named == ["expectations"] and entry.get("timeout_s") is not None:
            yield (*place, "timeout_s"), "goes with `sql` and `python`; remove it"


def blame_names(document: Document, known: Collection[str]) -> None:
    """Blame every gate of the dataset's own that bears the name of one of ours."""
    for index, entry in entries_at(document.values, *_PLACE):
        if (name := value_at(entry, "name")) in known:
            document.blame((*_PLACE, index, "name"), f"{name!r} is a gate of the platform; choose another name")
