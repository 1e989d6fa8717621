"""Sealed texts, lent to the workshop's leak scan, and what becomes of its answer.

Belongs here: to whom sealed texts are lent, and the places of the scan's answer turned into keyed digests. Does not
belong here: the grant and its openings (`vault_probe`), how anything is found (the workshop's `text.leaks`, which the
vault cannot import; so the grant's caller hands the scan in).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.vault_seals import tables
from careful_assets.warehouse.vault_store import require_columns

ANCHORS = "anchors"
"""The name of the set that anchors sealed; further sets bear their own."""
_SCAN = "careful_assets.text.leaks.scan"
_ASKED: dict[str, type[pl.DataType]] = {"row_id": pl.String, "text": pl.String}
FOUND: dict[str, type[pl.DataType]] = {
    "row_id": pl.String, "eval_row_digest": pl.String, "set_name": pl.String, "detector": pl.String, "score": pl.Int64,
    "shared": pl.Int64, "of": pl.Int64, "start": pl.Int64, "stop": pl.Int64,
}  # fmt: skip


class Scanned(Protocol):
    """What a scan answers, in places and numbers."""

    @property
    def found(self) -> pl.DataFrame:
        """row_id, place (of the sealed row), detector, score, shared, of, start, stop."""
        ...

    @property
    def runs(self) -> pl.DataFrame:
        """One row a detector: whether it ran, over how many rows, and why not."""
        ...


class Scan(Protocol):
    """A `text.leaks.scan.LeakScan`, as far as the vault uses it."""

    @property
    def detectors(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def sends_to(self) -> tuple[str, ...]:
        """The providers that are shown texts."""
        ...

    def run(self, sealed: pl.Series, asked: Iterable[pl.DataFrame]) -> Scanned:
        """Hold rows against sealed texts."""
        ...


@dataclass(frozen=True)
class Leaks:
    """What the probe answers of leaks.

    `found`: row_id (the asked row's), eval_row_digest (HMAC-SHA256 of the sealed row's id, hex), set_name (`anchors` or
    the set's name), detector, score (thousandths), shared, of, start, stop, by row and detector. `runs`: one row a
    detector, as `text.leaks.scan.RUNS`; of one that did not run nothing is known, and no row is clean. `sealed_rows`:
    how many texts were held against, those of further sets among them.
    """

    found: pl.DataFrame
    runs: pl.DataFrame
    registry_state: str
    sealed_rows: int


@dataclass(frozen=True)
class SealedTexts:
    """All sealed rows, real ones first: `rows` with text, eval_row_digest, set_name; stays inside of the vault."""

    rows: pl.DataFrame = field(repr=False)
    registry_state: str


def hold_scan(scan: Scan, may_be_sent_to: Collection[str]) -> None:
    """Refuse what may not be shown sealed texts.

    Raises:
        StageFailed: the scan is another than the workshop's, or sends texts to a provider that is not named.
    """
    kind = type(scan)
    if kind.__module__ != _SCAN:
        raise StageFailed(
            f"the vault shows sealed texts to {_SCAN} alone, not to {kind.__module__}.{kind.__qualname__}; hand that in"
        )
    unnamed = sorted(set(scan.sends_to) - set(may_be_sent_to))
    if unnamed:
        raise StageFailed(
            f"this scan would send sealed texts to {', '.join(unnamed)}, which the card does not allow: name "
            f"{'it' if len(unnamed) == 1 else 'them'} under vault.may_be_sent_to, or use models on this machine"
        )


def sealed_texts(con: duckdb.DuckDBPyConnection) -> SealedTexts:
    """What is lent: the texts of anchors' rows and of further sets, each with its keyed digest.

    Raises:
        StageFailed: every row was erased; against nothing, nothing could be told.
    """
    rows = ids_of_sets(con, "row_id, text")
    if rows.is_empty():
        raise StageFailed("no row is sealed any more: everything was erased; materialize anchors first")
    state, _ = vault_store.standing(con)
    digests = vault_store.row_digests(con, rows["row_id"]).rename({"digest": "eval_row_digest"})
    real_first = rows.with_columns(further=pl.col("set_name") != ANCHORS).join(digests, on="row_id")
    return SealedTexts(
        real_first.sort("further", "set_name", "row_id").select("text", "eval_row_digest", "set_name"), state
    )


def ids_of_sets(con: duckdb.DuckDBPyConnection, columns: str) -> pl.DataFrame:
    """These columns of every sealed row, and set_name. Vaults of old have no further sets."""
    rows = con.sql(f"select {columns} from sealed.rows").pl().with_columns(set_name=pl.lit(ANCHORS))  # noqa: S608
    if "set_rows" not in tables(con):
        return rows
    return pl.concat([rows, con.sql(f"select {columns}, set_name from sealed.set_rows").pl()])  # noqa: S608


def well_formed(rows: Iterable[pl.DataFrame], seen: list[int]) -> Iterator[pl.DataFrame]:
    """The asker's rows, each batch held to its columns; how many they were goes to `seen`."""
    for batch in rows:
        require_columns(batch, "rows to hold against the ruler", _ASKED)
        seen.append(batch.height)
        yield batch.select(pl.col(name).cast(kind) for name, kind in _ASKED.items())


def answered(scanned: Scanned, sealed: SealedTexts) -> Leaks:
    """The scan's answer with keyed digests in the place of places."""
    found = scanned.found
    named = pl.concat([found, sealed.rows.drop("text")[found["place"]]], how="horizontal")
    kept = named.select(pl.col(name).cast(kind) for name, kind in FOUND.items())
    return Leaks(kept.sort("row_id", "detector"), scanned.runs, sealed.registry_state, sealed.rows.height)
