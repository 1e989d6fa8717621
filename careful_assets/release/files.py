"""The files of a release folder: their names, their digests, and reading those of JSON.

Belongs here: what a whole folder (`folder`) and what is left of a retired one (`tombstone`) have in common.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from careful_assets.errors import StageFailed
from careful_assets.provenance.digests import canonical, sha256

ROWS, RECORDS, REJECTS, MANIFEST, CARD = (
    "rows.parquet",
    "provenance.parquet",
    "rejects.parquet",
    "manifest.json",
    "DATA_CARD.md",
)
MAKING = ".making-"
_MOST_BYTES = 64 * 2**20
_DEEPEST = 50


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def digest_of_files(digests: Mapping[str, str]) -> str:
    """The folder digest: sha256 over the names and digests of all files in the folder."""
    return sha256(canonical(sorted(digests.items())))


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
