"""Reading the rows and the records of a release's folder, which may have come from anywhere.

Belongs here: which columns they have, of which types. Does not belong here: what must hold of the values (the
release room's counts, `release_content`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.provenance.release_content import RECORD_FIELDS, ROW_FIELDS
from careful_assets.provenance.release_files import RECORDS, ROWS

_TEXTS: tuple[str, ...] = (
    "row_id", "text", "label", "split", "origin", "request_id", "label_source", "prompt_id", "prompt_sha256",
    "rendered_prompt", "generator_id", "generator_family", "generator_digest", "generator_revision", "params",
    "reviewer", "review",
)  # fmt: skip
_TYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(_TEXTS, pl.String()),
    **dict.fromkeys(("seed", "ordinal"), pl.Int64()),
    "parent_ids": pl.List(pl.String()),
    "reviewed_at": pl.Datetime("us", "UTC"),
}


def read_tables(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows and their records.

    Raises:
        StageFailed: one of the files is missing or no Parquet file, or lacks a column, or has one of another type. The
            message names the file alone.
    """
    return _read(folder / ROWS, ROW_FIELDS), _read(folder / RECORDS, ("row_id", *RECORD_FIELDS))


def refuse_other_columns(path: Path, needed: Sequence[str]) -> None:
    """See that a file of a release has these columns, and the known ones in their types.

    Raises:
        StageFailed: it is no Parquet file, lacks a column, or has one of another type. The message names the file
            alone.
    """
    if not path.is_file():
        raise StageFailed(f"{path.name} cannot be read: there is no such file")
    try:
        schema = pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise StageFailed(f"{path.name} cannot be read: it is no whole Parquet file") from error
    if absent := [column for column in needed if column not in schema]:
        raise StageFailed(f"{path.name} is no release's: it lacks {', '.join(absent)}")
    for column in _TYPES.keys() & schema.keys():
        if not _fits(_TYPES[column], schema[column]):
            raise StageFailed(f"{path.name} is no release's: {column} has the type {str(schema[column])[:40]}")


def _read(path: Path, needed: Sequence[str]) -> pl.DataFrame:
    """The columns that are known; others are nobody's concern here."""
    refuse_other_columns(path, needed)
    try:
        columns = [column for column in pl.read_parquet_schema(path) if column in _TYPES]
        found = pl.read_parquet(path, columns=columns, glob=False)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise StageFailed(f"{path.name} cannot be read: it is no whole Parquet file") from error
    # A column without any value has no type of its own.
    empty = [column for column, kind in found.schema.items() if _without_values(kind)]
    return found.with_columns(pl.col(column).cast(_TYPES[column]) for column in empty)


def _fits(wanted: pl.DataType, found: pl.DataType) -> bool:
    if _without_values(found) or found == wanted:
        return True
    return found.is_integer() if wanted.is_integer() else isinstance(found, pl.Datetime) and wanted.is_temporal()


def _without_values(kind: pl.DataType) -> bool:
    return kind in (pl.Null(), pl.List(pl.Null()))
