"""From the source to the staging file: every row read once, checked, held against the contract, given its id.

Belongs here: what is known of a row by itself. Which rows belong together, and where they fall, is in `grouping`
and `dealing`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import duckdb
import polars as pl

from careful_assets.anchors.discovery import hinted_columns
from careful_assets.anchors.row_ids import anchor_id
from careful_assets.anchors.sources.opening import open_source
from careful_assets.anchors.sources.reading import PLACE, Reading, wanted_columns
from careful_assets.anchors.sources.rows import anchor_rows, finish, text_of
from careful_assets.expectations.contract import Contract
from careful_assets.provenance.digests import sha256
from careful_assets.provenance.stage import StageContext
from careful_assets.text.normalize import hash64, normalize
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.staging import Staging
from careful_assets.warehouse.tables import append

_ATTRIBUTE = "attribute:"
_FINDINGS: dict[str, type[pl.DataType]] = {
    "expectation": pl.Int32, "type": pl.String, "column_name": pl.String, "severity": pl.String, "passed": pl.Boolean,
    "checked": pl.Int64, "unexpected": pl.Int64, "detail": pl.String, "contract_sha256": pl.String,
}  # fmt: skip
_FAILURES: dict[str, type[pl.DataType]] = {"expectation": pl.Int32, "row_id": pl.String, "place": pl.Int64}


@dataclass(frozen=True)
class Loaded:
    """What a reading left beside the staged rows: its digest, what the contract found, rows left out, contrasts."""

    digest: str
    findings: pl.DataFrame
    failures: pl.DataFrame
    erased: int
    contrasts: pl.Series


def load(context: StageContext, staging: Staging, erased: Collection[str]) -> Loaded:
    """Stage the card's real rows, all of them, or none.

    Rows that were `erased`, by their ids, are left out as if the source had none, though it may hold them still: only
    then, for the ids of equal texts hang on how many there are. The contract is held against the source as it is.

    Raises:
        MalformedInput: the source's faults, or the contract's, all at once.
        StageFailed: a source that must be fetched could not be.
    """
    card = context.card.anchors
    reading = open_source(card.source, context.loaded.folder, context.home.cache)
    contract = Contract(context.loaded.contract) if context.loaded.contract else None
    hints = [] if reading.mapping.group else hinted_columns(reading.columns, reading.mapping)
    if contract:
        contract.need_columns(reading.columns)
    votes = [reading.votes] if reading.votes else []
    wanted = wanted_columns(reading.mapping, [*votes, *hints, *(contract.columns if contract else [])])
    height, seen = 0, set[str]()
    with staging.opened() as con:
        for batch in reading.batches(wanted):
            if contract:
                contract.check(_with_gaps(batch) if card.source.kind == "csv" else batch)
            rows = anchor_rows(batch, reading.mapping, card.labels, reading.faults, reading.votes)
            height, seen = height + rows.height, seen | set(rows["label"].to_list())
            if not reading.faults.faults:
                _stage(con, rows, card.name, card.split.salt)
                append(con, "staged.hints", _long(batch, hints, "column_name"))
        finish(reading.faults, card.labels, height, seen)
        _number_copies(con, card.name)
        _refuse_repeated_keys(con, reading)
        left_out = _leave_out(con, erased)
        return Loaded(reading.digest, *_contract_tables(contract, con), left_out, reading.contrasts)


def contract_fails(findings: pl.DataFrame) -> bool:
    """Whether an expectation of severity critical is not met."""
    return not findings.filter((pl.col("severity") == "critical") & ~pl.col("passed")).is_empty()


def open_failures(con: duckdb.DuckDBPyConnection, failures: pl.DataFrame) -> pl.DataFrame:
    """The failing rows that lie open: sealed ones are counted, and not named."""
    con.register("failures", failures)
    found = con.sql("select * from failures semi join staged.open_rows using (row_id)").pl()
    con.unregister("failures")
    return found


def _stage(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame, source: str, salt: str) -> None:
    """Rows with their ids, by the card's key column or, without one, by the salted digest of the text."""
    texts = rows["text"].to_list()
    keyed = rows["key"].null_count() == 0
    keys = rows["key"].to_list() if keyed else [sha256(f"{salt}\0{text}") for text in texts]
    staged = rows.select(pl.col(PLACE).alias("ref"), "text", "label", pl.col("group").alias("group_id"), "votes")
    append(
        con,
        "staged.rows",
        staged.with_columns(
            key=pl.Series(keys, dtype=pl.String),
            keyed=pl.lit(keyed),
            row_id=pl.Series([anchor_id(source, key if keyed else f"{key}:1") for key in keys], dtype=pl.String),
            text_hash=pl.Series([hash64(normalize(text)) for text in texts], dtype=pl.Int64),
        ),
    )
    named = [name for name in rows.columns if name.startswith(_ATTRIBUTE)]
    attributes = _long(rows, named, "attribute")
    append(con, "staged.attributes", attributes.with_columns(pl.col("attribute").str.strip_prefix(_ATTRIBUTE)))


def _with_gaps(batch: pl.DataFrame) -> pl.DataFrame:
    """A CSV file has no other way to say that a value is missing than an empty cell."""
    return batch.with_columns(pl.col(pl.String).replace("", None))


def _long(rows: pl.DataFrame, columns: list[str], name: str) -> pl.DataFrame:
    """One row a row and column that is filled: ref, the column's name, its value as text."""
    if not columns:
        return pl.DataFrame(schema={"ref": pl.Int64, name: pl.String, "value": pl.String})
    wide = pl.DataFrame([rows[PLACE].alias("ref"), *(text_of(rows[column]) for column in columns)])
    filled = wide.unpivot(index="ref", variable_name=name).drop_nulls("value")
    return filled.with_columns(pl.col("value").str.strip_chars()).filter(pl.col("value") != "")


def _number_copies(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Rows without a key whose text an earlier row has too: which occurrence it is makes their id."""
    copies = run_model(con, "anchors/text_copies")
    ids = [anchor_id(source, f"{key}:{place}") for _, key, place in copies.iter_rows()]
    renamed = copies.select("ref").with_columns(row_id=pl.Series(ids, dtype=pl.String))
    con.register("renamed", renamed)
    con.execute("update staged.rows set row_id = renamed.row_id from renamed where rows.ref = renamed.ref")
    con.unregister("renamed")


def _refuse_repeated_keys(con: duckdb.DuckDBPyConnection, reading: Reading) -> None:
    for place, first in run_model(con, "anchors/repeated_keys").iter_rows():
        reading.faults.add(place, "key", f"stands already in row {first}; keys must be unique")
    reading.faults.stop()


def _leave_out(con: duckdb.DuckDBPyConnection, erased: Collection[str]) -> int:
    """Take erased rows out of what is staged; how many there were."""
    con.register("erased", pl.DataFrame({"row_id": sorted(erased)}, schema={"row_id": pl.String}))
    found = con.sql("select ref from staged.rows semi join erased using (row_id)").pl()
    con.unregister("erased")
    con.register("left_out", found)
    for table in ("staged.rows", "staged.hints", "staged.attributes"):
        con.execute(f"delete from {table} where ref in (select ref from left_out)")  # noqa: S608  names are the code's own
    con.unregister("left_out")
    return found.height


def _contract_tables(contract: Contract | None, con: duckdb.DuckDBPyConnection) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the contract found, and the ids of rows that fail it."""
    if contract is None:
        return pl.DataFrame(schema=_FINDINGS), pl.DataFrame(schema=_FAILURES)
    failing = contract.failing()
    con.register("failing", failing)
    named = con.sql("select expectation, row_id, place from failing join staged.rows on ref = place").pl()
    con.unregister("failing")
    findings = contract.findings().rename({"column": "column_name"})
    return findings.with_columns(contract_sha256=pl.lit(contract.digest)), named
