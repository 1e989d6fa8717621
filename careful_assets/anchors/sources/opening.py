"""The one door to all sources: the card's source, opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from careful_assets.anchors.sources.csv_files import CsvReading
from careful_assets.anchors.sources.databases import open_database
from careful_assets.anchors.sources.jsonl_files import JsonlReading
from careful_assets.anchors.sources.parquet_files import ParquetReading
from careful_assets.anchors.sources.reading import Reading
from careful_assets.anchors.sources.saved_datasets import SavedDatasetReading
from careful_assets.anchors.sources.servers import open_server
from careful_assets.anchors.sources.vader_reviews import read_vader_reviews
from careful_assets.card.anchors import DatasetsSource, FileSource, Source, SqlSource, VaderReviews

_FILES: dict[str, Callable[[FileSource, Path], Reading]] = {
    "csv": CsvReading,
    "jsonl": JsonlReading,
    "parquet": ParquetReading,
}


def open_source(source: Source, folder: Path, cache: Path) -> Reading:
    """The source, found to be there and to have the card's columns; a file also to be the one that the card names.

    Args:
        source: the card's `anchors.source`.
        folder: the card's folder, from which its paths start.
        cache: where fetched distributions are kept.

    Raises:
        MalformedInput: what is wrong, all at once.
        StageFailed: a distribution could not be fetched, or a database stayed locked.
    """
    if isinstance(source, VaderReviews):
        return read_vader_reviews(source, cache)
    if isinstance(source, FileSource):
        return _FILES[source.kind](source, folder)
    if isinstance(source, DatasetsSource):
        return SavedDatasetReading(source, folder)
    assert isinstance(source, SqlSource)
    return open_database(source, folder) if source.url is None else open_server(source)
