"""What the vault needs of the rows that are dealt to it beside their text: slices."""

from __future__ import annotations

import duckdb
import polars as pl

from careful_assets.card.evaluation import Slice
from careful_assets.text.normalize import tokens
from careful_assets.warehouse.engines import second
from careful_assets.warehouse.tables import append, batches


def mark_rows(con: duckdb.DuckDBPyConnection, slices: list[Slice]) -> None:
    """Fill `staged.slices` for the rows that lie in the vault's split."""
    to_seal = "select ref, text, label from staged.rows join staged.lying using (ref) where lying.split = 'vault'"
    for rows in batches(second(con).sql(to_seal)):
        tags: list[tuple[int, str]] = []
        for ref, text, label in rows.iter_rows():
            length = len(tokens(text))
            tags += [(ref, part.name) for part in slices if _holds(part, label, length)]
        append(con, "staged.slices", pl.DataFrame(tags, schema={"ref": pl.Int64, "slice": pl.String}, orient="row"))


def _holds(part: Slice, label: str, length: int) -> bool:
    if part.labels is not None and label not in part.labels:
        return False
    return part.min_tokens <= length and (part.max_tokens is None or length <= part.max_tokens)
