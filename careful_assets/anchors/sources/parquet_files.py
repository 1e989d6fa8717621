"""Anchors from a Parquet file: only the wanted columns are read, as many rows at a time as memory allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.anchors.sources.arrow import frame_of
from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.reading import BATCH_BYTES, BATCH_ROWS, gathered, need_columns, numbered
from careful_assets.anchors.sources.whole_files import DeclaredFile, FileReading
from careful_assets.card.anchors import FileSource

# Column chunks are read through a buffer of this size, not as a whole.
_BUFFER_BYTES = 1 << 20


class ParquetReading(FileReading):
    """A Parquet file; every row's place is its number."""

    def __init__(self, source: FileSource, folder: Path) -> None:
        faults = FaultList(source.path)
        file = DeclaredFile(source, folder, faults)
        with _opened(file.path, faults) as parquet:
            columns = list(parquet.schema_arrow.names)
        need_columns(columns, source.columns, faults)
        super().__init__(file, columns, source.columns, faults)

    def batches(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows, in the file's order, in the file's types."""
        with _opened(self.file.path, self.faults) as parquet:
            yield from numbered(gathered(self._frames(parquet, list(wanted))))
        self.file.still_stands(self.faults)

    def _frames(self, parquet: Any, wanted: list[str]) -> Iterator[pl.DataFrame]:
        import pyarrow as pa

        try:
            for batch in parquet.iter_batches(batch_size=_rows_at_once(parquet), columns=wanted, use_threads=False):
                yield frame_of(batch, self.faults).select(wanted)
        except (pa.ArrowException, OSError) as error:
            self.faults.add(None, "", f"is a damaged Parquet file ({type(error).__name__}); write it anew")
            self.faults.stop()


def _opened(path: Path, faults: FaultList) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        faults.add(None, "", f"is no Parquet file ({type(error).__name__}); mend anchors.source.kind or write it anew")
        faults.stop()
        raise


def _rows_at_once(parquet: Any) -> int:
    """So many rows that those of the file's widest row group stay within a batch's bytes."""
    groups = [parquet.metadata.row_group(at) for at in range(parquet.metadata.num_row_groups)]
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=1)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES / max(widest, 1))))
