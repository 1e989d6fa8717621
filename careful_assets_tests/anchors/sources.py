"""Files of anchors, written as a test wants them, and the sources that name them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.anchors.sources.files import read_file
from careful_assets.anchors.sources.raw import RawAnchor, checked
from careful_assets.card.anchors import Columns, FileSource
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


def as_jsonl(rows: Iterable[Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(rows).write_parquet(out)
    return out.getvalue()


def source(kind: str, data: bytes, columns: Columns = COLUMNS) -> FileSource:
    return FileSource(kind=kind, path=f"a.{kind}", sha256=hashlib.sha256(data).hexdigest(), columns=columns)


def read(folder: Path, kind: str, data: bytes, columns: Columns = COLUMNS) -> list[RawAnchor]:
    """The anchors in the data, read from a file as the anchors stage reads it."""
    declared = source(kind, data, columns)
    (folder / declared.path).write_bytes(data)
    rows, faults, _ = read_file(declared, folder)
    return checked(rows, LABELS, faults)


def faults_of(folder: Path, kind: str, data: bytes, columns: Columns = COLUMNS) -> list[Fault]:
    """The faults that reading the data reports; fails if there is none."""
    try:
        rows = read(folder, kind, data, columns)
    except MalformedInput as error:
        return error.faults
    raise AssertionError(f"{len(rows)} rows were read without a fault")
