"""Whose rows belong together, where the card names no group column: a look at the source's other columns.

Belongs here: which columns' names and shapes make a group. Does not belong here: counting them, which is SQL over
staged rows, and dealing groups out (`splits`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from careful_assets.anchors.sources.reading import roles_of
from careful_assets.card.anchors import Columns

# Who wrote a row, where it stood, what it was part of: rows that share one of these share wording, and a model that
# has seen one knows something of the others. What a text is about (a product, a topic, a day) is left out: strangers
# write about the same product, and holding it back whole would ask another question than the card does.
_PEOPLE = "user username member customer client buyer author writer account reviewer respondent participant worker "
_PEOPLE += "patient subject speaker sender caller contact person owner employee household company organization email"
_DOCUMENTS = (
    "document doc article page paper report book chapter review post thread topic conversation dialog dialogue "
)
_DOCUMENTS += "session chat call ticket case claim complaint order invoice message transcript interview submission"
_PLACES = "domain url uri link site website host hostname file filename filepath path folder"
_WHOLES = "parent root group cluster family batch"
_HINTS = frozenset(f"{_PEOPLE} {_DOCUMENTS} {_PLACES} {_WHOLES}".split())
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

MOST_OF_ALL_ROWS = 0.10
FEWEST_VALUES = 30
LEAST_FILLED = 0.90


@dataclass(frozen=True)
class ColumnShape:
    """What a column's values look like: rows, those with a value, distinct values, rows of the commonest value."""

    column: str
    rows: int
    filled: int
    distinct: int
    largest: int


@dataclass(frozen=True)
class Discovery:
    """The column to take for the group, None if there is none; `considered`: column, distinct, largest, verdict."""

    column: str | None
    considered: list[dict[str, Any]]


def hinted_columns(columns: list[str], mapping: Columns) -> list[str]:
    """The source's columns, in order, whose names speak of a person, a document or another whole.

    The columns that the card names are left out.
    """
    taken = {name for _, name in roles_of(mapping)}
    return [name for name in columns if name not in taken and _speaks_of_a_whole(name)]


def choose_group(shapes: list[ColumnShape]) -> Discovery:
    """The coarsest column that can be a group: the one with the fewest distinct values among those that fit.

    Joining too many rows never leaks, it only makes the sides' sizes less even; joining too few puts one customer's
    rows on both sides. So of several the coarsest is taken (of equals the fuller, then the first), and the bounds
    only keep out what cannot be dealt out in four sides: a value with over a tenth of all rows (whichever side gets
    it, the others miss their shares), and under thirty values (the number below which `measures.intervals` calls an
    interval over groups too narrow). A column that is empty in over a tenth of its rows would leave those rows each
    on its own, and one whose values never repeat joins nothing. Columns that cross, such as customers and threads,
    are not joined through each other: name the group in the card where both matter.

    Raises:
        ValueError: counts that no column has.
    """
    considered: list[tuple[ColumnShape, str | None]] = []
    fitting: list[ColumnShape] = []
    for shape in shapes:
        if not 0 <= shape.largest <= shape.filled <= shape.rows or shape.distinct > shape.filled:
            raise ValueError(f"no column has the counts given for {shape.column!r}")
        why_not = _why_not(shape)
        if why_not is None:
            fitting.append(shape)
        considered.append((shape, why_not))
    chosen = min(fitting, key=lambda shape: (shape.distinct, -shape.filled), default=None)
    told = [
        {
            "column": shape.column,
            "distinct": shape.distinct,
            "largest": shape.largest,
            "verdict": why_not or ("chosen: the coarsest that fits" if shape is chosen else "fits, but is finer"),
        }
        for shape, why_not in considered
    ]
    return Discovery(chosen.column if chosen else None, told)


def _why_not(shape: ColumnShape) -> str | None:
    if shape.filled < LEAST_FILLED * shape.rows or not shape.rows:
        return f"empty in {shape.rows - shape.filled:,} of {shape.rows:,} rows"
    if shape.distinct == shape.filled:
        return "no value repeats"
    if shape.distinct < FEWEST_VALUES:
        return f"has {shape.distinct} values, too few to deal out (at least {FEWEST_VALUES})"
    if shape.largest > MOST_OF_ALL_ROWS * shape.rows:
        return f"one value holds {shape.largest:,} of {shape.rows:,} rows (at most {MOST_OF_ALL_ROWS:.0%})"
    return None


def _speaks_of_a_whole(name: str) -> bool:
    words = [word.casefold() for word in _WORDS.findall(name)]
    # Written together: userid, customerid.
    return any(
        word in _HINTS or word.removesuffix("id") in _HINTS or word.removesuffix("s") in _HINTS for word in words
    )
