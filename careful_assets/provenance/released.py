"""Reading a release's folder from the stages before it: a sealed set's rows, an active release's.

Belongs here: what every reader needs before it believes a row: the files held to the manifest's digests, the rows to
its content digest, nothing of a retired one. Does not belong here: what a release room or an auditor says of a folder
that is not whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.provenance.release_content import content_digest as digest_of
from careful_assets.provenance.release_files import (
    MANIFEST,
    RECORDS,
    ROWS,
    file_sha256,
    is_retired,
    read_document,
    read_tombstone,
)
from careful_assets.provenance.release_tables import read_tables, refuse_other_columns


@dataclass(frozen=True)
class Released:
    """What a release's folder holds. `rows`: row_id, text, label, split, origin; `records`: one a generated row."""

    manifest: dict[str, Any]
    rows: pl.DataFrame
    records: pl.DataFrame


def released(folder: Path, content_digest: str | None = None) -> Released:
    """The manifest, the rows and the records of a release that stands, each held to what the manifest says of it.

    Args:
        folder: as the release stage wrote it, or a copy from anywhere.
        content_digest: which content the caller was promised; None where any will do.

    Raises:
        StageFailed: the folder is missing, torn or no release's, a file is not the manifest's, the rows do not give
            the content digest, it is another than was promised, or the release was retired.
    """
    try:
        manifest = _standing_manifest(folder, content_digest)
        for name in (ROWS, RECORDS):
            _hold_to_manifest(folder, name, manifest)
        rows, records = read_tables(folder)
        _hold_to_content(manifest, rows, records)
    except StageFailed as error:
        raise StageFailed(f"release {_name(folder)} cannot be used: {error}") from error
    return Released(manifest, rows, records)


def released_batches(folder: Path, columns: Sequence[str], rows: int) -> Iterator[pl.DataFrame]:
    """The rows of a release that stands, `rows` at a time and in the file's order, for those too many for memory.

    The file is held to the manifest's digest before the first row is given; the content digest, which takes all rows,
    is not computed. `columns`: of rows.parquet.

    Raises:
        StageFailed: as `released`, but for the content digest; also between two batches.
    """
    try:
        _hold_to_manifest(folder, ROWS, _standing_manifest(folder, None))
        refuse_other_columns(folder / ROWS, columns)
        yield from _batches(folder / ROWS, columns, rows)
    except StageFailed as error:
        raise StageFailed(f"release {_name(folder)} cannot be used: {error}") from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """The folder's manifest, with the digests that a folder is held against in their types.

    Raises:
        StageFailed: it is missing, is no JSON, or lacks what a folder is held against.
    """
    manifest = read_document(folder / MANIFEST)
    files = manifest.get("files")
    if not isinstance(files, dict) or not isinstance(manifest.get("content_digest"), str):
        raise StageFailed(f"{MANIFEST} is no release's manifest: it names no files, or no content digest")
    if not all(isinstance(digest, str) for digest in files.values()):
        raise StageFailed(f"{MANIFEST} is no release's manifest: a file's digest is no text")
    return manifest


def _standing_manifest(folder: Path, promised: str | None) -> dict[str, Any]:
    """The manifest of a release that was not retired and, where one is given, has the promised content."""
    try:
        there, retired = folder.is_dir(), is_retired(folder)
    except OSError as error:
        raise StageFailed(f"its folder cannot be looked up: {error.strerror}") from error
    if not there:
        raise StageFailed("there is no such folder; restore it from a backup, or name a release that stands")
    if retired:
        told = read_tombstone(folder)
        raise StageFailed(
            f"it was retired on {_line(told.get('retired_at'))[:10]} ({_line(told.get('why'))}), and a retired release "
            "is not used again; name one that stands"
        )
    manifest = read_manifest(folder)
    if promised not in (None, manifest["content_digest"]):
        raise StageFailed(
            f"its content digest is {_line(manifest['content_digest'])[:16]}..., not {_line(promised)[:16]}...; "
            "name the digest of the release that is meant, after a look at what it holds"
        )
    return manifest


def _hold_to_manifest(folder: Path, name: str, manifest: dict[str, Any]) -> None:
    path = folder / name
    if name not in manifest["files"]:
        raise StageFailed(f"{MANIFEST} does not name {name}")
    try:
        if not path.is_file():
            raise StageFailed(f"{name} cannot be read: there is no such file")
        changed = file_sha256(path) != manifest["files"][name]
    except OSError as error:
        raise StageFailed(f"{name} cannot be read: {error.strerror}") from error
    if changed:
        raise StageFailed(f"{name} was changed since the release was made; restore the folder from a backup")


def _hold_to_content(manifest: dict[str, Any], rows: pl.DataFrame, records: pl.DataFrame) -> None:
    try:
        found = digest_of(rows, records)
    except ValueError as error:
        raise StageFailed(f"the rows cannot give the content digest: {error}") from error
    if found != manifest["content_digest"]:
        raise StageFailed("the rows do not give the content digest")


def _batches(path: Path, columns: Sequence[str], rows: int) -> Iterator[pl.DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as parquet:
            for batch in parquet.iter_batches(batch_size=rows, columns=list(columns), use_threads=False):
                yield pl.DataFrame(pl.from_arrow(batch))
    except (pa.ArrowException, OSError) as error:
        raise StageFailed(f"{path.name} cannot be read: it is no whole Parquet file") from error


def _line(value: object) -> str:
    """What a file that may have come from anywhere says, as one short line."""
    return " ".join(str(value).split())[:200]


def _name(folder: Path) -> str:
    """A folder's name need not be text."""
    return folder.name.encode("utf-8", "backslashreplace").decode()
