"""Digests of tables: the same rows give the same digest, in whatever order they lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from careful_assets.provenance.stages import TABLES


def canonical(value: Any) -> str:
    """One spelling for one value: JSON with sorted keys and no spaces; dates in ISO 8601."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def sha256(text: str) -> str:
    """sha256 of the text in UTF-8, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def table_digest(frame: pl.DataFrame, volatile: frozenset[str]) -> str:
    """sha256 over the sorted digests of the frame's rows, without its volatile columns."""
    stable = frame.select(sorted(set(frame.columns) - volatile))
    rows = sorted(sha256(canonical(row)) for row in stable.iter_rows())
    return sha256(canonical([stable.columns, rows]))


def data_version(stage: str, frames: Mapping[str, pl.DataFrame]) -> str:
    """A stage's data version: the digest of its output tables, 16 hex digits.

    Raises:
        KeyError: a table of the stage is missing from `frames`.
    """
    digests = [[table.name, table_digest(frames[table.name], table.volatile)] for table in TABLES[stage]]
    return sha256(canonical([stage, digests]))[:16]


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} has no canonical spelling")
