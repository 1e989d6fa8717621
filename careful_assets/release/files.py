"""The files of a release folder: their names, their digests, and making them durable.

Belongs here: what a whole folder (`folder`) and what is left of a retired one (`tombstone`) have in common.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from careful_assets.provenance.digests import canonical, sha256

ROWS, RECORDS, REJECTS, MANIFEST, CARD = (
    "rows.parquet",
    "provenance.parquet",
    "rejects.parquet",
    "manifest.json",
    "DATA_CARD.md",
)
MAKING = ".making-"


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_of_files(digests: Mapping[str, str]) -> str:
    """The folder digest: sha256 over the names and digests of all files in the folder."""
    return sha256(canonical(sorted(digests.items())))


def sync(path: Path) -> None:
    """Make a file, or which entries a folder has, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
