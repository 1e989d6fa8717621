"""The record of every generated row that training was ever allowed to use, by ids and digests and without text.

The candidates are those of now: when a card asks for others, the rows of before stay in releases and models. Belongs
here: `training.records`. Does not belong here: which mix held a row (`training.runs`), and reading the records
(`operations.records`).
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from careful_assets.provenance.stage import Inputs


def newly_admitted(inputs: Inputs, run_id: str) -> pl.DataFrame:
    """The records that `training.records` lacks, without their numbers; a row whose label changed is there once more.

    Args:
        inputs: the stage's tables.
        run_id: the run that admits them.
    """
    rows = inputs.model("training/newly_admitted")
    return rows.with_columns(run_id=pl.lit(run_id), recorded_at=pl.lit(datetime.now(UTC)))
