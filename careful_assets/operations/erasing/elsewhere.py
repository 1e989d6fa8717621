"""Which other datasets of the same home hold a row that is erased from one of them: read, and never changed.

Belongs here: looking through their warehouses by id. Does not belong here: their vaults, which nobody opens
from outside.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import CarefulError
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import read


def other_holders(home: Home, name: str, row_id: str) -> list[dict[str, str]]:
    """The other datasets that hold the row of this id: `dataset`; `held`, yes, or why that is not known; `next`, the
    command that erases it there.
    """
    own = home.warehouse(name)
    found = []
    for path in sorted(own.parent.glob(f"*{own.suffix}")):
        if path == own or path.name.startswith("."):
            continue
        held = _held(path, row_id)
        if held != "no":
            command = f"careful erase {path.stem} --anchor {row_id} --reason ..."
            found.append({"dataset": path.stem, "held": held, "next": command})
    return found


def _held(path: Path, row_id: str) -> str:
    mine = pl.col("row_id") == row_id
    try:
        with connect(path, read_only=True) as con:
            tables = (read(con, table).filter(mine).height for table in ("anchors.rows", "anchors.history"))
            return "yes" if any(tables) else "no"
    except (CarefulError, duckdb.Error, OSError) as error:
        return f"unread: {type(error).__name__}"
