"""The record of every generated row that training was ever allowed to use, by ids and digests and without text.

The candidates are those of now: when a card asks for others, the rows of before stay in releases and models. Belongs
here: `training.records`. Does not belong here: which mix held a row (`training.runs`), and reading the records
(`operations.records`).
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from careful_assets.provenance.stage import Inputs

_ASKED = (
    "request_id", "round", "prompt_id", "prompt_sha256", "generator_id", "generator_family", "generator_revision",
    "generator_digest", "params", "seed", "parent_ids",
)  # fmt: skip
# A row whose label changes is on record once more: a release may hold it under either.
_TOLD_APART_BY = ["row_id", "label", "label_source"]


def newly_admitted(generated: pl.DataFrame, inputs: Inputs, run_id: str) -> pl.DataFrame:
    """The records of these rows that are not on record yet, as `training.records` has them.

    Args:
        generated: rows with row_id that training may use, before any cap.
        inputs: the stage's tables.
        run_id: the run that admits them.
    """
    labels = inputs.table("labeling.labels").select(_TOLD_APART_BY)
    candidates = inputs.table("generation.candidates").select(
        "row_id", "request_id", "ordinal", "requested_label", "depth"
    )
    known = inputs.table("training.records").select(_TOLD_APART_BY)
    return (
        generated.select("row_id")
        .join(labels, on="row_id")
        .join(known, on=_TOLD_APART_BY, how="anti")
        .join(candidates, on="row_id")
        .join(inputs.table("generation.requests").select(_ASKED), on="request_id")
        .with_columns(run_id=pl.lit(run_id), recorded_at=pl.lit(datetime.now(UTC)))
        .sort("row_id")
    )
