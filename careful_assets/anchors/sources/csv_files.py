"""Anchors from a CSV file: comma-separated, quoted as in RFC 4180, with a header. All its columns are text."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.lines import decoded_lines
from careful_assets.anchors.sources.reading import BATCH_BYTES, BATCH_ROWS, PLACE, need_columns
from careful_assets.anchors.sources.whole_files import DeclaredFile, FileReading
from careful_assets.card.anchors import FileSource

# An unclosed quote would gather the rest of the file into one cell.
_MAX_CELL_CHARACTERS = 20_000_000


class CsvReading(FileReading):
    """A CSV file; every row's place is the line on which it starts."""

    def __init__(self, source: FileSource, folder: Path) -> None:
        faults = FaultList(source.path)
        file = DeclaredFile(source, folder, faults)
        lines = decoded_lines(file.path, "", FaultList(source.path))
        _, head = next(_rows(_Measured(lines), faults), (1, []))
        if len(head) == 1 and source.columns.text not in head:
            other = [mark for mark in ";\t|" if mark in head[0]]
            if other:
                faults.add(1, "", f"the header is separated by {other[0]!r}; save the file with commas")
        need_columns(head, source.columns, faults)
        super().__init__(file, head, source.columns, faults)

    def batches(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows, in the file's order; all columns String."""
        lines = _Measured(decoded_lines(self.file.path, "", self.faults))
        rows = _rows(lines, self.faults)
        next(rows, None)
        cut = [self.columns.index(name) for name in wanted]
        places: list[int] = []
        kept: list[list[str]] = []
        for place, cells in rows:
            if len(cells) != len(self.columns):
                message = f"has {len(cells)} cells, the header {len(self.columns)}; mend the row"
                self.faults.add(place, "", message, "cells")
                continue
            places.append(place)
            kept.append(cells)
            if len(kept) >= BATCH_ROWS or lines.characters >= BATCH_BYTES:
                yield _frame(places, kept, wanted, cut)
                places, kept, lines.characters = [], [], 0
        if kept:
            yield _frame(places, kept, wanted, cut)
        self.file.still_stands(self.faults)


class _Measured:
    """Lines, and how many characters were taken."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.characters = 0

    def __iter__(self) -> _Measured:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.characters += len(line)
        return line


def _rows(lines: Iterator[str], faults: FaultList) -> Iterator[tuple[int, list[str]]]:
    """(line on which it starts, cells) of every row that is one; blank lines are none."""
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    reader = csv.reader(lines, strict=True)
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):
                faults.add(start, "", f"a cell has over {_MAX_CELL_CHARACTERS:,} characters; is a quote not closed?")
                faults.stop()
            # The reader starts afresh at the next line.
            faults.add(start, "", f"is no CSV row: {error}; mend its quotes", "csv")
            continue
        if cells:
            yield start, cells


def _frame(places: list[int], rows: list[list[str]], wanted: Sequence[str], cut: list[int]) -> pl.DataFrame:
    columns = {
        name: pl.Series(name, [row[at] for row in rows], pl.String) for name, at in zip(wanted, cut, strict=True)
    }
    return pl.DataFrame({PLACE: pl.Series(places, dtype=pl.Int64), **columns})
