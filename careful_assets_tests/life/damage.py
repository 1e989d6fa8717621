"""What may be done to a copied life, in words short enough for a table of many such damages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import pytest

from careful_assets_tests.life.arrange import Life

Arrangement = Callable[[Life, pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Break:
    """One way in which data may be wrong, and the pattern of what the check must say about it."""

    what: str
    says: str
    arrange: Arrangement


@dataclass(frozen=True)
class Accept:
    """One state of the data, other than that of the finished life, that the check must let pass."""

    what: str
    arrange: Arrangement


def sql(*statements: str) -> Arrangement:
    """Change the warehouse."""
    return lambda life, patch: life.sql(*statements)


LEAK_COLUMNS = "evaluation.leaks (row_id, eval_row_digest, detector, score, threshold, evidence)"
"""Of the table of leaks those without which there is no row."""


def card(old: str, new: str) -> Arrangement:
    """Change the card."""
    return lambda life, patch: life.rewrite_card(old, new)


def attribute(owner: object, name: str, value: object) -> Arrangement:
    """Change the code."""
    return lambda life, patch: patch.setattr(owner, name, value)


def one_more_byte(name: str) -> Arrangement:
    """Append a byte to a file of the release."""

    def arrange(life: Life, patch: pytest.MonkeyPatch) -> None:
        path = life.release_folder() / name
        path.write_bytes(path.read_bytes() + b" ")

    return arrange


def written(name: str, text: str) -> Arrangement:
    """Put a text into a file of the release."""
    return lambda life, patch: (life.release_folder() / name).write_text(text, encoding="utf-8") and None


def removed(name: str) -> Arrangement:
    """Remove a file of the release."""
    return lambda life, patch: (life.release_folder() / name).unlink()


def rewritten(name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Arrangement:
    """Change the rows of one of the release's tables."""

    def arrange(life: Life, patch: pytest.MonkeyPatch) -> None:
        path = life.release_folder() / name
        change(pl.read_parquet(path)).write_parquet(path)

    return arrange


def manifest(change: Callable[[dict[str, object]], object]) -> Arrangement:
    """Change the release's manifest in place."""

    def arrange(life: Life, patch: pytest.MonkeyPatch) -> None:
        path = life.release_folder() / "manifest.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        path.write_text(json.dumps(content), encoding="utf-8")

    return arrange


def both(*arrangements: Arrangement) -> Arrangement:
    """One after the other."""

    def arrange(life: Life, patch: pytest.MonkeyPatch) -> None:
        for one in arrangements:
            one(life, patch)

    return arrange
