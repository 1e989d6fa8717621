"""Sealing a further set: a released evaluation set of another dataset, beside the real rows.

Belongs here: what holds of such a set inside the vault, for the sealer. Does not belong here: which sets a card may
name, and reading their releases (`anchors.evaluation_sets`). A set stands as it was sealed: another version of it is
another set, under a name of its own. It goes whole or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse.rewriting import delete_ids
from careful_assets.warehouse.tables import append, read
from careful_assets.warehouse.vault_store import digest_of_own, require_columns, standing

OWN = "anchors"
"""The name of the anchors' own rows among the sets."""
_ROWS: dict[str, type[pl.DataType]] = {"row_id": pl.String, "text": pl.String, "label": pl.String}
_LINEAGE: dict[str, type[pl.DataType]] = {"kind": pl.String, "item": pl.String}


@dataclass(frozen=True)
class FurtherSet:
    """A set to seal. `rows`: row_id, text, label; `lineage`: kind, item, what its rows descend from."""

    name: str
    dataset: str
    version: str
    content_digest: str
    rows: pl.DataFrame
    lineage: pl.DataFrame


def add_set(con: duckdb.DuckDBPyConnection, further: FurtherSet) -> int:
    """Write the set into the vault, inside of the caller's transaction; how many rows are new.

    Raises:
        StageFailed: the set is empty, repeats a row, or another content is sealed under its name.
    """
    what = f"the evaluation set {further.name}"
    require_columns(further.rows, what, _ROWS)
    require_columns(further.lineage, f"{what}, its lineage", _LINEAGE)
    if further.name == OWN:
        raise StageFailed(f"{what}: that is what the anchors' own rows are called; name it otherwise")
    if further.rows.is_empty() or further.rows["row_id"].n_unique() != further.rows.height:
        raise StageFailed(f"{what} has no rows, or repeats one; nothing was sealed of it")
    identity = {"dataset": further.dataset, "version": further.version, "content_digest": further.content_digest}
    before = read(con, "sealed.sets").filter(pl.col("set_name") == further.name)
    if before.height:
        if before.select(list(identity)).row(0, named=True) != identity:
            raise StageFailed(
                f"{what} was sealed with other content, and what was sealed stands: give the version that is meant now "
                "another name under evaluation.sets"
            )
        return 0
    named = pl.lit(further.name).alias("set_name")
    entry = {"set_name": further.name, **identity, "rows": further.rows.height, "sealed_at": datetime.now(UTC)}
    append(con, "sealed.sets", pl.DataFrame([entry]))
    append(con, "sealed.set_rows", further.rows.select(named, *_ROWS))
    append(con, "sealed.set_lineage", further.lineage.unique().sort("kind", "item").select(named, *_LINEAGE))
    return further.rows.height


def drop_set(con: duckdb.DuckDBPyConnection, set_name: str) -> int:
    """Delete the set, inside of the caller's transaction; how many rows it had, 0 if it is not sealed."""
    gone = delete_ids(con, "sealed.set_rows", "set_name", [set_name])
    for table in ("sets", "set_lineage"):
        delete_ids(con, f"sealed.{table}", "set_name", [set_name])
    return gone


@dataclass(frozen=True)
class SealedSets:
    """What is sealed beside the real rows, without a text, and the digest of the real rows alone.

    `sets`: set_name, dataset, version, content_digest, rows; `lineage`: set_name, kind, item.
    """

    sets: pl.DataFrame
    lineage: pl.DataFrame
    own_digest: str
    registry_state: str


def sets_now(con: duckdb.DuckDBPyConnection) -> SealedSets:
    """Every further set that is sealed, also those that the card names no longer."""
    sets = read(con, "sealed.sets").drop("sealed_at").sort("set_name")
    lineage = read(con, "sealed.set_lineage").sort("set_name", "kind", "item")
    return SealedSets(sets, lineage, digest_of_own(con), standing(con)[0])
