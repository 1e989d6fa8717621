"""Anchors from a CSV, Parquet or JSONL file: the digest first, then the rows, with every fault's line."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.anchors.sources.raw import FaultList, RawAnchor
from careful_assets.card.anchors import Columns, FileSource


def read_file(source: FileSource, folder: Path) -> tuple[Iterator[RawAnchor], FaultList, str]:
    """The file's rows, the faults found on the way, and the file's sha256.

    Raises:
        MalformedInput: the file is missing, is not the one the card names, is not UTF-8, or lacks a column.
    """
    path = folder / source.path
    faults = FaultList(source.path)
    if not path.is_file():
        faults.add(None, "", "there is no such file; mend anchors.source.path in the card")
        faults.stop()
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != source.sha256:
        faults.add(
            None,
            "sha256",
            f"is {digest}, the card says {source.sha256}; if this file is meant, put its digest into the card",
        )
        faults.stop()
    if source.kind == "parquet":
        return _parquet(data, source.columns, faults), faults, digest
    text = _decoded(data, faults)
    rows = _csv(text, source.columns, faults) if source.kind == "csv" else _jsonl(text, source.columns, faults)
    return rows, faults, digest


def anchor_of(place: int, row: dict[str, Any], columns: Columns, faults: FaultList) -> RawAnchor | None:
    """One row of named values as an anchor; None, and a fault, where a value is a list or an object.

    Absent values become empty texts, which the row check refuses.
    """
    values: dict[str, str] = {}
    for role, name in columns.model_dump().items():
        value = row.get(name)
        if isinstance(value, list | dict | bytes):
            faults.add(place, role, f"is a {type(value).__name__}, not a text")
        elif name is not None:
            values[role] = "" if value is None or value != value else str(value)  # NaN is unlike itself
    if len(values) < sum(name is not None for name in columns.model_dump().values()):
        return None
    return RawAnchor(place, values["text"], values["label"], values.get("key"), values.get("group") or None)


def need_columns(present: list[str], columns: Columns, faults: FaultList) -> None:
    """Refuse a table without the columns that the card names.

    Raises:
        MalformedInput: naming each missing column and those that are there.
    """
    for role, name in columns.model_dump().items():
        if name is not None and name not in present:
            shown = ", ".join(present[:20])
            faults.add(1, f"columns.{role}", f"there is no column {name!r}; the columns are {shown}")
    faults.stop()


def _decoded(data: bytes, faults: FaultList) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        faults.add(line, "", f"byte {error.start} is not UTF-8 ({error.reason}); save the file as UTF-8")
        faults.stop()
        raise


def _csv(text: str, columns: Columns, faults: FaultList) -> Iterator[RawAnchor]:
    # A bound of our own reports long cells with their row; the csv module's would end the reading.
    csv.field_size_limit(len(text) + 1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    head = next(reader, [])
    repeated = sorted({name for name in head if head.count(name) > 1})
    if repeated:
        faults.add(1, "", f"the header repeats {', '.join(repeated)}")
    need_columns(head, columns, faults)
    start = reader.line_num + 1
    try:
        for cells in reader:
            if cells and len(cells) != len(head):
                faults.add(start, "", f"has {len(cells)} cells, the header {len(head)}")
            elif cells:
                yield from _one(anchor_of(start, dict(zip(head, cells, strict=True)), columns, faults))
            start = reader.line_num + 1
    except csv.Error as error:
        faults.add(start, "", f"is no CSV row: {error}")


def _jsonl(text: str, columns: Columns, faults: FaultList) -> Iterator[RawAnchor]:
    for place, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            faults.add(place, "", f"is no JSON: {error}")
            continue
        if not isinstance(row, dict):
            faults.add(place, "", f"is a JSON {type(row).__name__}, not an object")
            continue
        missing = [name for name in columns.model_dump().values() if name is not None and name not in row]
        if missing:
            faults.add(place, "", f"lacks {', '.join(missing)}")
            continue
        yield from _one(anchor_of(place, row, columns, faults))


def _parquet(data: bytes, columns: Columns, faults: FaultList) -> Iterator[RawAnchor]:
    try:
        frame = pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        faults.add(None, "", f"is no Parquet file: {str(error).splitlines()[0]}")
        faults.stop()
        raise
    need_columns(frame.columns, columns, faults)
    for place, row in enumerate(frame.iter_rows(named=True), start=1):
        yield from _one(anchor_of(place, row, columns, faults))


def _one(anchor: RawAnchor | None) -> Iterator[RawAnchor]:
    if anchor is not None:
        yield anchor
