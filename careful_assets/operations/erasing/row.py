"""The row that somebody asks to erase: which one it is, what it said, and whether it was erased before.

Belongs here: from an id, a prefix or a key to one real row. Does not belong here: what an erasure reaches
(`reach`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import duckdb
import polars as pl

from careful_assets.anchors.row_ids import anchor_id
from careful_assets.card.reader import LoadedCard
from careful_assets.errors import Refused
from careful_assets.provenance.erasures import newest_steps
from careful_assets.text import copies
from careful_assets.text.normalize import hash64, normalize
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault import VaultSealer
from careful_assets.warehouse.vault_erasing import SealedRow

_ID = re.compile("[0-9a-f]{64}")
_PREFIX = re.compile("[0-9a-f]{8,64}")


@dataclass(frozen=True)
class RealRow:
    """A real row: its id, its text where that lies open, the hashes of the normal forms that its versions had.

    `exemplar`: prompts might show it, and a model that is fitted to the exemplars learned from it.
    """

    row_id: str
    text: str = field(default="", repr=False)
    hashes: frozenset[int] = frozenset()
    sealed: bool = False
    exemplar: bool = False


def erased_before(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, asked: str) -> str | None:
    """The id of the row that is meant, if an erasure of it is on record, whether finished or not."""
    begun = newest_steps(con)["row_id"].to_list()
    fits = {row_id for row_id in begun if row_id == anchor_id(loaded.card.anchors.name, asked)}
    if _PREFIX.fullmatch(asked):
        fits |= {row_id for row_id in begun if row_id.startswith(asked)}
    return fits.pop() if len(fits) == 1 else None


def real_row(con: duckdb.DuckDBPyConnection, loaded: LoadedCard, home: Home, asked: str) -> RealRow:
    """The one real row that has this id, this key in the source or, if it lies open, an id with this beginning.

    Raises:
        Refused: there is none, or there are several.
    """
    name, keyed = loaded.card.name, anchor_id(loaded.card.anchors.name, asked)
    rows, history = read(con, "anchors.rows"), read(con, "anchors.history")
    known = {*rows["row_id"].to_list(), *history["row_id"].to_list()}
    prefix = asked if _PREFIX.fullmatch(asked) else None
    fits = {row_id for row_id in known if row_id == keyed or (prefix and row_id.startswith(prefix))}
    if len(fits) > 1:
        shown = ", ".join(sorted(row_id[:16] for row_id in fits)[:5])
        raise Refused(f"{name}: {asked} fits {len(fits)} real rows ({shown}); give more digits, or the whole id")
    if fits:
        row_id = fits.pop()
        own = rows.filter(pl.col("row_id") == row_id).sort("vintage")
        text = own["text"][-1] if own.height else ""
        versions = history.filter(pl.col("row_id") == row_id)
        written = {hash64(normalize(text))} if text else set()
        hashes = frozenset({*versions["text_hash"].to_list(), *written})
        return RealRow(row_id, text, hashes, exemplar="exemplar" in versions["split"].to_list())
    nothing = pl.DataFrame(schema={"row_id": pl.String, "text": pl.String})
    for row_id in (keyed, *([asked] if _ID.fullmatch(asked) else [])):
        if look_up_sealed(loaded, home, row_id, nothing) is not None:
            return RealRow(row_id, sealed=True)
    raise Refused(
        f"{name} has no real row {asked}: give its id, its first eight or more digits if it is not sealed, or its key "
        f"in the source {loaded.card.anchors.name}. A generated row is not erased but excluded: careful exclude"
    )


def refuse_telling(loaded: LoadedCard, home: Home, row: RealRow, reason: str) -> None:
    """A reason stays on record, and in every tombstone: it must not hold the row's text.

    Raises:
        Refused: it holds the text, as an erasure finds copies.
    """
    offered = pl.DataFrame({"row_id": ["reason"], "text": [reason]})
    if row.sealed:
        told = look_up_sealed(loaded, home, row.row_id, offered)
        found = told.copies if told else frozenset()
    else:
        found = copies.find_copies(row.text, row.hashes, offered.iter_rows())
    if found:
        raise Refused(
            f"{loaded.card.name}: the reason holds the text of the row, and would stay on record when it is gone; say "
            "why without quoting it. Nothing was erased"
        )


def look_up_sealed(loaded: LoadedCard, home: Home, row_id: str, texts: pl.DataFrame) -> SealedRow | None:
    """What the vault says of the row; None if it is not sealed. `texts`: row_id, text."""
    name = loaded.card.name
    return VaultSealer(home.vault(name), home.warehouse(name), "erasure").look_up(row_id, texts, copies)
