"""What was made from what: a row's descendants, through prompts that showed it and rows made from those.

Belongs here: following parents downwards, a generation a step, and what fitted models learned (`provenance.descent`).
Does not belong here: a single row's own parents (`trace`).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import polars as pl

from careful_assets.provenance.descent import FITTED_FAMILY
from careful_assets.warehouse.models import run_model

_PARENTAGE = "select request_id, unnest(parent_ids) as parent_id from"


def descendants_of(con: duckdb.DuckDBPyConnection, *row_ids: str) -> set[str]:
    """The ids of all generated rows whose prompt showed one of these rows, or a descendant of one.

    Of a row that is or was an exemplar also all rows of models that were fitted to the exemplars.
    """
    with_earlier(con)
    con.execute("drop table if exists temp.parentage")
    con.execute(f"create temp table parentage as {_PARENTAGE} generation.requests union {_PARENTAGE} training.records")
    exemplars = set(run_model(con, "provenance/exemplars_ever")["row_id"].to_list())
    found: set[str] = set()
    fresh = set(row_ids)
    if fresh & exemplars:
        found |= set(run_model(con, "provenance/fitted_rows", {"family": FITTED_FAMILY})["row_id"].to_list())
        fresh |= found
    while fresh:
        sought(con, fresh)
        children = set(run_model(con, "provenance/children")["row_id"].to_list())
        fresh = children - found
        found |= children
    return found


def with_earlier(con: duckdb.DuckDBPyConnection) -> None:
    """Have the rows of earlier generations at hand as the view `earlier`, for the models that ask about them."""
    con.register("earlier", run_model(con, "provenance/earlier_rows"))


def sought(con: duckdb.DuckDBPyConnection, row_ids: Iterable[str]) -> None:
    """Have these ids at hand as the view `sought`, for the models that ask about them."""
    con.register("sought", pl.DataFrame({"row_id": sorted(row_ids)}, schema={"row_id": pl.String}))
