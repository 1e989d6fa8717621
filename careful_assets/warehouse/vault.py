"""Sealing: the grant that puts evaluation rows into the vault, and nothing else.

Belongs here: `VaultSealer` and what holds when the vault grows. Asking for leaks is in `vault_probe`, scoring
in `vault_scorer`. The vault grows and never shrinks; a sealed row's text and label never change.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import explained
from careful_assets.warehouse.tables import append, read, replace
from careful_assets.warehouse.vault_store import Opening, next_seq, require_columns, wordless

_ROWS: dict[str, type[pl.DataType]] = {
    "row_id": pl.String,
    "text": pl.String,
    "label": pl.String,
    "group_id": pl.String,
}
_FINGERPRINTS: dict[str, type[pl.DataType]] = {"row_id": pl.String, "kind": pl.String, "hash": pl.Int64}
_KINDS = ("exact", "ngram")
ALL = "all"


@dataclass(frozen=True)
class Sealed:
    """What a sealing answers: counts and the registry's state, of the whole vault as it now stands.

    `counts` has one row a label: label, n, groups. `added` rows are new, `kept` were sealed before and not
    offered now, `regrouped` were offered under another group than the one they were sealed in, which stands.
    """

    registry_state: str
    counts: pl.DataFrame
    rows: int
    groups: int
    added: int
    kept: int
    regrouped: int


@dataclass(frozen=True)
class _Contents:
    rows: pl.DataFrame
    fingerprints: pl.DataFrame
    tags: pl.DataFrame

    def state(self) -> str:
        """sha256 over sorted ids and labels, fingerprints, tags: free of key, time and order of sealing."""
        parts = (
            self.rows.select("row_id", "label"),
            self.fingerprints.select(*_FINGERPRINTS),
            self.tags.select("row_id", "slice"),
        )
        lines = [json.dumps(part.sort(part.columns).rows(), separators=(",", ":")) for part in parts]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class VaultSealer:
    """The grant to seal: anchors alone holds it."""

    stage = "anchors"

    def __init__(self, vault_path: Path, warehouse_path: Path, run_id: str) -> None:
        self._vault_path = vault_path
        self._warehouse_path = warehouse_path
        self._run_id = run_id

    @wordless
    def seal(
        self,
        rows: pl.DataFrame,
        fingerprints: pl.DataFrame,
        slices: Mapping[str, Sequence[str]] | None = None,
        open_ids: Collection[str] = (),
        known_state: str | None = None,
    ) -> Sealed:
        """Seal evaluation rows in one transaction; the same rows again change nothing.

        Args:
            rows: row_id, text, label, group_id; strings without nulls, one row an id.
            fingerprints: row_id, kind, hash (int64). Of every row one `exact`, the hash of its normalized
                text, and an `ngram` for each of its word n-grams; a text too short for one has none.
            slices: slice name to the ids of its rows. Tags are added, never taken away.
            open_ids: ids of the rows that lie open: none of them may be sealed.
            known_state: the registry state on record; a vault that was lost can be sealed to that state alone.

        Raises:
            StageFailed: an offered row differs from the sealed one, a sealed row would lie open, the frames do
                not fit each other, or there is nothing to seal. Nothing is written but the opening.
        """
        offered = _offer(rows, fingerprints, slices or {})
        with explained(self._vault_path):
            self._vault_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._vault_path.parent.chmod(0o700)
        opening = Opening(self.stage, "VaultSealer", "seal")
        # The opening is written last before the commit: a kill leaves one too many, never one too few.
        with (
            connect(self._vault_path) as con,
            transaction(con),
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            self._vault_path.chmod(0o600)
            opening.protections = vault_store.file_protections(self._vault_path)
            con.execute(vault_store.SCHEMA.read_text(encoding="utf-8"))
            before = _contents(con)
            _refuse_unsealing(before, open_ids, self._vault_path)
            sealed = self._grow(con, before, offered)
            if before.rows.is_empty() and known_state not in (None, sealed.registry_state):
                raise StageFailed(
                    f"{self._vault_path} is gone, and the rows offered now are not those that were sealed in it. "
                    "Restore it from a backup, or restore the source and anchors.split, which seals the same rows again"
                )
            opening.rows, opening.registry_state = sealed.rows, sealed.registry_state
            opening.detail = {"offered": rows.height, "added": sealed.added, "kept": sealed.kept}
        return sealed

    def _grow(self, con: duckdb.DuckDBPyConnection, before: _Contents, offered: _Contents) -> Sealed:
        known = offered.rows.join(before.rows, on="row_id", suffix="_sealed")
        kept = before.rows.height - known.height
        _refuse_changes(known, self._vault_path)
        fresh = offered.rows.join(before.rows, on="row_id", how="anti")
        after = _Contents(
            pl.concat([before.rows, fresh]),
            _renewed(before, offered, known, kept, self._vault_path),
            pl.concat([before.tags, offered.tags]).unique(),
        )
        if after.rows.is_empty():
            raise StageFailed(
                "no evaluation rows were offered and none are sealed: the vault's share of the "
                "anchors is empty; give the card more anchors, or its split a larger vault share"
            )
        state = after.state()
        groups = after.rows["group_id"].n_unique()
        registry = read(con, "sealed.registry").sort("seq")
        if registry.is_empty() or registry["registry_state"][-1] != state:
            if registry.is_empty():
                append(con, "sealed.keys", pl.DataFrame({"key": [os.urandom(32)]}))
            append(con, "sealed.rows", fresh.with_columns(sealed_in=pl.lit(state)))
            replace(con, "sealed.fingerprints", after.fingerprints)
            replace(con, "sealed.tags", after.tags)
            entry = {
                "seq": next_seq(registry),
                "registry_state": state,
                "rows": after.rows.height,
                "groups": groups,
                "added": fresh.height,
                "run_id": self._run_id,
                "sealed_at": datetime.now(UTC),
            }
            append(con, "sealed.registry", pl.DataFrame([entry]))
        regrouped = known.filter(pl.col("group_id") != pl.col("group_id_sealed")).height
        return Sealed(state, _counts(after.rows), after.rows.height, groups, fresh.height, kept, regrouped)


def _offer(rows: pl.DataFrame, fingerprints: pl.DataFrame, slices: Mapping[str, Sequence[str]]) -> _Contents:
    """The caller's frames, held to their form: no error names a row."""
    require_columns(rows, "rows to seal", _ROWS)
    require_columns(fingerprints, "fingerprints to seal", _FINGERPRINTS)
    rows = rows.select(pl.col(name).cast(kind) for name, kind in _ROWS.items())
    marks = (pl.col(name).cast(kind) for name, kind in _FINGERPRINTS.items())
    fingerprints = fingerprints.select(marks).unique()
    tags = pl.DataFrame(
        [(row_id, name) for name, row_ids in slices.items() for row_id in row_ids],
        schema={"row_id": pl.String, "slice": pl.String},
        orient="row",
    ).unique()
    repeated = rows.height - rows["row_id"].n_unique()
    if repeated:
        raise StageFailed(f"rows to seal: {repeated} rows repeat a row id; give each row once")
    unknown = fingerprints.filter(~pl.col("kind").is_in(_KINDS)).height
    if unknown:
        raise StageFailed(f"fingerprints to seal: {unknown} are of no known kind ({', '.join(_KINDS)})")
    for what, frame in (("fingerprints", fingerprints), ("slices", tags)):
        strangers = frame.join(rows, on="row_id", how="anti")["row_id"].n_unique()
        if strangers:
            raise StageFailed(f"{what} to seal: {strangers} of their row ids are not among the rows offered")
    exact = fingerprints.filter(pl.col("kind") == "exact")
    if exact.height != rows.height or exact["row_id"].n_unique() != rows.height:
        raise StageFailed(
            f"fingerprints to seal: {rows.height} rows need one exact hash each, there are {exact.height}"
        )
    if ALL in slices:
        raise StageFailed(f"slices to seal: the name {ALL!r} stands for every sealed row; rename that slice")
    return _Contents(rows, fingerprints, tags)


def _contents(con: duckdb.DuckDBPyConnection) -> _Contents:
    rows = read(con, "sealed.rows").select(*_ROWS)
    return _Contents(rows, read(con, "sealed.fingerprints"), read(con, "sealed.tags"))


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    groups = pl.col("group_id").n_unique()
    return rows.group_by("label").agg(n=pl.len().cast(pl.Int64), groups=groups.cast(pl.Int64)).sort("label")


def _refuse_changes(known: pl.DataFrame, vault_path: Path) -> None:
    for column in ("text", "label"):
        changed = known.filter(pl.col(column) != pl.col(f"{column}_sealed")).height
        if changed:
            raise StageFailed(
                f"{vault_path}: {changed} sealed row{'s have' if changed > 1 else ' has'} another {column} "
                "in the anchors offered now. A sealed row never changes; restore the source's rows, or give "
                "the changed ones new row keys so that they are sealed as rows of their own"
            )


def _refuse_unsealing(before: _Contents, open_ids: Collection[str], vault_path: Path) -> None:
    reopened = before.rows.filter(pl.col("row_id").is_in(list(open_ids))).height
    if reopened:
        raise StageFailed(
            f"{vault_path}: {reopened} rows that were sealed before would lie open now: the anchors are split "
            "otherwise. What was sealed stays sealed; restore anchors.split and the groups, or start another dataset"
        )


def _renewed(before: _Contents, offered: _Contents, known: pl.DataFrame, kept: int, vault_path: Path) -> pl.DataFrame:
    """All fingerprints after this sealing.

    Candidates are compared with one normalizer's hashes: where it changed, all rows must be offered anew.
    """
    again = before.fingerprints.join(known, on="row_id", how="semi")
    now = offered.fingerprints.join(known, on="row_id", how="semi")
    if kept and (again.height != now.height or again.join(now, on=list(_FINGERPRINTS), how="anti").height):
        raise StageFailed(
            f"{vault_path}: the fingerprints of rows sealed before are computed differently now, and {kept} "
            "sealed rows are not offered, so that theirs would stay behind. Offer every sealed row again, or "
            "use the careful-assets version that sealed them"
        )
    return pl.concat([before.fingerprints.join(known, on="row_id", how="anti"), offered.fingerprints])
