"""Erasing sealed rows, as the sealer does it: finding what copies them, taking them out, counting what stays.

Belongs here: the vault's side of an erasure. Does not belong here: the grant, its openings and the registry (`vault`),
what a copy is (the workshop's `text.copies`, which the vault cannot import and lets nobody else see a sealed text for).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.rewriting import delete_ids
from careful_assets.warehouse.tables import append, read

_SEARCH = "careful_assets.text.copies"


class CopySearch(Protocol):
    """The module `text.copies`, as far as the vault uses it."""

    __name__: str

    def find_copies(self, text: str, hashes: Collection[int], rows: Iterable[tuple[str, str]]) -> frozenset[str]:
        """The keys of the rows that copy the text."""
        ...

    def find_undecided(self, text: str, hashes: Collection[int], rows: Iterable[tuple[str, str]]) -> frozenset[str]:
        """The keys of the rows that hold a text too short to tell."""
        ...


@dataclass(frozen=True)
class SealedRow:
    """What the vault tells of a row it holds: its keyed digest, who of those on offer copies it, or holds its few
    words, how many sealed rows beside it have its text, and the hashes of its normal forms.
    """

    eval_row_digest: str
    copies: frozenset[str]
    same_text: int
    undecided: frozenset[str]
    hashes: frozenset[int] = field(repr=False)


@dataclass(frozen=True)
class Unsealed:
    """What an erasure answers: how many rows went, and the vault as it stands, as a `Sealed` says it.

    `own_digest`: of the real rows alone, whatever sets are sealed beside them.
    """

    rows: int
    registry_state: str
    own_digest: str
    counts: pl.DataFrame


def look_up(con: duckdb.DuckDBPyConnection, row_id: str, texts: pl.DataFrame, search: CopySearch) -> SealedRow | None:
    """The sealed row of this id, held against `texts` (row_id, text); None if it is not sealed.

    Raises:
        StageFailed: the search is another than the workshop's, and would see sealed texts.
    """
    if search.__name__ != _SEARCH:
        raise StageFailed(f"the vault shows sealed texts to {_SEARCH} alone, not to {search.__name__}; hand that in")
    row = read(con, "sealed.rows").filter(pl.col("row_id") == row_id)
    if row.is_empty():
        return None
    sources = read(con, "sealed.sources")
    hashes = sources.filter(pl.col("row_id") == row_id)["text_hash"].to_list()
    alike = sources.filter(pl.col("text_hash").is_in(hashes) & (pl.col("row_id") != row_id))
    offered = texts.select("row_id", "text").rows()
    copies, undecided = (find(row["text"][0], hashes, offered) for find in (search.find_copies, search.find_undecided))
    digest = vault_store.row_digests(con, row["row_id"])["digest"][0]
    return SealedRow(digest, copies, alike.height, undecided, frozenset(hashes))


def take_out(con: duckdb.DuckDBPyConnection, row_ids: Collection[str]) -> int:
    """Delete what the vault holds of these rows; how many rows went. Groups without a row are forgotten."""
    gone = delete_ids(con, "sealed.rows", "row_id", row_ids)
    for table in ("sources", "changes", "tags", "fingerprints", "ratings"):
        delete_ids(con, f"sealed.{table}", "row_id", row_ids)
    left = read(con, "sealed.rows").select("group_id")
    joins = read(con, "sealed.joins")
    for column in joins.columns:
        lost = joins.join(left, left_on=column, right_on="group_id", how="anti")
        delete_ids(con, "sealed.joins", column, lost[column].unique().to_list())
    return gone


def counts_now(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The sealed rows by label, in the columns of `anchors.vault_counts` but for the registry's state."""
    con.execute("create temp table units (group_id varchar, unit varchar)")
    append(con, "units", vault_store.units_of(read(con, "sealed.joins")))
    counts = run_model(con, "vault/class_counts")
    con.execute("drop table units")
    return counts
