"""How far the raters of a sealed row were apart, from the votes that the source has of it.

Belongs here: `sealed.ratings`, filled while a sealing holds the offer. Does not belong here: judging a ruler by it
(`vault_quality`, evaluation). The votes themselves are not kept, neither here nor in the warehouse.
"""

from __future__ import annotations

import duckdb
import polars as pl

from careful_assets.warehouse.tables import append, batches

# What was sealed stands: a row that has a rating keeps it, and votes on a text that has changed are of another text.
_UNRATED = "from offered_rows join sealed.rows using (row_id, text) anti join sealed.ratings using (row_id)"
_RATINGS: dict[str, type[pl.DataType]] = {"row_id": pl.String, "disagreement": pl.Float64}


def note_ratings(con: duckdb.DuckDBPyConnection) -> None:
    """Rate every sealed row that is on offer with votes and has no rating: also rows that were sealed before."""
    # Votes of some rows at a time; nothing is written to the connection while it is read.
    offered = con.sql(f"select row_id, votes {_UNRATED} where len(votes) > 0")
    rated = [disagreement(batch) for batch in batches(offered)]
    append(con, "sealed.ratings", pl.concat([pl.DataFrame(schema=_RATINGS), *rated]))


def disagreement(rows: pl.DataFrame) -> pl.DataFrame:
    """1 minus the share of a row's votes that are for its commonest one: 0 where all agree.

    Args:
        rows: row_id, votes (whole numbers, one at least).

    Returns:
        row_id, disagreement.
    """
    counted = rows.explode("votes").group_by("row_id", "votes").len()
    shares = counted.group_by("row_id").agg(disagreement=1 - pl.col("len").max() / pl.col("len").sum())
    return shares.select(pl.col(name).cast(kind) for name, kind in _RATINGS.items()).sort("row_id")
