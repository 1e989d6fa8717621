"""Looking into a card that is still plain values: what is missing or of another type is as if it were not there.

Belongs here: getters that never raise. Does not belong here: any rule (`rules`, `purpose_rules`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Values = Any
# A broken rule: the place that is to blame, and what is wrong there.
Broken = tuple[tuple[str | int, ...], str]


def value_at(value: Values, *path: str) -> Values:
    """Whatever stands at the path; None where nothing does."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def list_at(value: Values, *path: str) -> list[Values]:
    """The list at the path; empty where there is none."""
    found = value_at(value, *path)
    return found if isinstance(found, list) else []


def entries_at(value: Values, *path: str) -> Iterator[tuple[int, dict[str, Values]]]:
    """The mappings in the list at the path, each with its index."""
    return ((index, entry) for index, entry in enumerate(list_at(value, *path)) if isinstance(entry, dict))


def texts_at(value: Values, *path: str) -> list[str]:
    """The texts in the list at the path, stripped as the models strip them."""
    return [entry.strip() for entry in list_at(value, *path) if isinstance(entry, str)]


def text_at(value: Values, *path: str) -> str | None:
    """The text at the path, stripped as the models strip it."""
    found = value_at(value, *path)
    return found.strip() if isinstance(found, str) else None


def integer_at(value: Values, *path: str) -> int | None:
    """The whole number at the path, if it is one that can be worked with."""
    found = value_at(value, *path)
    plain = isinstance(found, int) and not isinstance(found, bool)
    return found if plain and abs(found) <= 10**9 else None


def share_at(value: Values, *path: str) -> float | None:
    """The share at the path: a number from 0 to 1."""
    found = value_at(value, *path)
    plain = isinstance(found, int | float) and not isinstance(found, bool)
    return found if plain and 0 <= found <= 1 else None
