"""Which rows belong together: the group column, or the one that was discovered; and which groups share a text.

Belongs here: joining. Where joined groups fall is in `dealing`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.anchors.discovery import ColumnShape, Discovery, choose_group
from careful_assets.anchors.splits import leaders_of
from careful_assets.card.anchors import Anchors
from careful_assets.errors import StageFailed
from careful_assets.text import near_texts
from careful_assets.text.near import near_components
from careful_assets.text.normalize import normalize
from careful_assets.text.shingles import ShingleSets
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.staging import Staging
from careful_assets.warehouse.tables import append, batches

# Two texts are near copies from this Jaccard similarity of their shingles on, in thousandths.
NEAR_THOUSANDTHS = 700
# As far as comparing texts, and holding new ones against the vault, was measured to fit into 4 GiB.
NEAR_TEXTS = 10_000_000


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


def cluster_texts(staging: Staging, anchors: Anchors, folder: Path) -> None:
    """Put texts that are near copies of each other into one cluster.

    Of few texts the shingles are kept, too, by which the vault tells near copies of what is sealed; of many it has the
    texts.

    Args:
        folder: where texts may lie while they are compared.

    Raises:
        StageFailed: there are too many texts to compare.
    """
    if anchors.split.join == "exact":
        return
    with staging.opened() as con:
        count = different_texts(con)
    if count > NEAR_TEXTS:
        raise StageFailed(
            f"{count:,} different texts are more than can be compared for near copies ({NEAR_TEXTS:,}). Set "
            "anchors.split.join to exact, which joins groups by equal texts alone: near copies may then cross splits"
        )
    if count > near_texts.EXACT_TEXTS:
        _cluster_many(staging, folder)
    else:
        _cluster_few(staging)


def different_texts(con: duckdb.DuckDBPyConnection) -> int:
    """How many normal forms the staged rows have."""
    return int(con.sql("select count(distinct text_hash) from staged.rows").fetchall()[0][0])


def _cluster_few(staging: Staging) -> None:
    with staging.opened() as con:
        texts = con.sql("select text_hash, min(text) as text from staged.rows group by text_hash order by text_hash")
        frame = texts.pl()
        sets = ShingleSets.of([normalize(text) for text in frame["text"].to_list()])
        first = pl.Series(near_components(sets, NEAR_THOUSANDTHS), dtype=pl.Int64)
        append(con, "staged.clusters", _clusters(frame["text_hash"], first))
        append(con, "staged.shingles", sets.frame(frame["text_hash"]).rename({"ref": "text_hash"}))


def _cluster_many(staging: Staging, folder: Path) -> None:
    hashes: list[pl.Series] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        first = near_texts.clusters(_first_texts(staging, hashes), file, NEAR_THOUSANDTHS)
    with staging.opened() as con:
        append(con, "staged.clusters", _clusters(pl.concat(hashes), pl.Series(first, dtype=pl.Int64)))


def _first_texts(staging: Staging, hashes: list[pl.Series]) -> Iterator[pl.Series]:
    """Each different text once; its hash goes to `hashes`. After the last one DuckDB's memory is free."""
    with staging.opened() as con:
        con.execute("create temp table firsts as select min(ref) as ref from staged.rows group by text_hash")
        for batch in batches(con.sql("select text_hash, text from staged.rows semi join firsts using (ref)")):
            hashes.append(batch["text_hash"])
            yield batch["text"]


def _clusters(hashes: pl.Series, first: pl.Series) -> pl.DataFrame:
    clusters = pl.DataFrame({"text_hash": hashes, "cluster": hashes.gather(first)})
    return clusters.filter(pl.col("text_hash") != pl.col("cluster"))


def join_groups(con: duckdb.DuckDBPyConnection) -> None:
    """Join the numbered groups that share a text or near copies of one."""
    append(con, "staged.leaders", leaders_of(run_model(con, "anchors/shared_clusters")))
