"""Anchors from a JSONL file: one JSON object a line, every one with the columns that the card names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.lines import decoded_lines
from careful_assets.anchors.sources.reading import BATCH_BYTES, BATCH_ROWS, need_columns, roles_of
from careful_assets.anchors.sources.values import TypedColumns
from careful_assets.anchors.sources.whole_files import DeclaredFile, FileReading
from careful_assets.card.anchors import FileSource

_LINES_FOR_COLUMNS = 1000


class JsonlReading(FileReading):
    """A JSONL file; every row's place is its line. Blank lines are no rows."""

    def __init__(self, source: FileSource, folder: Path) -> None:
        faults = FaultList(source.path)
        file = DeclaredFile(source, folder, faults)
        # These lines' faults are noted when they are read as rows.
        lines = islice(decoded_lines(file.path, "\n", FaultList(source.path)), _LINES_FOR_COLUMNS)
        rows = [row for line in lines if isinstance(row := _parsed(line), dict)]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        if rows:
            need_columns(columns, source.columns, faults)
        super().__init__(file, columns, source.columns, faults)

    def batches(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows, in the file's order; a column's type is that of its values in the batch."""
        needed = dict.fromkeys(name for _, name in roles_of(self.mapping))
        typed = TypedColumns(wanted, self.mapping, self.faults)
        places: list[int] = []
        rows: list[list[Any]] = []
        size = 0
        for place, line in enumerate(decoded_lines(self.file.path, "\n", self.faults), start=1):
            row = _parsed(line)
            if row is None:
                continue
            if not isinstance(row, dict):
                self.faults.add(place, "", row, "json")
                continue
            if not needed.keys() <= row.keys():
                self.faults.add(place, "", f"lacks {', '.join(needed.keys() - row.keys())}", "lacks")
                continue
            places.append(place)
            rows.append([row.get(name) for name in wanted])
            size += len(line)
            if len(rows) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield typed.frame(places, rows)
                places, rows, size = [], [], 0
        if rows:
            yield typed.frame(places, rows)
        self.file.still_stands(self.faults)


def _parsed(line: str) -> dict[str, Any] | str | None:
    """The line's object, what is wrong with the line, or None if it is blank."""
    if not line.strip():
        return None
    try:
        # JSON has no NaN and no infinities: those stand for values that are missing.
        row = _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {error.msg if isinstance(error, json.JSONDecodeError) else error}"
    return row if isinstance(row, dict) else f"is a JSON {type(row).__name__}, not an object"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object repeats a key")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=lambda _: None)
