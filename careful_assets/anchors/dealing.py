"""Where every row lies: by its group's side, which never moves once it is settled; a row that bridges two is set aside.

Belongs here: one vintage's deal, given what earlier ones and the vault know. The rules are in
`dbt_like_sql/models/anchors/`; what changed between vintages is in `vintages`.
"""

from __future__ import annotations

import duckdb
import polars as pl

from careful_assets.anchors.grouping import NEAR_THOUSANDTHS, join_groups
from careful_assets.anchors.splits import edges_of, point_of
from careful_assets.card.anchors import Split
from careful_assets.text.near import near_pairs
from careful_assets.text.normalize import normalize
from careful_assets.text.shingles import ShingleSets
from careful_assets.warehouse.models import fill, run_model
from careful_assets.warehouse.tables import append, batches


def deal(con: duckdb.DuckDBPyConnection, split: Split, kin: pl.DataFrame) -> None:
    """Fill `staged.lying`: group, side and split of every staged row.

    Args:
        con: the staging file; of it `rows`, `known` and `clusters`.
        split: the card's shares, for groups that are new and touch nothing.
        kin: ref, how: rows on offer that the vault knows, or that are kin of sealed rows.
    """
    append(con, "staged.kin", kin)
    fill(con, "anchors/numbered_groups", "staged.groups")
    join_groups(con)
    fill(con, "anchors/touched_sides", "staged.touches")
    _place_points(con, split.salt)
    fill(con, "anchors/dealt_groups", "staged.dealt", edges_of(split))
    append(con, "staged.bridges", _bridges(con, split))
    fill(con, "anchors/split_rows", "staged.lying")


def _place_points(con: duckdb.DuckDBPyConnection, salt: str) -> None:
    # A cursor of its own: nothing else may use the connection while a relation is read.
    for groups in batches(con.cursor().sql("select number, group_id from staged.groups")):
        points = [point_of(group, salt) for group in groups["group_id"].to_list()]
        append(con, "staged.points", groups.select("number").with_columns(point=pl.Series(points, dtype=pl.Int64)))


def _bridges(con: duckdb.DuckDBPyConnection, split: Split) -> pl.DataFrame:
    """New rows that equal, or are near to, a row of another side: they would carry one side's text to the other."""
    rows = run_model(con, "anchors/conflicted_rows")
    found: list[int] = []
    for part in rows.partition_by("leader", maintain_order=True):
        fresh = part.with_row_index("place").filter(pl.col("fresh"))["place"].to_list()
        others = part.with_row_index("place").filter(pl.col("side").is_not_null())["place"].to_list()
        sides, refs = part["side"].to_list(), part["ref"].to_list()
        pairs = _alike(con, part, fresh, others, near=split.join == "near")
        found += {refs[one] for one, other in pairs if sides[one] != sides[other]}
    return pl.DataFrame({"ref": found}, schema={"ref": pl.Int64})


def _alike(
    con: duckdb.DuckDBPyConnection, part: pl.DataFrame, fresh: list[int], others: list[int], *, near: bool
) -> list[tuple[int, int]]:
    if near:
        con.register("part", part.select("ref"))
        texts = dict(con.sql("select ref, text from staged.rows semi join part using (ref)").fetchall())
        con.unregister("part")
        sets = ShingleSets.of([normalize(texts[ref]) for ref in part["ref"].to_list()])
        first, second = near_pairs(sets, fresh, others, NEAR_THOUSANDTHS)
        return list(zip(first.tolist(), second.tolist(), strict=True))
    hashes = part["text_hash"].to_list()
    by_hash: dict[int, list[int]] = {}
    for other in others:
        by_hash.setdefault(hashes[other], []).append(other)
    return [(one, other) for one in fresh for other in by_hash.get(hashes[one], []) if one != other]
