"""Rows to seal, and a home to seal them in: shared by the vault's and the scorer's tests."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from careful_assets.text import near_texts
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.staging import Staging
from careful_assets.warehouse.tables import append, read
from careful_assets.warehouse.vault import Sealed, VaultSealer
from careful_assets.warehouse.vault_near import Near
from careful_assets.warehouse.vault_probe import VaultProbe
from careful_assets.warehouse.vault_scorer import VaultScorer

LABELS = ("praise", "complaint")
HONEST = """
import json, sys
for line in sys.stdin:
    print("complaint" if "bad" in json.loads(line)["text"] else "praise")
"""


# The beginning of a predictor that tries what it may not do.
CAN = """
def can(act):
    try:
        act()
    except OSError:
        return False
    return True
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


def shingles(text: str, n: int = 5) -> set[int]:
    return {hash64(text[place : place + n]) for place in range(max(1, len(text) - n + 1))}


def _refs(frame: pl.DataFrame, ids: list[str]) -> list[int]:
    return [place for place, row_id in enumerate(frame["row_id"].to_list()) if row_id in ids]


def _lay_out(con: duckdb.DuckDBPyConnection, frame: pl.DataFrame, split: str, start: int, n: int) -> None:
    numbered = frame.with_row_index("ref", start).with_columns(pl.col("ref").cast(pl.Int64))
    texts = frame["text"].to_list()
    marks = pl.Series("text_hash", [hash64(text) for text in texts], dtype=pl.Int64)
    absent = {"key": "", "keyed": True} | ({} if "votes" in frame.columns else {"votes": None})
    staged = numbered.with_columns(marks, **{name: pl.lit(value) for name, value in absent.items()})
    append(con, "staged.rows", staged.with_columns(pl.col("votes").cast(pl.List(pl.Int32))))
    lying = numbered.select("ref", "group_id").with_columns(side=pl.lit(split), split=pl.lit(split))
    append(con, "staged.lying", lying)
    pairs = [(hash64(text), one) for text in texts for one in shingles(text, n)]
    append(con, "staged.shingles", pl.DataFrame(pairs, schema={"text_hash": pl.Int64, "hash": pl.Int64}, orient="row"))


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

    def seal(self, frame: pl.DataFrame, slices: dict[str, list[str]] | None = None, **offer: Any) -> Sealed:
        """Seal the rows of a frame; `offer` as for `offered`, and the sealer's own arguments."""
        with self.offered(
            frame, slices, **{name: offer.pop(name) for name in ("open_rows", "shingle", "shingled") if name in offer}
        ) as path:
            near = Near(700, near_texts)
            return self.sealer.seal(path, **{"vintage": 1, "near": near, **offer})

    def kin(self, frame: pl.DataFrame, thousandths: int | None = 700, shingled: bool = True) -> set[tuple[str, str]]:
        """Which rows of a frame are kin of sealed ones, and how: (row id, how)."""
        with self.offered(frame, shingled=shingled) as path:
            found = self.sealer.kin(path, Near(thousandths, near_texts) if thousandths else None)
        return {(frame["row_id"][ref], how) for ref, how in found.iter_rows()}

    @contextmanager
    def offered(
        self,
        frame: pl.DataFrame,
        slices: dict[str, list[str]] | None = None,
        open_rows: pl.DataFrame | None = None,
        shingle: int = 5,
        shingled: bool = True,
    ) -> Iterator[Path]:
        """A staging file in which the frame's rows lie in the vault's split, and `open_rows` in the train split.

        Where there are many texts, the anchors stage leaves their shingles out: not `shingled`.
        """
        both = [(frame, "vault"), *([(open_rows, "train")] if open_rows is not None else [])]
        with tempfile.TemporaryDirectory() as folder:
            staging = Staging(Path(folder))
            with staging.opened() as con:
                start = 0
                for part, split in both:
                    _lay_out(con, part, split, start, shingle)
                    start += part.height
                tags = [(ref, name) for name, ids in (slices or {}).items() for ref in _refs(frame, ids)]
                schema = {"ref": pl.Int64, "slice": pl.String}
                append(con, "staged.slices", pl.DataFrame(tags, schema=schema, orient="row"))
                if not shingled:
                    con.execute("delete from staged.shingles")
            yield staging.path

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
