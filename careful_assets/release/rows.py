"""What goes into a release: its rows, the record of each generated row, and everything that was turned away.

Which rows these are is SQL, in `dbt_like_sql/models/release/`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from careful_assets.provenance.stage import Inputs, StageContext


@dataclass(frozen=True)
class Contents:
    """The three tables of a release folder, each sorted by row_id."""

    rows: pl.DataFrame
    records: pl.DataFrame
    rejects: pl.DataFrame


def gather(context: StageContext, inputs: Inputs) -> Contents:
    """Kept, confirmed and unstruck generated rows, the train anchors if the card wants them, and all rejects."""
    rows = inputs.model("release/contents", {"include_anchors": context.card.release.include_anchors})
    return Contents(rows, _records(inputs), inputs.model("release/rejects"))


def _records(inputs: Inputs) -> pl.DataFrame:
    """The records, with every judge's vote; times are in UTC wherever the release is made."""
    votes = inputs.table("labeling.votes").sort("row_id", "judge")
    ballots = votes.group_by("row_id", maintain_order=True).agg(
        pl.format("{}: {}", pl.col("judge"), pl.col("label")).alias("votes")
    )
    records = inputs.model("release/records").with_columns(pl.col("reviewed_at").dt.convert_time_zone("UTC"))
    return records.join(ballots, on="row_id", how="left", maintain_order="left")
