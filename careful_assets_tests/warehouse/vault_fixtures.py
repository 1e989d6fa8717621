"""Rows to seal, and a home to seal them in: shared by the vault's and the scorer's tests."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault import Sealed, VaultSealer
from careful_assets.warehouse.vault_probe import VaultProbe
from careful_assets.warehouse.vault_scorer import VaultScorer

LABELS = ("praise", "complaint")
HONEST = """
import json, sys
for line in sys.stdin:
    print("complaint" if "bad" in json.loads(line)["text"] else "praise")
"""


def script(folder: Path, body: str, *arguments: str) -> list[str]:
    """A predictor's command: the script that it runs is written into `folder`."""
    path = folder / "predictor.py"
    path.write_text(textwrap.dedent(body))
    return [sys.executable, "-I", "-S", str(path), *arguments]


def hash64(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def rows(texts: list[str], start: int = 0) -> pl.DataFrame:
    """Two rows a group; the label is `complaint` where the text says `bad`."""
    places = range(start, start + len(texts))
    return pl.DataFrame(
        {
            "row_id": [f"row-{place}" for place in places],
            "text": texts,
            "label": [LABELS["bad" in text] for text in texts],
            "group_id": [f"group-{place // 2}" for place in places],
        },
        schema=dict.fromkeys(("row_id", "text", "label", "group_id"), pl.String),
    )


def fingerprints(frame: pl.DataFrame, n: int = 2) -> pl.DataFrame:
    marks = [(row_id, "exact", hash64(text)) for row_id, text in frame.select("row_id", "text").rows()]
    for row_id, text in frame.select("row_id", "text").rows():
        marks += [(row_id, "ngram", one) for one in ngrams(text, n)]
    return pl.DataFrame(marks, schema={"row_id": pl.String, "kind": pl.String, "hash": pl.Int64}, orient="row")


def ngrams(text: str, n: int = 2) -> set[int]:
    words = text.split()
    return {hash64(" ".join(words[place : place + n])) for place in range(len(words) - n + 1)}


@cache
def _migrated() -> bytes:
    """An empty warehouse's file: migrating takes longer than copying."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.duckdb"
        migrate(path)
        return path.read_bytes()


@dataclass(frozen=True)
class Place:
    """A vault and the warehouse beside it."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> Place:
        (root / "warehouse").mkdir(parents=True)
        place = cls(root)
        place.warehouse.write_bytes(_migrated())
        return place

    @property
    def vault(self) -> Path:
        return self.root / "vault" / "d.duckdb"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse" / "d.duckdb"

    def seal(self, frame: pl.DataFrame, slices: dict[str, list[str]] | None = None) -> Sealed:
        return self.sealer.seal(frame, fingerprints(frame), slices or {})

    @property
    def sealer(self) -> VaultSealer:
        return VaultSealer(self.vault, self.warehouse, "run-1")

    @property
    def probe(self) -> VaultProbe:
        return VaultProbe(self.vault, self.warehouse, "run-2")

    @property
    def scorer(self) -> VaultScorer:
        return VaultScorer(self.vault, self.warehouse, "run-3")

    def openings(self) -> pl.DataFrame:
        with connect(self.warehouse, read_only=True) as con:
            return read(con, "provenance.openings").sort("seq")

    def inside(self, table: str) -> pl.DataFrame:
        """What no grant would show: for asserting what the vault holds."""
        with connect(self.vault, read_only=True) as con:
            return read(con, f"sealed.{table}")
