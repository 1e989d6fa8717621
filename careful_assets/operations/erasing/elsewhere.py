"""Which other datasets of the same home hold what is erased from one of them: read, and never changed.

Belongs here: looking through their warehouses by id, for the row itself and for sealed sets that descend from it. Does
not belong here: their vaults, which nobody opens from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import CarefulError
from careful_assets.operations.erasing.reach import Reach
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import read


def other_holders(home: Home, name: str, reach: Reach) -> list[dict[str, str]]:
    """The other datasets that hold the row, or sealed a set of rows that this erasure reaches.

    Each with `dataset`; `held`, what it holds, or why that is not known; `next`, the command that erases it there.
    """
    own = home.warehouse(name)
    found = []
    for path in sorted(own.parent.glob(f"*{own.suffix}")):
        if path != own and not path.name.startswith("."):
            found += [{"dataset": path.stem, "held": held, "next": command} for held, command in _held(path, reach)]
    return found


def _held(path: Path, reach: Reach) -> list[tuple[str, str]]:
    row = f"careful erase {path.stem} --anchor {reach.row_id} --reason ..."
    try:
        with connect(path, read_only=True) as con:
            held = [("the row", row)] if _has_row(con, reach.row_id) else []
            sets = list(_descending_sets(con, reach))
    except (CarefulError, duckdb.Error, OSError) as error:
        return [(f"unread: {type(error).__name__}", row)]
    return held + [(f"the set {one}", f"careful erase {path.stem} --set {one} --reason ...") for one in sets]


def _has_row(con: duckdb.DuckDBPyConnection, row_id: str) -> bool:
    tables = ("anchors.rows", "anchors.history")
    return any(read(con, table).filter(pl.col("row_id") == row_id).height for table in tables)


def _descending_sets(con: duckdb.DuckDBPyConnection, reach: Reach) -> Iterator[str]:
    """The sealed sets, by name, that hold a row which is reached, or one that was made from the real row."""
    there = con.sql("from duckdb_tables() where schema_name = 'anchors' and table_name = 'set_lineage'").fetchall()
    if there:  # a warehouse that no newer version opened has none
        lineage = read(con, "anchors.set_lineage")
        made = (pl.col("kind") == "parent") & (pl.col("item") == reach.row_id)
        held = (pl.col("kind") == "row") & pl.col("item").is_in(list(reach.candidates))
        yield from lineage.filter(made | held)["set_name"].unique().sort()
