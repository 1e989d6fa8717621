"""Which rows belong together: the group column, or the one that was discovered; and which groups share a text.

Belongs here: joining. Where joined groups fall is in `dealing`.
"""

from __future__ import annotations

import duckdb
import polars as pl

from careful_assets.anchors.discovery import ColumnShape, Discovery, choose_group
from careful_assets.anchors.splits import leaders_of
from careful_assets.card.anchors import Anchors
from careful_assets.errors import StageFailed
from careful_assets.text.near import near_components
from careful_assets.text.normalize import normalize
from careful_assets.text.shingles import ShingleSets
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import append

# Two texts are near copies from this Jaccard similarity of their shingles on, in thousandths.
NEAR_THOUSANDTHS = 700
# As far as comparing texts, and holding new ones against the vault, was measured to fit into memory.
NEAR_TEXTS = 100_000


def assign_groups(con: duckdb.DuckDBPyConnection, settled: str | None) -> Discovery:
    """Give every staged row its group: the source's, that of a discovered column, or the row's own.

    Args:
        settled: the column that earlier vintages were grouped by, where one was discovered.

    Raises:
        StageFailed: that column cannot serve any more.
    """
    rows = int(con.table("staged.rows").count("*").fetchall()[0][0])
    shapes = [
        ColumnShape(name, rows, filled, distinct, largest)
        for name, filled, distinct, largest in run_model(con, "anchors/column_shapes").iter_rows()
    ]
    found = choose_group(shapes)
    if settled is not None and settled not in [shape.column for shape in shapes]:
        raise StageFailed(
            f"earlier vintages were grouped by the column {settled!r}, which was found by its name; the source has "
            "none of that name now. Restore it, or name the column that took its place in anchors.source.columns.group"
        )
    column = settled or found.column
    if column is not None:
        named = "staged.hints where hints.ref = rows.ref and column_name = $column"
        con.execute(f"update staged.rows set group_id = hints.value from {named}", {"column": column})  # noqa: S608
    # A row of its own group is named by its key's digest in its id: no text, and none in common with a column's values.
    con.execute("update staged.rows set group_id = concat('row:', row_id) where group_id is null or group_id = ''")
    return Discovery(column, found.considered)


def cluster_texts(con: duckdb.DuckDBPyConnection, anchors: Anchors) -> None:
    """Put texts that are near copies of each other into one cluster, and keep their shingles for the vault.

    Raises:
        StageFailed: there are too many texts to compare.
    """
    if anchors.split.join == "exact":
        return
    texts = con.sql("select text_hash, min(text) as text from staged.rows group by text_hash order by text_hash")
    count = int(texts.count("*").fetchall()[0][0])
    if count > NEAR_TEXTS:
        raise StageFailed(
            f"{count:,} different texts are more than can be compared for near copies ({NEAR_TEXTS:,}). Set "
            "anchors.split.join to exact, which joins groups by equal texts alone: near copies may then cross splits"
        )
    frame = texts.pl()
    sets = ShingleSets.of([normalize(text) for text in frame["text"].to_list()])
    hashes = frame["text_hash"]
    first = pl.Series(near_components(sets, NEAR_THOUSANDTHS), dtype=pl.Int64)
    clusters = pl.DataFrame({"text_hash": hashes, "cluster": hashes.gather(first)})
    append(con, "staged.clusters", clusters.filter(pl.col("text_hash") != pl.col("cluster")))
    append(con, "staged.shingles", sets.frame(hashes).rename({"ref": "text_hash"}))


def join_groups(con: duckdb.DuckDBPyConnection) -> None:
    """Join the numbered groups that share a text or near copies of one."""
    append(con, "staged.leaders", leaders_of(run_model(con, "anchors/shared_clusters")))
