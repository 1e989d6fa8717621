"""What is offered to the vault: a staging file's tables, at hand inside the vault's connection, and what must hold.

Belongs here: which tables an offer has, and holding them to their form and to what is sealed. Does not belong here:
what the vault makes of them (`vault`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from careful_assets.errors import StageFailed
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import attached
from careful_assets.warehouse.vault_near import Near, crossing, near_refs

ALL = "all"
"""The slice of every sealed row."""

_OFFERED = ("rows", "known", "lying", "dealt", "clusters", "shingles", "slices")


@contextmanager
def on_offer(con: duckdb.DuckDBPyConnection, staged: Path) -> Iterator[None]:
    """The staging file's tables at hand as `offered_rows` and so on; outside of any transaction."""
    with attached(con, staged, "_offer"):
        for name in _OFFERED:
            con.execute(f"create temp view offered_{name} as from _offer.staged.{name}")
        yield
        for name in _OFFERED:
            con.execute(f"drop view offered_{name}")


def hold_offer(con: duckdb.DuckDBPyConnection, vault_path: Path) -> int:
    """Hold the offer to its form and to what is sealed: no error names a row. How many sealed rows are not offered."""
    found = run_model(con, "vault/offer_faults").row(0, named=True)
    if found["repeated"]:
        raise StageFailed(f"rows to seal: {found['repeated']} rows repeat a row id; give each row once")
    if found["reserved"]:
        raise StageFailed(f"slices to seal: the name {ALL!r} stands for every sealed row; rename that slice")
    if found["reopened"]:
        raise StageFailed(
            f"{vault_path}: {found['reopened']} rows that were sealed before would lie open now: the anchors are split "
            "otherwise. What was sealed stays sealed; restore anchors.split and the groups, or start another dataset"
        )
    if found["crossing"]:
        raise crossing(vault_path, found["crossing"], "the text")
    if found["stale"] and found["not_offered"]:
        raise StageFailed(
            f"{vault_path}: the fingerprints of rows sealed before are computed differently now, and "
            f"{found['not_offered']} sealed rows are not offered with the text they were sealed with, so that theirs "
            "would stay behind. Offer every sealed row again, or use the careful-assets version, and the "
            "anchors.split.join, that sealed them"
        )
    return int(found["absent"])


def hold_apart(con: duckdb.DuckDBPyConnection, near: Near | None, was_empty: bool, vault_path: Path) -> None:
    """No new row that lies open is near to a sealed one, those sealed just now among them."""
    if near is None:
        return
    refs = run_model(con, "vault/split_clusters") if was_empty else near_refs(con, near, vault_path.parent)
    aside = con.sql("select ref from offered_lying where split = 'aside'").pl()
    rows = refs.join(aside, on="ref", how="anti")["ref"].n_unique()
    if rows:
        raise crossing(vault_path, rows, "a near copy")
