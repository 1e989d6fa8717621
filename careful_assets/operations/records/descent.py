"""What was made from what: a row's descendants, through prompts that showed it and rows made from those.

Belongs here: following parents downwards, a generation a step. Does not belong here: a single row's own parents
(`trace`).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import polars as pl

from careful_assets.warehouse.models import run_model


def descendants_of(con: duckdb.DuckDBPyConnection, *row_ids: str) -> set[str]:
    """The ids of all candidates whose prompt showed one of these rows, or a descendant of one."""
    con.execute("drop table if exists temp.parentage")
    con.execute(
        "create temp table parentage as select request_id, unnest(parent_ids) as parent_id from generation.requests"
    )
    found: set[str] = set()
    fresh: Iterable[str] = row_ids
    while fresh:
        sought(con, fresh)
        children = set(run_model(con, "provenance/children")["row_id"].to_list())
        fresh = children - found
        found |= children
    return found


def sought(con: duckdb.DuckDBPyConnection, row_ids: Iterable[str]) -> None:
    """Have these ids at hand as the view `sought`, for the models that ask about them."""
    con.register("sought", pl.DataFrame({"row_id": sorted(row_ids)}, schema={"row_id": pl.String}))
