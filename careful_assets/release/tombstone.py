"""What is left of a retired release: still auditable, no longer loadable.

Manifest and data card stay as they were, the data files go, and TOMBSTONE.json says what was there and why it went.
Belongs here: the folder's side of retiring, and the warehouse's. Does not belong here: who retires a release, and why.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from careful_assets.errors import StageFailed
from careful_assets.provenance.release_files import (
    CARD,
    MANIFEST,
    TOMBSTONE,
    TOMBSTONE_FORMAT,
    file_sha256,
    is_retired,
    read_tombstone,
)
from careful_assets.release.files import digest_of_files
from careful_assets.warehouse.home import explained, sync

_MAKING = f".{TOMBSTONE}.making"
_KEPT = frozenset({MANIFEST, CARD, TOMBSTONE})


@dataclass(frozen=True)
class Retirement:
    """A release that is to be retired: its version, its digests on record, when and why."""

    version: str
    content_digest: str
    folder_digest: str
    retired_at: datetime
    why: str


def bury(folder: Path, retirement: Retirement) -> None:
    """Make the folder a tombstone; one that a kill left half made is finished, a whole one stays as it is.

    The tombstone is written first, durably, and then the data files go. A folder that is gone gets a tombstone, too:
    it must not be restored.

    Raises:
        HomeUnusable: the folder cannot be written.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not is_retired(folder):
            _write(folder, retirement)
        for entry in [entry for entry in folder.iterdir() if entry.name not in _KEPT]:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        sync(folder)


def retire_on_record(con: duckdb.DuckDBPyConnection, retirement: Retirement) -> None:
    """The warehouse's side, in the caller's transaction: status, day and reason; the rows keep ids and lose texts."""
    version = {"version": retirement.version}
    told = version | {"at": retirement.retired_at, "why": retirement.why}
    status = "status = 'retired', retired_at = $at, retired_because = $why"
    con.execute(f"update release.releases set {status} where version = $version", told)  # noqa: S608
    con.execute("update release.rows set text = '' where version = $version", version)


def wrong_with(folder: Path) -> list[str]:
    """What of a retired release's folder is not as its tombstone says; empty for a whole tombstone."""
    try:
        told = read_tombstone(folder)
    except StageFailed as error:
        return [str(error)]
    present = {entry.name for entry in folder.iterdir()}
    wrong = [f"{name} is there, though the release is retired" for name in sorted(present - _KEPT)]
    found = told["gone"] | _digests(folder, present & {MANIFEST, CARD})
    if digest_of_files(found) != told.get("folder_digest"):
        wrong.append(f"{MANIFEST} and {CARD} are not what they were when the release was retired")
    return wrong


def _write(folder: Path, retirement: Retirement) -> None:
    names = {path.name for path in folder.iterdir() if path.is_file()} - {_MAKING}
    told = {
        "format": TOMBSTONE_FORMAT,
        "version": retirement.version,
        "status": "retired",
        "retired_at": retirement.retired_at.isoformat(),
        "why": retirement.why,
        "content_digest": retirement.content_digest,
        "folder_digest": retirement.folder_digest,
        "gone": _digests(folder, names - _KEPT),
    }
    making = folder / _MAKING
    making.write_text(json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    sync(making)
    making.rename(folder / TOMBSTONE)
    sync(folder)


def _digests(folder: Path, names: set[str] | frozenset[str]) -> Mapping[str, str]:
    return {name: file_sha256(folder / name) for name in sorted(names)}
