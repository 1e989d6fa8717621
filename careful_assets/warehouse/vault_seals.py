"""The vault's seal, and whether a vault is the one that its warehouse speaks of.

Belongs here: what tells that a vault's file was changed behind the grants' back, exchanged, or put back from an older
copy. Does not belong here: opening the file and the registry of its states (`vault_store`).

The seal is an HMAC-SHA256 under the vault's key over all that the file holds, written at every sealing and erasure.
Canaries lie outside of it: they are added without one. Vaults of before there were seals have none, and are taken as
they are until the next sealing writes one; where the warehouse says that it was written, it must be there. The key lies
in the same file, so that a seal tells of ordinary code and ordinary mistakes, not of whoever knows how it is made.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import batches, read

# A row's many fingerprints of a kind in two numbers: their sum and their exclusive or change with any one of them.
_MARKS = "select row_id, kind, sum(hash)::varchar, bit_xor(hash) from sealed.fingerprints group by all order by all"
# By table what the seal is over, in an order that is free of the file's own.
_CONTENT = {
    "rows": "select row_id, text, label, group_id, sealed_in from sealed.rows order by all",
    "sources": "select row_id, present::bigint, label, group_id, text_hash from sealed.sources order by all",
    "joins": "select group_id, other from sealed.joins order by all",
    "changes": "select vintage::bigint, change, row_id from sealed.changes order by all",
    "tags": "select row_id, slice from sealed.tags order by all",
    "fingerprints": _MARKS,
    "registry": (
        "select seq, registry_state, rows, groups, added, run_id, epoch_us(sealed_at) from sealed.registry order by seq"
    ),
    "ratings": "select row_id, disagreement::varchar from sealed.ratings order by all",
    "sets": (
        "select set_name, dataset, version, content_digest, rows, epoch_us(sealed_at) from sealed.sets order by all"
    ),
    "set_rows": "select set_name, row_id, text, label from sealed.set_rows order by all",
    "set_lineage": "select set_name, kind, item from sealed.set_lineage order by all",
}


def content_seal(con: duckdb.DuckDBPyConnection) -> str:
    """What the seal of the vault's content is now, in hex. Tables that a vault of old has not are as empty ones."""
    key = read(con, "sealed.keys")["key"][0]
    whole = hmac.new(key, digestmod=hashlib.sha256)
    there = tables(con)
    for name, query in _CONTENT.items():
        digests: list[hashlib._Hash] = []
        rows = 0
        for batch in batches(con.sql(query)) if name in there else ():
            digests = digests or [hashlib.sha256() for _ in batch.columns]
            rows += batch.height
            for digest, column in zip(digests, batch.iter_columns(), strict=True):
                _take_in(digest, column)
        told = "".join(digest.hexdigest() for digest in digests) if rows else ""
        whole.update(f"{name}:{rows}:{told}\n".encode())
    return whole.hexdigest()


def tables(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The vault's tables, without their schema: vaults of old lack some."""
    found = con.sql("select table_name from duckdb_tables() where schema_name = 'sealed'").fetchall()
    return frozenset(str(name) for (name,) in found)


def hold_seal(con: duckdb.DuckDBPyConnection, vault_path: Path) -> None:
    """Hold the vault's content to the seal of its last entry.

    Raises:
        StageFailed: they differ; the last entry has none although an earlier one has; or what a seal is made of is
            gone: the registry, the key, a value that no row is without.
    """
    try:
        holds = _holds(con)
    except (duckdb.Error, pl.exceptions.PolarsError, LookupError, TypeError, ValueError, AttributeError):
        holds = False
    if not holds:
        raise not_as_sealed(vault_path)


def _holds(con: duckdb.DuckDBPyConnection) -> bool:
    registry = read(con, "sealed.registry").sort("seq")
    if registry.is_empty():
        # A vault that is only being made: what was sealed would stand in its registry.
        return read(con, "sealed.rows").is_empty()
    if not _is_sealed(registry):
        return True
    seal = registry["seal"][-1]
    return seal is not None and hmac.compare_digest(seal, content_seal(con))


def _is_sealed(registry: pl.DataFrame) -> bool:
    """Whether any of its entries ever had a seal."""
    return "seal" in registry.columns and registry["seal"].count() > 0


def not_as_sealed(vault_path: Path) -> StageFailed:
    """The error of every grant where a vault was changed behind their back."""
    return StageFailed(
        f"{vault_path}: what lies in it is not what was sealed: its seal does not hold, so that its file was changed "
        "by other means than careful-assets, or is damaged. Nothing is asked of it; restore it from a backup"
    )


def hold_to_record(con: duckdb.DuckDBPyConnection, vault_path: Path, warehouse_path: Path) -> None:
    """Hold the vault to its seal, and to the state that its warehouse has on record, if that has any.

    Raises:
        StageFailed: they differ.
    """
    record, states = _held(con, vault_path, warehouse_path)
    if record.state is None or record.state == states[-1]:
        return
    told = (
        f"{vault_path} stands at registry state {states[-1][:12]}, and {warehouse_path} has {record.state[:12]} on "
        "record (anchors.vault_counts)"
    )
    if record.state in states:
        raise StageFailed(
            f"{told}, an earlier state of this vault: the warehouse was put back from an older copy, or the run that "
            "sealed last did not end. Nothing is asked of it; materialize anchors again"
        )
    raise StageFailed(
        f"{told}, which this vault never had: it was put back from an older copy, or belongs to another dataset or "
        "another warehouse. Nothing is asked of it; restore the vault that belongs to this warehouse or, if it is an "
        "older copy, materialize anchors again"
    )


def hold_to_past(con: duckdb.DuckDBPyConnection, vault_path: Path, warehouse_path: Path) -> None:
    """As `hold_to_record`, for the sealer: a vault that has any state in common with its warehouse may grow again.

    Raises:
        StageFailed: its seal does not hold, or it is another warehouse's.
    """
    record, states = _held(con, vault_path, warehouse_path)
    if record.past and states and record.past.isdisjoint(states):
        raise StageFailed(
            f"{vault_path} never had a state that {warehouse_path} has on record: it belongs to another dataset or "
            "another warehouse. Nothing is asked of it and nothing is sealed in it; restore the vault that belongs here"
        )


@dataclass(frozen=True)
class _Record:
    """What a warehouse says of its vault. `past`: all states it had on record; `sealed`: since there are seals."""

    state: str | None
    past: frozenset[str]
    sealed: bool


def _held(con: duckdb.DuckDBPyConnection, vault_path: Path, warehouse_path: Path) -> tuple[_Record, list[str]]:
    """The warehouse's record, and the vault's states in order, its content held to the seal that it must have."""
    hold_seal(con, vault_path)
    record = _record(warehouse_path)
    registry = read(con, "sealed.registry").sort("seq")
    if record.sealed and registry.height and not _is_sealed(registry):
        raise not_as_sealed(vault_path)
    return record, registry["registry_state"].to_list()


def _record(warehouse_path: Path) -> _Record:
    if not warehouse_path.exists():
        return _Record(None, frozenset(), sealed=False)
    # Not read-only: an erasure holds its warehouse for writing, and DuckDB opens a file one way in a process.
    with connect(warehouse_path) as con:
        there = con.sql("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        names = {str(name) for (name,) in there}

        def states(table: str) -> list[str]:
            return read(con, table)["registry_state"].drop_nulls().to_list() if table in names else []

        now, sets, past = map(states, ("anchors.vault_counts", "anchors.evaluation_sets", "provenance.versions"))
    # The table of sets came with the seals: who wrote it had sealed.
    return _Record(now[0] if now else None, frozenset((*now, *past)), sealed=bool(sets))


def _take_in(digest: hashlib._Hash, column: pl.Series) -> None:
    """A column's values, told apart by their lengths: which batches they come in makes no difference."""
    if column.dtype != pl.String:
        digest.update(b"".join(value.to_bytes(16, "little", signed=True) for value in column.to_list()))
        return
    for value in column.to_list():
        encoded = value.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
