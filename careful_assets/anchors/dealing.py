"""Where every row lies: by its group's side, which never moves once it is settled; a row that bridges two is set aside.

Belongs here: one vintage's deal, given what earlier ones and the vault know. The rules are in
`dbt_like_sql/models/anchors/`; what changed between vintages is in `vintages`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.anchors.grouping import NEAR_THOUSANDTHS, join_groups
from careful_assets.anchors.splits import edges_of, point_of
from careful_assets.card.anchors import Split
from careful_assets.text import near_texts
from careful_assets.warehouse.engines import second
from careful_assets.warehouse.models import fill, run_model
from careful_assets.warehouse.tables import append, batches


def deal(con: duckdb.DuckDBPyConnection, split: Split, kin: pl.DataFrame, folder: Path) -> None:
    """Fill `staged.lying`: group, side and split of every staged row.

    Args:
        con: the staging file; of it `rows`, `known` and `clusters`.
        split: the card's shares, for groups that are new and touch nothing.
        kin: ref, how: rows on offer that the vault knows, or that are kin of sealed rows.
        folder: where texts may lie while they are compared.
    """
    append(con, "staged.kin", kin)
    fill(con, "anchors/numbered_groups", "staged.groups")
    join_groups(con)
    fill(con, "anchors/touched_sides", "staged.touches")
    _place_points(con, split.salt)
    fill(con, "anchors/dealt_groups", "staged.dealt", edges_of(split))
    append(con, "staged.bridges", _bridges(con, split, folder))
    fill(con, "anchors/split_rows", "staged.lying")


def _place_points(con: duckdb.DuckDBPyConnection, salt: str) -> None:
    # A cursor of its own: nothing else may use the connection while a relation is read.
    for groups in batches(second(con).sql("select number, group_id from staged.groups")):
        points = [point_of(group, salt) for group in groups["group_id"].to_list()]
        append(con, "staged.points", groups.select("number").with_columns(point=pl.Series(points, dtype=pl.Int64)))


def _bridges(con: duckdb.DuckDBPyConnection, split: Split, folder: Path) -> pl.DataFrame:
    """New rows that equal, or are near to, a row of another side: they would carry one side's text to the other."""
    rows = run_model(con, "anchors/conflicted_rows").filter(pl.col("side").is_not_null())
    if not rows["fresh"].any():
        return pl.DataFrame(schema={"ref": pl.Int64})
    if split.join == "exact":
        return _equal_bridges(rows)
    # Near copies have one leader. Few rows are compared leader by leader, for the exact search likes it small.
    few = rows.height <= near_texts.EXACT_TEXTS
    parts = [part for part in rows.partition_by("leader") if part["fresh"].any()] if few else [rows]
    return pl.concat([_near_bridges(con, part, folder) for part in parts])


def _near_bridges(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    rows = rows.sort("fresh", "ref").with_row_index("place")
    con.register("conflicted", rows.select("place", "ref"))
    standing = rows.height - rows["fresh"].sum()
    texts = "select text from staged.rows join conflicted using (ref)"
    with tempfile.TemporaryFile(dir=folder) as file:
        before, fresh = (con.sql(f"{texts} where place {part} {standing} order by place") for part in ("<", ">="))
        sides = rows["side"].rank("dense").cast(pl.Int64).to_numpy()
        found = near_texts.bridging(_texts(before), _texts(fresh), sides, file, NEAR_THOUSANDTHS)
    con.unregister("conflicted")
    return rows.filter("fresh").filter(pl.Series(found)).select("ref")


def _equal_bridges(rows: pl.DataFrame) -> pl.DataFrame:
    torn = pl.col("side").n_unique().over("text_hash") > 1
    return rows.filter(torn & pl.col("fresh")).select("ref")


def _texts(relation: duckdb.DuckDBPyRelation) -> Iterator[pl.Series]:
    return (batch["text"] for batch in batches(relation))
