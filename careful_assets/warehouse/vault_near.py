"""Near copies of sealed rows, told inside of the vault: by stored shingles where all rows have them, else by text.

Belongs here: what the sealer and the probe ask about near copies. Does not belong here: how texts are compared. That
is the workshop's, which the vault cannot import; so the grant's caller hands the search in, and the vault lets none
but `text.near_texts` see a sealed text. It answers in numbers and truth values, by place.

Shingles are offered, and then stored, as long as a dataset has few enough texts for the exact search over all of them.
A dataset that outgrew that has rows without shingles in its vault, whose texts are read here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.models import fill, model_sql, run_model
from careful_assets.warehouse.tables import append, batches

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SEARCH = "careful_assets.text.near_texts"


class NearSearch(Protocol):
    """The module `text.near_texts`, as far as the vault uses it; its docstrings say what each function answers."""

    __name__: str

    def joined(
        self, known: Iterable[pl.Series], fresh: Iterable[pl.Series], file: BinaryIO, thousandths: int
    ) -> npt.NDArray[np.int64]:
        """Components of near copies."""
        ...

    def resembling(
        self, known: Iterable[pl.Series], asked: Iterable[pl.Series], file: BinaryIO, thousandths: int
    ) -> npt.NDArray[np.bool_]:
        """Which texts have a known near copy."""
        ...


@dataclass(frozen=True)
class Near:
    """From which Jaccard similarity of shingles two texts are near copies, in thousandths; and what finds them.

    Raises:
        StageFailed: the search is another than the workshop's, and would see sealed texts.
    """

    thousandths: int
    search: NearSearch

    def __post_init__(self) -> None:
        if self.search.__name__ != _SEARCH:
            raise StageFailed(
                f"the vault shows sealed texts to {_SEARCH} alone, not to {self.search.__name__}; hand that in"
            )


def near_refs(con: duckdb.DuckDBPyConnection, near: Near | None, folder: Path) -> pl.DataFrame:
    """Rows on offer that are new, or have a new text, and are near copies of sealed rows: ref, once each.

    `folder` is the vault's: normal forms of sealed texts lie there while they are compared, in a file without a name.
    """
    if near is None or not vault_store.count(con, "sealed.rows"):
        return pl.DataFrame(schema={"ref": pl.Int64})
    if _all_have_shingles(con):
        return run_model(con, "vault/near_kin", {"thousandths": near.thousandths}).select("ref").unique()
    con.execute("create or replace temp table asked_texts (text_hash bigint, text varchar)")
    fill(con, "vault/asked_texts", "asked_texts")
    hashes: list[pl.Series] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        sealed, asked = _texts(con, "from sealed.rows", []), _texts(con, "from asked_texts", hashes, "text_hash")
        found = near.search.resembling(sealed, asked, file, near.thousandths)
    con.register("near_texts", pl.DataFrame({"text_hash": pl.concat(hashes)}).filter(pl.Series(found)))
    refs = con.sql(
        "select ref from offered_rows semi join near_texts using (text_hash) anti join sealed.rows using (row_id)"
    )
    rows = refs.pl()
    con.unregister("near_texts")
    con.execute("drop table asked_texts")
    return rows


def note_joins(con: duckdb.DuckDBPyConnection, near: Near | None, folder: Path) -> None:
    """Keep which groups to seal hold near copies of sealed rows, which the source may have no longer."""
    if near is None or not vault_store.count(con, "sealed.rows"):
        return
    if _all_have_shingles(con):
        con.register("near_pairs", run_model(con, "vault/near_kin", {"thousandths": near.thousandths}))
        fill(con, "vault/near_groups", "sealed.joins")
        con.unregister("near_pairs")
        return
    groups: list[pl.Series] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        sealed = _texts(con, "from sealed.rows", groups, "group_id")
        fresh = _texts(con, model_sql("vault/fresh_rows"), groups, "group_id")
        root = near.search.joined(sealed, fresh, file, near.thousandths)
    group = pl.concat(groups)
    joins = pl.DataFrame({"group_id": group, "other": group.gather(pl.Series(root))})
    append(con, "sealed.joins", joins.filter(pl.col("group_id") != pl.col("other")).unique())


def with_copies(texts: pl.Series, thousandths: int, near: Near, folder: Path) -> pl.Series:
    """By text whether another one is at least so similar; `near` says what searches. `folder`: as for `near_refs`."""
    with tempfile.TemporaryFile(dir=folder) as file:
        root = pl.Series(near.search.joined([], [texts], file, thousandths))
    return root.is_duplicated()


def _all_have_shingles(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether shingles were offered, and none of the sealed rows lacks its own."""
    if not vault_store.count(con, "offered_shingles"):
        return False
    marked = "(select row_id from sealed.fingerprints where kind = 'shingle')"
    return not con.sql(f"from sealed.rows anti join {marked} using (row_id) limit 1").fetchall()


def _texts(
    con: duckdb.DuckDBPyConnection, query: str, kept: list[pl.Series], column: str | None = None
) -> Iterator[pl.Series]:
    """The texts that a query finds, a batch at a time; what `column` says of each goes to `kept`."""
    for batch in batches(con.sql(query)):
        if column is not None:
            kept.append(batch[column])
        yield batch["text"]


def crossing(vault_path: Path, rows: int, what: str) -> StageFailed:
    """The error of a sealing that would part rows from kin of theirs. `what`: of a sealed row they have."""
    return StageFailed(
        f"{vault_path}: {rows} rows with {what} of a sealed row would lie open: joining the groups should have "
        "prevented it. Nothing was sealed; run it again, and report these words if it persists"
    )
