"""The release folder: written whole under another name, then renamed; read back and held against its manifest.

rows.parquet  provenance.parquet  rejects.parquet  manifest.json  DATA_CARD.md; of a retired one, see `tombstone`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.release.content import content_digest, leaf_digests
from careful_assets.release.files import (
    CARD,
    MAKING,
    MANIFEST,
    RECORDS,
    REJECTS,
    ROWS,
    digest_of_files,
    file_sha256,
    sync,
)
from careful_assets.release.rows import Contents
from careful_assets.release.tombstone import is_retired, wrong_with
from careful_assets.warehouse.home import explained


def write_folder(target: Path, contents: Contents, manifest: dict[str, Any], card: str) -> str:
    """Write a release folder at `target`, whole or not at all, and return its folder digest.

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
            for name, frame in ((ROWS, contents.rows), (RECORDS, contents.records), (REJECTS, contents.rejects)):
                _write_parquet(frame, making / name)
            (making / CARD).write_text(card, encoding="utf-8")
            files = {name: file_sha256(making / name) for name in (ROWS, RECORDS, REJECTS, CARD)}
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
    """The folder's manifest.

    Raises:
        StageFailed: it is missing, is no JSON, or lacks what a folder is held against.
    """
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageFailed(f"{folder / MANIFEST} cannot be read: {type(error).__name__}") from error
    if (
        not isinstance(manifest, dict)
        or not isinstance(manifest.get("files"), dict)
        or "content_digest" not in manifest
    ):
        raise StageFailed(f"{folder / MANIFEST} is no release's manifest: it names no files, or no content digest")
    return manifest


def read_leaves(folder: Path) -> dict[str, bytes]:
    """The leaf digests of the rows in the folder, by row_id."""
    return leaf_digests(pl.read_parquet(folder / ROWS), pl.read_parquet(folder / RECORDS))


def folder_digest(folder: Path) -> str:
    """sha256 over the names and digests of all files in the folder."""
    return digest_of_files({path.name: file_sha256(path) for path in folder.iterdir()})


def differences(folder: Path) -> list[str]:
    """What in the folder is not as its manifest says; empty for a folder that is whole.

    Every file is hashed, and the content digest is computed anew from the rows. A retired release's folder is held
    against its tombstone instead.
    """
    if not folder.is_dir():
        return [f"{folder.name} is missing"]
    if is_retired(folder):
        return wrong_with(folder)
    try:
        manifest = read_manifest(folder)
    except StageFailed as error:
        return [str(error)]
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    wrong = [f"{name} is missing" for name in sorted(set(manifest["files"]) - present)]
    wrong += [f"{name} is not in the manifest" for name in sorted(present - set(manifest["files"]))]
    wrong += [
        f"{name} was changed"
        for name, digest in sorted(manifest["files"].items())
        if name in present and (not (folder / name).is_file() or file_sha256(folder / name) != digest)
    ]
    if not wrong:
        found = content_digest(pl.read_parquet(folder / ROWS), pl.read_parquet(folder / RECORDS))
        if found != manifest["content_digest"]:
            wrong.append("the rows do not give the content digest")
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
