"""What is offered to the vault: a staging file's tables, at hand inside the vault's connection.

Belongs here: which tables an offer has. Does not belong here: what the vault makes of them (`vault`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from careful_assets.warehouse.tables import attached

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
