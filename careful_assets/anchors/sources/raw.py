"""What every source reader returns, and how it reports a file's faults: all at once, with their lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from careful_assets.errors import Fault, MalformedInput

MAX_TEXT_CHARACTERS = 100_000
MAX_REPORTED = 50
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class RawAnchor:
    """One real row as the source gives it. `place`: its line or row number, from 1; `key` and `group` may be absent."""

    place: int
    text: str
    label: str
    key: str | None = None
    group: str | None = None
    votes: tuple[int, ...] | None = None


@dataclass
class FaultList:
    """Collects a source's faults; `stop` raises them together."""

    source: str
    faults: list[Fault] = field(default_factory=list)

    def add(self, place: int | None, key: str, message: str) -> None:
        """Note one fault."""
        self.faults.append(Fault(self.source, place, key, message))

    def stop(self) -> None:
        """End the reading if anything was wrong.

        Raises:
            MalformedInput: with the first fifty faults and the count of the rest.
        """
        if not self.faults:
            return
        shown = self.faults[:MAX_REPORTED]
        if len(self.faults) > MAX_REPORTED:
            shown.append(Fault(self.source, None, "", f"and {len(self.faults) - MAX_REPORTED} more"))
        raise MalformedInput(f"anchor source {self.source}", shown)


def checked(rows: Iterable[RawAnchor], labels: list[str], faults: FaultList) -> list[RawAnchor]:
    """The rows, if all of them can be anchors.

    Raises:
        MalformedInput: texts that are empty, too long or hold NULs; labels the card does not name; keys that repeat;
            a label without a row; no row at all.
    """
    kept: list[RawAnchor] = []
    first_place: dict[str, int] = {}
    for row in rows:
        _check_row(row, labels, first_place, faults)
        kept.append(row)
    if not kept and not faults.faults:
        faults.add(None, "", "holds no rows")
    elif not faults.faults:
        present = {row.label for row in kept}
        for label in labels:
            if label not in present:
                faults.add(
                    None, "anchors.labels", f"no row has the label {label!r}; remove it from the card or add rows"
                )
    faults.stop()
    return kept


def _check_row(row: RawAnchor, labels: list[str], first_place: dict[str, int], faults: FaultList) -> None:
    if not row.text.strip():
        faults.add(row.place, "text", "is empty; remove the row")
    for name, value in (("text", row.text), ("key", row.key or ""), ("group", row.group or "")):
        if "\0" in value:
            faults.add(row.place, name, "holds a NUL character; clean the source")
        if len(value) > MAX_TEXT_CHARACTERS:
            size = f"has {len(value):,} characters, the limit is {MAX_TEXT_CHARACTERS:,}"
            faults.add(row.place, name, f"{size}; split or remove it")
        if _SURROGATE.search(value):
            faults.add(row.place, name, "holds half of a surrogate pair, which is no character; clean the source")
    if row.label not in labels:
        shown = repr(row.label[:60]) if row.label else "missing"
        faults.add(row.place, "label", f"is {shown}; the card names {', '.join(labels)}")
    if row.key is not None:
        if not row.key:
            faults.add(row.place, "key", "is empty; every row needs its own key, or name no key column in the card")
        elif row.key in first_place:
            faults.add(
                row.place, "key", f"{row.key[:60]!r} stands already in row {first_place[row.key]}; keys must be unique"
            )
        first_place.setdefault(row.key, row.place)
