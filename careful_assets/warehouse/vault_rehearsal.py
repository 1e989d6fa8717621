"""A vault of its own for rows that lie open anyway, on which leak detectors are tried.

Belongs here: sealing such rows in a file of their own, under a key of its own. Does not belong here: any dataset's
vault; nothing made here is a grant on one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.tables import append
from careful_assets.warehouse.vault_probe import VaultProbe
from careful_assets.warehouse.vault_store import require_columns

_RUN = "rehearsal"


def rehearse(folder: Path, rows: pl.DataFrame) -> VaultProbe:
    """Seal open rows in a vault of their own, and grant to ask it. It goes when its caller removes the folder.

    Args:
        folder: a private one; the vault, and a warehouse for its openings, come to lie in a new folder below.
        rows: row_id (each once) and text; label and group_id where there are any.

    Raises:
        StageFailed: there are no rows, one is given twice, or a column is missing.
        HomeUnusable: the folder cannot be written.
    """
    require_columns(rows, "rows to rehearse with", {"row_id": pl.String, "text": pl.String})
    if rows.is_empty() or rows["row_id"].is_duplicated().any():
        raise StageFailed("rows to rehearse with: give at least one, and each row id once")
    own = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=folder))
    vault, warehouse = own / "vault.duckdb", own / "warehouse.duckdb"
    migrate(warehouse)
    kept = rows.select(
        "row_id",
        "text",
        label=pl.col("label").cast(pl.String) if "label" in rows.columns else pl.lit(""),
        group_id=pl.col("group_id").cast(pl.String) if "group_id" in rows.columns else pl.col("row_id"),
        sealed_in=pl.lit(""),
    )
    with connect(vault) as con, transaction(con):
        vault.chmod(0o600)
        con.execute(vault_store.SCHEMA.read_text(encoding="utf-8"))
        append(con, "sealed.rows", kept)
        vault_store.register(con, _RUN, kept.height)
    return VaultProbe(vault, warehouse, _RUN, stage=_RUN)
