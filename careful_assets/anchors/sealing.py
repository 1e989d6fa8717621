"""What the vault needs of the rows that are dealt to it beside their text: n-gram hashes and slices."""

from __future__ import annotations

import duckdb
import polars as pl

from careful_assets.card.models import Slice
from careful_assets.text.ngrams import ngram_hashes
from careful_assets.text.normalize import tokens
from careful_assets.warehouse.tables import append, batches


def mark_rows(con: duckdb.DuckDBPyConnection, slices: list[Slice], ngram_tokens: int) -> None:
    """Fill `staged.ngrams` and `staged.slices` for the rows that lie in the vault's split."""
    to_seal = "select ref, text, label from staged.rows join staged.lying using (ref) where lying.split = 'vault'"
    for rows in batches(con.cursor().sql(to_seal)):
        ngrams: list[tuple[int, int]] = []
        tags: list[tuple[int, str]] = []
        for ref, text, label in rows.iter_rows():
            words = tokens(text)
            ngrams += [(ref, value) for value in ngram_hashes(words, ngram_tokens)]
            tags += [(ref, part.name) for part in slices if _holds(part, label, len(words))]
        append(con, "staged.ngrams", pl.DataFrame(ngrams, schema={"ref": pl.Int64, "hash": pl.Int64}, orient="row"))
        append(con, "staged.slices", pl.DataFrame(tags, schema={"ref": pl.Int64, "slice": pl.String}, orient="row"))


def _holds(part: Slice, label: str, length: int) -> bool:
    if part.labels is not None and label not in part.labels:
        return False
    return part.min_tokens <= length and (part.max_tokens is None or length <= part.max_tokens)
