"""Columns made of Python values, for sources without types of their own: JSON lines, SQLite, drivers of servers.

A column that the card names holds values of one kind: where 5 and "5" meet, nobody knows whether they are one key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.reading import PLACE, roles_of
from careful_assets.card.anchors import Columns

_SURROGATE = re.compile("[\ud800-\udfff]")
_KINDS: dict[type, str] = {
    str: "text", int: "whole number", float: "number", bool: "true or false", date: "date",
    list: "list", tuple: "list", dict: "dict", bytes: "binary value", memoryview: "binary value",
}  # fmt: skip
_NO_TEXT = frozenset({"list", "dict", "binary value"})
_TYPES: dict[str, Any] = {
    "text": pl.String, "whole number": pl.Int64, "number": pl.Float64, "true or false": pl.Boolean, "date": pl.Date,
}  # fmt: skip


class TypedColumns:
    """Makes batches of lists of values; keeps in mind which kind of value each column has held so far."""

    def __init__(self, wanted: Sequence[str], mapping: Columns, faults: FaultList) -> None:
        self._roles: dict[str, str] = {}
        for role, name in roles_of(mapping):
            self._roles.setdefault(name, role)
        self._wanted = wanted
        self._faults = faults
        self._kinds: dict[str, tuple[str, int]] = {}

    def frame(self, places: list[int], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
        """`place` and the wanted columns; without the rows in which a column of the card's holds what is no value.

        Args:
            places: every row's line or number.
            rows: every row's values, in the order of the wanted columns.
        """
        dropped: set[int] = set()
        series = [pl.Series(PLACE, places, pl.Int64)]
        for at, name in enumerate(self._wanted):
            values = [row[at] for row in rows]
            series.append(self._series(name, values, places, dropped))
        frame = pl.DataFrame(series)
        if dropped:
            frame = frame.filter(~pl.Series([at in dropped for at in range(len(places))]))
        return frame

    def _series(self, name: str, values: list[Any], places: list[int], dropped: set[int]) -> pl.Series:
        kinds = {_kind(found) for found in set(map(type, values)) if found is not type(None)}
        role = self._roles.get(name)
        if role is not None and kinds and not self._as_before(name, role, kinds, values, places):
            values = self._of_one_kind(name, role, values, places, dropped)
            kinds = {_kind(type(value)) for value in values if value is not None}
        if kinds == {"whole number", "number"}:
            kinds = {"number"}
        if not kinds:
            return pl.Series(name, [None] * len(values), pl.Null)
        kind = kinds.pop() if len(kinds) == 1 else "text"
        try:
            if kind in _TYPES and kind != "text":
                return pl.Series(name, values, _TYPES[kind], strict=kind != "number")
            return pl.Series(name, _texts(values), pl.String)
        except (OverflowError, TypeError):  # beyond 64 bits
            return pl.Series(name, _texts(values), pl.String)
        except UnicodeEncodeError:
            return pl.Series(name, self._without_surrogates(name, _texts(values), places), pl.String)

    def _as_before(self, name: str, role: str, kinds: set[str], values: list[Any], places: list[int]) -> bool:
        """Whether all values are of the one kind that the column may have; remembers a column's first kind."""
        if len(kinds) > 1 or kinds & _NO_TEXT or (role == "text" and kinds != {"text"}):
            return False
        if name not in self._kinds:
            first = next(place for value, place in zip(values, places, strict=True) if value is not None)
            self._kinds[name] = (next(iter(kinds)), first)
        return self._kinds[name][0] in kinds

    def _of_one_kind(self, name: str, role: str, values: list[Any], places: list[int], dropped: set[int]) -> list[Any]:
        """The values without those that are no text or number; notes those, and where another kind begins."""
        key = role.partition(":")[0]
        kept: list[Any] = []
        for at, (value, place) in enumerate(zip(values, places, strict=True)):
            kind = _kind(type(value))
            kept.append(None)
            if value is None:
                continue
            if kind in _NO_TEXT or (role == "text" and kind != "text"):
                self._faults.add(place, key, f"is a {kind}, not a text; mend the source", "kind")
                dropped.add(at)
                continue
            first, since = self._kinds.setdefault(name, (kind, place))
            if kind == first:
                kept[at] = value
                continue
            message = f"{name!r} holds a {kind} here, but a {first} in row {since}; write all of the column in one kind"
            if not self._faults.count(key, f"mixed {name}"):
                self._faults.add(place, key, message, f"mixed {name}")
            dropped.add(at)
        return kept

    def _without_surrogates(self, name: str, values: list[str | None], places: list[int]) -> list[str | None]:
        key = self._roles.get(name, name).partition(":")[0]
        clean = []
        for value, place in zip(values, places, strict=True):
            if value is not None and _SURROGATE.search(value):
                message = "holds half of a surrogate pair, or bytes that are not UTF-8; clean the source"
                self._faults.add(place, key, message, "surrogate")
            clean.append(None if value is None else _SURROGATE.sub("\ufffd", value))
        return clean


def _kind(found: type) -> str:
    return _KINDS.get(found, found.__name__)


def _texts(values: list[Any]) -> list[str | None]:
    return [value if value is None or type(value) is str else _text(value) for value in values]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, sort_keys=True, default=str)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
