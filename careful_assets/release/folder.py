"""The release folder: written whole under another name, then renamed; read back and held against its manifest.

rows.parquet  provenance.parquet  rejects.parquet  canaries.parquet  manifest.json  DATA_CARD.md; of a retired one, see
`tombstone`. Folders of before there were canaries have none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.provenance import released
from careful_assets.provenance.release_content import content_digest, leaf_digests
from careful_assets.provenance.release_files import (
    CARD,
    MANIFEST,
    RECORDS,
    REJECTS,
    ROWS,
    file_sha256,
    is_retired,
)
from careful_assets.provenance.release_tables import read_tables
from careful_assets.release.counts import miscounted, refuse_untyped_counts
from careful_assets.release.files import CANARIES, MAKING, digest_of_files
from careful_assets.release.rows import Contents
from careful_assets.release.tombstone import wrong_with
from careful_assets.warehouse.home import explained, sync


def write_folder(
    target: Path, contents: Contents, manifest: dict[str, Any], card: str, canaries: pl.DataFrame | None = None
) -> str:
    """Write a release folder at `target`, whole or not at all, and return its folder digest.

    `canaries`: of `canary_rows`, in a file that no reader of rows reads.

    Raises:
        HomeUnusable: the disk is full or the folder cannot be written; nothing is left behind under `target`.
        StageFailed: there is a folder of that version already.
    """
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for leftover in target.parent.glob(f"{MAKING}*"):
            shutil.rmtree(leftover)
        making = target.parent / f"{MAKING}{uuid.uuid4().hex}"
        making.mkdir()
        try:
            tables = {ROWS: contents.rows, RECORDS: contents.records, REJECTS: contents.rejects}
            if canaries is not None:
                tables[CANARIES] = canaries
            for name, frame in tables.items():
                _write_parquet(frame, making / name)
            (making / CARD).write_text(card, encoding="utf-8")
            files = {name: file_sha256(making / name) for name in (*tables, CARD)}
            text = json.dumps({**manifest, "files": files}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            (making / MANIFEST).write_text(text, encoding="utf-8")
            for path in making.iterdir():
                sync(path)
            if target.exists():
                raise StageFailed(
                    f"{target} stands already; a release is immutable. Move the folder away and run again"
                )
            making.rename(target)
            sync(target.parent)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return folder_digest(target)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The folder's manifest, with what a folder is held against in its types.

    Raises:
        StageFailed: it is missing, is no JSON, or lacks what a folder is held against.
    """
    manifest = released.read_manifest(folder)
    refuse_untyped_counts(manifest)
    return manifest


def read_leaves(folder: Path) -> dict[str, bytes]:
    """The leaf digests of the rows in the folder, by row_id.

    Raises:
        StageFailed: as `read_tables`.
        ValueError: as `leaf_digests`.
    """
    return leaf_digests(*read_tables(folder))


def folder_digest(folder: Path) -> str:
    """sha256 over the names and digests of all files in the folder."""
    return digest_of_files({path.name: file_sha256(path) for path in folder.iterdir()})


def differences(folder: Path) -> list[str]:
    """What in the folder is not as its manifest says; empty for a folder that is whole.

    Every file is hashed, the content digest is computed anew from the rows, and the manifest's counts are held to them.
    A retired release's folder is held against its tombstone instead.
    """
    if not folder.is_dir():
        return [f"{folder.name} is missing"]
    if is_retired(folder):
        return wrong_with(folder)
    try:
        manifest = read_manifest(folder)
        return changed_files(folder, manifest) or changed_rows(manifest, *read_tables(folder))
    except StageFailed as error:
        return [str(error)]


def changed_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """The files that are not those of the manifest: missing, changed, or too many.

    Raises:
        StageFailed: the folder, or a file in it, cannot be read.
    """
    try:
        present = {path.name for path in folder.iterdir()} - {MANIFEST}
        changed = [
            name
            for name, digest in sorted(manifest["files"].items())
            if name in present and (not (folder / name).is_file() or file_sha256(folder / name) != digest)
        ]
    except OSError as error:
        raise StageFailed(f"the folder or a file in it cannot be read: {error.strerror}") from error
    wrong = [f"{name} is missing" for name in sorted(set(manifest["files"]) - present)]
    # A file's name need not be text.
    strangers = [name.encode("utf-8", "backslashreplace").decode() for name in present - set(manifest["files"])]
    wrong += [f"{name} is not in the manifest" for name in sorted(strangers)]
    return wrong + [f"{name} was changed" for name in changed]


def changed_rows(manifest: Mapping[str, Any], rows: pl.DataFrame, records: pl.DataFrame) -> list[str]:
    """What of the rows and records, as `read_tables` gives them, is not as the manifest says."""
    wrong = miscounted(manifest, rows, records)
    try:
        if content_digest(rows, records) != manifest["content_digest"]:
            wrong.append("the rows do not give the content digest")
    except ValueError as error:
        wrong.append(f"the rows cannot give the content digest: {error}")
    return wrong


def _write_parquet(frame: pl.DataFrame, path: Path) -> None:
    try:
        frame.write_parquet(path, compression="zstd")
    except pl.exceptions.ComputeError as error:
        # Polars wraps what the file system refused in an error of its own.
        found = re.search(r"\(os error (\d+)\)", str(error))
        if found is None:
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1])), str(path)) from error
