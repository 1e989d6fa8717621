"""What every source reader returns: a table that is read in batches, with its faults and its digest.

Belongs here: the interface, and what all readers do alike (finding the card's columns, cutting batches). Does not
belong here: a format (one module each), and whether a row can be an anchor (`rows`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.card.anchors import Columns

BATCH_ROWS = 50_000
# Bounds a batch where rows are long: about 300 of them at the longest text that an anchor may have.
BATCH_BYTES = 32_000_000
PLACE = "place"


class Reading(ABC):
    """A source that was opened and found to have the columns that the card names; no row was judged yet.

    `columns`: its own columns' names, in order (of a JSONL file those of its first thousand lines). `mapping`: which
    of them holds what. `votes`: the column with the raters' votes, if the source has one. `faults` grows while
    batches are read. `contrasts`: real texts of another kind that came with it and are no anchors.
    """

    votes: str | None = None
    contrasts: pl.Series = pl.Series("text", [], dtype=pl.String)

    def __init__(self, columns: list[str], mapping: Columns, faults: FaultList) -> None:
        self.columns = columns
        self.mapping = mapping
        self.faults = faults

    @abstractmethod
    def batches(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows, at most 50,000 at a time: `place` (Int64, line or row number from 1) and the wanted columns.

        Rows that cannot be given as a table's are left out and noted as faults.

        Raises:
            MalformedInput: reading cannot go on; with all faults so far.
        """

    @property
    @abstractmethod
    def digest(self) -> str:
        """The sha256 that stands in the card: of the file; for SQL that of the rows, known after the last batch."""


def roles_of(columns: Columns) -> list[tuple[str, str]]:
    """(role, column) of every column that the card names; an attribute's role is `attribute:<column>`."""
    named = (("text", columns.text), ("label", columns.label), ("key", columns.key), ("group", columns.group))
    roles = [(role, name) for role, name in named if name is not None]
    return roles + [(f"attribute:{name}", name) for name in columns.attributes]


def wanted_columns(columns: Columns, extra: Iterable[str] = ()) -> list[str]:
    """The columns to read, each once: the card's, then the others."""
    return list(dict.fromkeys([name for _, name in roles_of(columns)] + list(extra)))


def need_columns(present: list[str], columns: Columns, faults: FaultList) -> None:
    """Refuse a table without the columns that the card names, or with two of one name.

    Raises:
        MalformedInput: naming each missing column and those that are there.
    """
    repeated = sorted({name for name in present if present.count(name) > 1})
    if repeated:
        faults.add(1, "", f"the header repeats {', '.join(repeated)}; give every column its own name")
    shown = ", ".join(present[:20]) + (" ..." if len(present) > 20 else "")
    for role, name in roles_of(columns):
        key = f"columns.{role}" if ":" not in role else "columns.attributes"
        if name == PLACE:
            faults.add(1, key, f"{PLACE!r} is the platform's own word for a row's number; rename the source's column")
        elif name not in present:
            alike = [other for other in present if other.strip().casefold() == name.strip().casefold()]
            hint = f"; {alike[0]!r} differs in case or space only" if alike else f"; the columns are {shown}"
            faults.add(1, key, f"there is no column {name!r}{hint}")
    faults.stop()


def gathered(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in batches: small frames joined, none above the bounds but where one frame is."""
    held: list[pl.DataFrame] = []
    rows = size = 0
    for frame in frames:
        more = int(frame.estimated_size())
        if held and (rows + frame.height > BATCH_ROWS or size + more > BATCH_BYTES):
            yield pl.concat(held, how="vertical_relaxed")
            held, rows, size = [], 0, 0
        held.append(frame)
        rows += frame.height
        size += more
    if rows:
        yield pl.concat(held, how="vertical_relaxed")


def numbered(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames with their rows' numbers, from 1."""
    first = 1
    for frame in frames:
        places = pl.Series(PLACE, range(first, first + frame.height), dtype=pl.Int64)
        yield frame.insert_column(0, places)
        first += frame.height
