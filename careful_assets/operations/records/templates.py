"""The file of a prompt that is on record: where it lies, and whether it still is what was rendered."""

from __future__ import annotations

import codecs
import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import duckdb

# `unknown`: the card is not at hand, or names no such prompt.
State = Literal["unchanged", "changed", "missing", "unknown"]


def template_of(con: duckdb.DuckDBPyConnection, prompt_id: str, sha256: str, card: Path | None) -> dict[str, Any]:
    """A prompt's id, digest, file in the card's folder, and the file's state today.

    Args:
        con: the dataset's warehouse, whose frozen card names the file.
        prompt_id: the prompt's id on record.
        sha256: that of its text when it was rendered.
        card: the dataset's card.yaml; without it nothing is known of the file.
    """
    name = _named(con, prompt_id)
    path = None if card is None or name is None else card.parent / name
    return {
        "prompt_id": prompt_id,
        "sha256": sha256,
        "path": None if path is None else str(path),
        "file": "unknown" if path is None else _state(path, sha256),
    }


def _named(con: duckdb.DuckDBPyConnection, prompt_id: str) -> str | None:
    """How the card as it was frozen last names the prompt of this id."""
    for (card,) in con.table("purpose.cards").project("card").fetchall():
        names: list[str] = json.loads(card)["generation"]["prompts"]
        return next((name for name in names if Path(name).stem == prompt_id), None)
    return None


def _state(path: Path, sha256: str) -> State:
    try:
        raw = path.read_bytes()
    except (OSError, ValueError):
        return "missing"
    return "unchanged" if hashlib.sha256(raw.removeprefix(codecs.BOM_UTF8)).hexdigest() == sha256 else "changed"
