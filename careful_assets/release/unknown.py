"""Released rows of which nobody knows who made them: how many the card allows, and what to do about more.

Belongs here: the words, alike for the stage that refuses to write them and the check of what stands. Does not belong
here: which rows these are (the models `release/records` and `inherit/released_unknown`).
"""

from __future__ import annotations

from collections.abc import Iterable

from careful_assets.card.models import Card
from careful_assets.measures.shares import as_written


def too_many(card: Card, unknown: int, generated: int) -> bool:
    """Whether these are more unknown rows among the generated ones than the card allows."""
    return unknown > as_written(card.release.max_unknown_share) * generated


def told(unknown: int, generated: int, version: str) -> str:
    """How many they are."""
    return f"nobody knows who made {unknown} of the {generated} generated rows of {version}"


def remedy(card: Card, files: Iterable[tuple[str, int]]) -> str:
    """Where they came from, what the card allows, and both ways out. `files`: name and rows."""
    named = ", ".join(f"{file}: {rows}" for file, rows in files)
    return (
        f"({named}), the card allows {card.release.max_unknown_share:.1%}. Take them out with "
        f"`careful exclude {card.name} --generator unknown --reason ...`, or raise release.max_unknown_share in the "
        f"card; then materialize again what lies between (`careful run {card.name}`)"
    )
