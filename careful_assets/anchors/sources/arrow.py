"""Arrow's record batches as frames; for Parquet files, saved datasets and DuckDB."""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.anchors.sources.faults import FaultList


def frame_of(batch: Any, faults: FaultList) -> pl.DataFrame:
    """The pyarrow record batch as a frame, its texts held to be UTF-8.

    Raises:
        MalformedInput: a column's bytes are not what its type says.
    """
    import pyarrow as pa

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            faults.add(
                None, name, "holds bytes that are not what the column's type says (UTF-8); write the source anew"
            )
            faults.stop()
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame
