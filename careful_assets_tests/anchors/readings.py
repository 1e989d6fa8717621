"""Readings of one source, vintage by vintage, without Dagster: what the anchors stage makes of a test's rows."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from careful_assets.anchors.stage import seal_and_split
from careful_assets.card.anchors import Columns, FileSource
from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.operations.datasets import dataset_named
from careful_assets.provenance.stage import Made, StageContext, run_stage
from careful_assets.text.ngrams import character_shingles
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault import VaultSealer
from careful_assets_tests.cli.projects import NAME, make_project

Row = Mapping[str, Any]
COLUMNS = Columns(text="text", label="label", key="id", group="review")


class Readings:
    """A home, and a card whose anchors are rewritten for every reading.

    `groups`: how many of `review_rows` the card counts on; `anchors`: values of the card's anchors.
    """

    def __init__(self, root: Path, groups: int = 60, **anchors: Any) -> None:
        self.home = Home(root / "home")
        self._loaded = dataset_named(make_project(root / "project", groups=groups), NAME)
        first = self._loaded.card.anchors
        self._first = {name: getattr(first, name) for name in ("name", "labels", "split")}
        self._anchors = {"columns": COLUMNS, **anchors}
        self._log: list[str] = []

    def copy(self, root: Path) -> Readings:
        """The same home and card under another folder, to read on from there."""
        other = copy(self)
        other.home = Home(root / "home")
        shutil.copytree(self.home.root, other.home.root)
        shutil.copytree(self._loaded.folder, root / "card")
        other._loaded, other._log = replace(self._loaded, folder=root / "card"), []
        return other

    @property
    def loaded(self) -> LoadedCard:
        """The card as it was read last."""
        return self._loaded

    def name_contract(self, path: Path) -> None:
        """Let the card name a contract."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self._loaded = replace(self._loaded, contract=path, contract_sha256=digest)

    def context(self, **anchors: Any) -> StageContext:
        """What the stage is given, with these values of the card's anchors."""
        card = self._loaded.card
        card = card.model_copy(update={"anchors": card.anchors.model_copy(update=anchors)})
        self._loaded = replace(self._loaded, card=card)
        return StageContext(self._loaded, self.home, "run", requirements_of(self._loaded), self._log.append)

    def read(self, rows: Iterable[Row], vintage: int = 1, **anchors: Any) -> Made:
        """Materialize anchors from these rows; `anchors`: values of the card's anchors, `columns` among them."""
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        (self._loaded.folder / "rows.jsonl").write_bytes(data)
        changed = {**self._first, **self._anchors, **anchors, "vintage": vintage}
        digest = hashlib.sha256(data).hexdigest()
        source = FileSource(kind="jsonl", path="rows.jsonl", sha256=digest, columns=changed.pop("columns"))
        context = self.context(source=source, **changed)
        sealer = VaultSealer(self.home.vault(NAME), self.home.warehouse(NAME), "run")
        return run_stage(context, "anchors", lambda given, inputs: seal_and_split(given, inputs, sealer))

    def table(self, name: str) -> pl.DataFrame:
        """A table of the warehouse."""
        with connect(self.home.warehouse(NAME), read_only=True) as con:
            return read(con, name)

    def open_rows(self) -> pl.DataFrame:
        """The rows outside of the vault."""
        return self.table("anchors.rows")

    def sealed_rows(self) -> pl.DataFrame:
        """What no grant would show: the rows in the vault."""
        with connect(self.home.vault(NAME), read_only=True) as con:
            return read(con, "sealed.rows")

    def everything(self) -> pl.DataFrame:
        """row_id, text, label, group_id, split of all rows, the sealed ones among them."""
        columns = ["row_id", "text", "label", "group_id", "split"]
        sealed = self.sealed_rows().with_columns(split=pl.lit("vault"))
        return pl.concat([self.open_rows().select(columns), sealed.select(columns)])


def crossings(rows: Sequence[tuple[str, str]], threshold: float = 0.7) -> list[tuple[str, str]]:
    """All pairs of splits that an equal text or a near copy connects, every pair of rows counted in full.

    `rows`: text and split; those set aside count for nothing.
    """
    standing = [(text, split) for text, split in rows if split != "aside"]
    numbers: dict[str, int] = {}
    sets = [[numbers.setdefault(part, len(numbers)) for part in character_shingles(text)] for text, _ in standing]
    ends = np.cumsum([0, *map(len, sets)])
    flat = np.array([number for one in sets for number in one], dtype=np.int64)
    matrix = csr_array((np.ones(len(flat), dtype=np.int32), flat, ends), shape=(len(sets), max(1, len(numbers))))
    shared = (matrix @ matrix.T).tocoo()
    sizes = np.diff(ends)
    near = shared.data >= threshold * (sizes[shared.row] + sizes[shared.col] - shared.data)
    pairs = zip(shared.row[near].tolist(), shared.col[near].tolist(), strict=True)
    found = {tuple(sorted((standing[one][1], standing[two][1]))) for one, two in pairs}
    return sorted(pair for pair in found if pair[0] != pair[1])
