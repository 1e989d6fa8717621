"""Sources of anchors, written as a test wants them, and read as the anchors stage reads them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.anchors.sources.opening import open_source
from careful_assets.anchors.sources.reading import wanted_columns
from careful_assets.anchors.sources.rows import anchor_rows, finish
from careful_assets.card.anchors import Columns, FileSource, Source
from careful_assets.errors import Fault, MalformedInput

LABELS = ["bad", "fair", "good"]
COLUMNS = Columns(text="text", label="label", key="id", group="review")
ROWS = [
    {"id": f"r{number}", "review": f"g{number // 3}", "text": text, "label": LABELS[number % 3]}
    for number, text in enumerate(
        [
            'It "broke", at once', "works,\nsort of", "lovely ☀ thing", "smoke; and fire", "  average  ", "très bien",
            "dead on arrival", "so-so\ttab", "perfect 👌",
        ]
    )
]  # fmt: skip
WANTED = [(row["text"], row["label"], row["id"], row["review"]) for row in ROWS]


def as_jsonl(rows: Iterable[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows).write_parquet(out)
    return out.getvalue()


def source(kind: str, data: bytes, columns: Columns = COLUMNS) -> FileSource:
    return FileSource(kind=kind, path=f"a.{kind}", sha256=hashlib.sha256(data).hexdigest(), columns=columns)


def anchors_of(declared: Source, folder: Path, extra: Sequence[str] = ()) -> pl.DataFrame:
    """All anchors of the source, and under `raw:` names the extra columns as the source gives them."""
    reading = open_source(declared, folder, folder)
    frames = []
    for batch in reading.batches(wanted_columns(reading.mapping, extra)):
        rows = anchor_rows(batch, reading.mapping, LABELS, reading.faults, reading.votes)
        frames.append(rows.with_columns(batch[name].alias(f"raw:{name}") for name in extra))
    rows = pl.concat(frames) if frames else pl.DataFrame({"label": []})
    finish(reading.faults, LABELS, rows.height, set(rows["label"].to_list()))
    return rows


def read(folder: Path, kind: str, data: bytes, columns: Columns = COLUMNS, extra: Sequence[str] = ()) -> pl.DataFrame:
    """The anchors in the data of a file."""
    declared = source(kind, data, columns)
    (folder / declared.path).write_bytes(data)
    return anchors_of(declared, folder, extra)


def plain(rows: pl.DataFrame) -> list[tuple[Any, ...]]:
    return rows.select("text", "label", "key", "group").rows()


def faults_of(folder: Path, kind: str, data: bytes, columns: Columns = COLUMNS) -> list[Fault]:
    """The faults that reading the data reports; fails if there is none."""
    try:
        rows = read(folder, kind, data, columns)
    except MalformedInput as error:
        return error.faults
    raise AssertionError(f"{rows.height} rows were read without a fault")


def said(folder: Path, kind: str, data: bytes, columns: Columns = COLUMNS) -> list[tuple[int | None, str]]:
    """Each fault's line and words."""
    faults = faults_of(folder, kind, data, columns)
    assert {fault.file for fault in faults} == {f"a.{kind}"}
    return [(fault.line, str(fault)) for fault in faults]
