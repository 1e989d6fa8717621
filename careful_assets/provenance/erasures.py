"""Erasures on record: what is erased, which one is under way, and the refusal to work beside it.

Belongs here: `provenance.erasures` and `provenance.erased`. Does not belong here: erasing (`operations.erase`). The
lists hold ids and keyed digests alone, and reasons that people gave.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Literal

import duckdb
import polars as pl

from careful_assets.errors import GateClosed
from careful_assets.provenance.ledger import next_seq
from careful_assets.warehouse.tables import append, read

Step = Literal["begun", "swept", "done"]
Kind = Literal["anchor", "request", "choice", "candidate", "release", "text"]
"""What an erasure reached, by id: rows, requests, single completions (`choice_item`), generated rows, releases. And
texts that must not come back in a file, by a keyed digest of the hash of their normal form (`text_item`)."""


def erased_ids(con: duckdb.DuckDBPyConnection, kind: Kind) -> frozenset[str]:
    """The ids of this kind that any erasure reached: they must not come back."""
    return frozenset(read(con, "provenance.erased").filter(pl.col("kind") == kind)["item"].to_list())


def choice_item(request_id: str, index: int) -> str:
    """One completion of a request, as an item of the list."""
    return f"{request_id}:{index}"


def choice_of(item: str) -> tuple[str, int]:
    """The request and the index that `choice_item` put together."""
    request_id, _, index = item.rpartition(":")
    return request_id, int(index)


def text_item(key: bytes, text_hash: int) -> str:
    """A text, as an item of the list. `key`: the quarantine's; `text_hash`: `hash64` of the normal form."""
    return hmac.new(key, str(text_hash).encode(), hashlib.sha256).hexdigest()


def newest_steps(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The newest row of each erasure in `provenance.erasures`, in the order in which they began."""
    rows = read(con, "provenance.erasures").sort("seq")
    return rows.group_by("erasure_id", maintain_order=True).last()


def steps_on_record(con: duckdb.DuckDBPyConnection) -> int:
    """How many steps were ever recorded: a stage that computes sees by it whether one fell in between."""
    return read(con, "provenance.erasures").height


def refuse_unfinished(con: duckdb.DuckDBPyConnection, dataset: str) -> None:
    """Let nothing work on data of which a part is being erased.

    Raises:
        GateClosed: an erasure is under way, or was interrupted before it was swept.
    """
    for row in newest_steps(con).filter(pl.col("status") == "begun").iter_rows(named=True):
        raise GateClosed(
            f"{dataset}: the erasure of {row['row_id'][:16]} is not finished, so that no stage may run; wait for it, "
            f"or complete it if it was interrupted: careful erase {dataset} --anchor {row['row_id']} --reason ..."
        )


def record_step(
    con: duckdb.DuckDBPyConnection, erasure_id: str, row_id: str, status: Step, reason: str, receipt: str | None = None
) -> None:
    """Note that an erasure has come so far; belongs in the transaction that takes it there."""
    row = {
        "seq": next_seq(con, "provenance.erasures"),
        "erasure_id": erasure_id,
        "row_id": row_id,
        "status": status,
        "reason": reason,
        "receipt": receipt,
        "recorded_at": datetime.now(UTC),
    }
    append(con, "provenance.erasures", pl.DataFrame([row], schema_overrides={"receipt": pl.String}))
