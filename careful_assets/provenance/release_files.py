"""The files of a release folder: their names, their digests, and reading those of JSON and a retired one's tombstone.

Belongs here: what whoever reads a folder needs. Does not belong here: writing one, or what is left of it when it is
retired (the release room); rows and records (`release_tables`).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from careful_assets.errors import StageFailed

ROWS, RECORDS, REJECTS, MANIFEST, CARD = (
    "rows.parquet",
    "provenance.parquet",
    "rejects.parquet",
    "manifest.json",
    "DATA_CARD.md",
)
TOMBSTONE = "TOMBSTONE.json"
TOMBSTONE_FORMAT = "careful-assets-tombstone/1"
_MOST_BYTES = 64 * 2**20
_DEEPEST = 50


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def read_document(path: Path) -> dict[str, Any]:
    """The object that a file of JSON holds, which may have come from anywhere.

    Raises:
        StageFailed: there is no such file, it is too large, it is no JSON or no object, or it holds what cannot be
            written again: values too deep in each other, or halves of a character. The message names the file alone.
    """
    if not path.is_file():
        raise StageFailed(f"{path.name} cannot be read: there is no such file")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise StageFailed(f"{path.name} cannot be read: it has more than {_MOST_BYTES // 2**20} MiB")
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StageFailed(f"{path.name} cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise StageFailed(f"{path.name} cannot be read: its values lie too deep in each other") from error
    except ValueError as error:
        raise StageFailed(f"{path.name} cannot be read: it is no JSON in UTF-8") from error
    if not isinstance(found, dict):
        raise StageFailed(f"{path.name} cannot be read: it holds no object")
    if fault := _unwritable(found):
        raise StageFailed(f"{path.name} cannot be read: {fault}")
    return found


def is_retired(folder: Path) -> bool:
    """Whether the folder is a retired release's, whatever else lies in it."""
    return (folder / TOMBSTONE).exists()


def read_tombstone(folder: Path) -> dict[str, Any]:
    """What TOMBSTONE.json says.

    Raises:
        StageFailed: it cannot be read, or is none.
    """
    told = read_document(folder / TOMBSTONE)
    if told.get("format") != TOMBSTONE_FORMAT or not isinstance(told.get("gone"), dict):
        raise StageFailed(f"{TOMBSTONE} is no tombstone: it does not say which files went")
    return told


def _unwritable(value: Any) -> str | None:
    """Why a value of JSON cannot be told; None for one that can."""
    level = [value]
    for _ in range(_DEEPEST):
        texts = [one for one in level if isinstance(one, str)]
        texts += [key for one in level if isinstance(one, dict) for key in one]
        if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
            return "it holds half of a character"
        level = [inner for one in level if isinstance(one, dict | list) for inner in _members(one)]
        if not level:
            return None
    return "its values lie too deep in each other"


def _members(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value
