"""A search that reads every value that lies under a folder: what an erasure has to stand up to.

DuckDB, Parquet, SQLite and gzip files are read value by value, JSON and NDJSON line by line, and every file as raw
bytes besides. Links are not followed: the anchors' source, which is out of an erasure's reach, lies behind one.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

_KINDS = {b"PAR1": "parquet", b"SQLi": "sqlite", b"\x1f\x8b": "gzip"}


def places_of(needle: str, root: Path) -> set[str]:
    """Where the needle stands: paths below `root`, with the table or line for what is read by value."""
    found = set()
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = str(path.relative_to(root))
            raw = path.read_bytes()
            if needle.encode() in raw or json.dumps(needle)[1:-1].encode() in raw:
                found.add(f"{name}: bytes")
            found |= {f"{name}: {place}" for place, value in values_of(path, raw) if _holds(value, needle)}
    return found


def values_of(path: Path, raw: bytes) -> Iterator[tuple[str, Any]]:
    """Every value in the file, and its table, column or line."""
    kind = "duckdb" if raw[8:12] == b"DUCK" else next((_KINDS[head] for head in _KINDS if raw.startswith(head)), "")
    if kind == "duckdb":
        with closing(duckdb.connect(str(path), read_only=True)) as con:
            tables = con.sql("select schema_name, table_name from duckdb_tables()").fetchall()
            for schema, table in tables:
                for row in con.table(f"{schema}.{table}").fetchall():
                    yield f"{schema}.{table}", row
    elif kind == "parquet":
        for row in pl.read_parquet(path).iter_rows():
            yield "rows", row
    elif kind == "sqlite":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as lite:
            for (table,) in lite.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in lite.execute(f'select * from "{table}"'):
                    yield table, row
    elif kind == "gzip":
        yield "unpacked", gzip.decompress(raw)
    elif path.suffix in (".ndjson", ".json", ".jsonl"):
        for number, line in enumerate(raw.decode(errors="replace").splitlines(), start=1):
            try:
                yield f"line {number}", json.loads(line)
            except ValueError:
                yield f"line {number}", line


def _holds(value: Any, needle: str) -> bool:
    if isinstance(value, str):
        return needle in value
    if isinstance(value, bytes):
        return needle.encode() in value
    if isinstance(value, dict):
        return any(_holds(part, needle) for part in (*value.keys(), *value.values()))
    if isinstance(value, (list, tuple)):
        return any(_holds(part, needle) for part in value)
    return False
