"""The ruler's own quality, counted inside of the vault: rows, copies and how far raters were apart, by set and class.

Belongs here: the counts. Does not belong here: the grant (`vault_probe`), what is advised of them (the evaluation
room), how copies are found (the workshop's `text.near_texts`).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault_leaks import ANCHORS
from careful_assets.warehouse.vault_near import Near, with_copies
from careful_assets.warehouse.vault_seals import tables

QUALITY: dict[str, type[pl.DataType]] = {
    "set_name": pl.String, "origin": pl.String, "label": pl.String, "rows": pl.Int64, "groups": pl.Int64,
    "exact_copies": pl.Int64, "near_copies": pl.Int64, "rated_rows": pl.Int64, "disagreement": pl.Float64,
}  # fmt: skip
_SAME = 1000


def rows_to_judge(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """set_name, row_id, text, label, group_id, hash (of the normal form; null of further sets), disagreement."""
    there = tables(con)
    marks = read(con, "sealed.fingerprints").filter(pl.col("kind") == "exact").select("row_id", "hash")
    ratings = {"row_id": pl.String, "disagreement": pl.Float64}
    rated = read(con, "sealed.ratings") if "ratings" in there else pl.DataFrame(schema=ratings)
    real = read(con, "sealed.rows").select("row_id", "text", "label", "group_id").with_columns(set_name=pl.lit(ANCHORS))
    judged = real.join(marks.unique("row_id"), on="row_id", how="left").join(rated, on="row_id", how="left")
    if "set_rows" not in there:
        return judged
    # A generated row descends from no group of authors: each stands by itself.
    further = read(con, "sealed.set_rows").with_columns(group_id="row_id")
    return pl.concat([judged, further.select(name for name in judged.columns if name in further)], how="diagonal")


def quality_of(rows: pl.DataFrame, near: Near | None, folder: Path) -> pl.DataFrame:
    """The counts over `rows_to_judge`, by set and class.

    Args:
        rows: as that has it.
        near: from which similarity on rows are near copies, and the search; None: near copies are not counted.
        folder: the vault's, where normal forms lie while they are compared.

    Returns:
        set_name, origin (real or synthetic), label, rows, groups, exact_copies (rows whose normal form another row of
        the set has, whatever its label; of further sets, whose shingles it has), near_copies (rows of which another
        row of the set is a near copy, equal ones among them), rated_rows, disagreement (mean over those; null without
        any). What was not counted is null.
    """
    told = [_of_set(part, near, folder) for part in rows.partition_by("set_name")]
    counted = pl.concat(told) if told else pl.DataFrame(schema=QUALITY)
    return counted.select(pl.col(name).cast(kind) for name, kind in QUALITY.items()).sort("set_name", "label")


def _of_set(rows: pl.DataFrame, near: Near | None, folder: Path) -> pl.DataFrame:
    real = rows["set_name"][0] == ANCHORS
    unknown = pl.Series([None] * rows.height, dtype=pl.Boolean)
    near_copies = with_copies(rows["text"], near.thousandths, near, folder) if near else unknown
    if real:
        exact_copies = rows["hash"].is_duplicated() & rows["hash"].is_not_null()
    else:
        exact_copies = with_copies(rows["text"], _SAME, near, folder) if near else unknown
    counted = rows.with_columns(exact=exact_copies, near=near_copies)
    return counted.group_by("set_name", "label").agg(
        origin=pl.lit("real" if real else "synthetic"),
        rows=pl.len(),
        groups=pl.col("group_id").n_unique(),
        exact_copies=pl.when(pl.col("exact").count() > 0).then(pl.col("exact").sum()),
        near_copies=pl.when(pl.col("near").count() > 0).then(pl.col("near").sum()),
        rated_rows=pl.col("disagreement").count(),
        disagreement=pl.col("disagreement").mean(),
    )
