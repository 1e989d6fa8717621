"""Finding rows in the warehouses by their ids, and telling why one is not there.

Belongs here: what trace and find share. Does not belong here: what is told of a row (`trace`, `find`). An erased id is
on record for good: whoever asks for it learns when it went, and not that it never was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from careful_assets.errors import CarefulError, Exit, HomeUnusable, StageFailed
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.migrations import is_newest, migrate
from careful_assets.warehouse.tables import dicts

CANDIDATES, ANCHORS, RECORDS = "generation.candidates", "anchors.rows", "training.records"
# What a warehouse that cannot be read, or not now, fails with as it is opened.
UNREADABLE = (HomeUnusable, StageFailed)
_DAMAGED = (duckdb.CatalogException, duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
_SHORTEST_PREFIX = 8
_DIGITS = frozenset("0123456789abcdef")
_AFTER_THE_LAST_DIGIT = "g"
_ROWS = ("anchor", "candidate")


class UnknownRow(CarefulError):
    """No dataset has a row of this id, or it was erased."""

    exit_code = Exit.REFUSED


@dataclass(frozen=True)
class Place:
    """Where a row stands: in which dataset and table. `row_id` is its whole id.

    `skipped`: by dataset that could not be looked into the reason.
    """

    dataset: str
    table: str
    row_id: str
    skipped: dict[str, str] = field(default_factory=dict)


@contextmanager
def opened(home: Home, dataset: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A dataset's warehouse, for reading, with all tables of today; one of an older schema is migrated first.

    Raises:
        StageFailed: there is none, or a newer careful-assets wrote it.
        HomeUnusable: it is damaged, or no warehouse at all.
    """
    path = home.warehouse(dataset)
    try:
        with connect(path, read_only=True) as con:
            if is_newest(con):
                yield con
                return
        migrate(path)
        with connect(path, read_only=True) as con:
            yield con
    except _DAMAGED as error:
        raise HomeUnusable(
            f"cannot read {path}: {str(error).splitlines()[0]}. Nothing was changed; put back a copy of it that is "
            "whole"
        ) from error


def with_warehouse(home: Home, datasets: Iterable[str]) -> list[str]:
    """Those of the datasets for which anything was ever materialized."""
    return [dataset for dataset in datasets if home.warehouse(dataset).exists()]


@contextmanager
def located(home: Home, datasets: Sequence[str], row_id: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, Place]]:
    """The one row that has this id, or whose id begins with these eight hex digits or more, and its open warehouse.

    Raises:
        UnknownRow: it is no id, nothing or several rows have it, or it was erased.
    """
    if len(row_id) < _SHORTEST_PREFIX or not _DIGITS.issuperset(row_id):
        raise UnknownRow(f"{row_id!r} is no row id: give at least {_SHORTEST_PREFIX} hex digits of one, in lower case")
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        open_ones = {}
        for name in with_warehouse(home, datasets):
            try:
                open_ones[name] = stack.enter_context(opened(home, name))
            except UNREADABLE as error:
                skipped[name] = str(error)
        try:
            place = _place_in(open_ones, datasets, row_id)
        except UnknownRow as error:
            raise UnknownRow(f"{error}{not_looked_into(skipped)}") from error
        yield open_ones[place.dataset], replace(place, skipped=skipped)


def not_looked_into(skipped: Mapping[str, str]) -> str:
    """The end of a sentence that says that nothing was found, where some datasets could not be looked into."""
    return "".join(f". {dataset} could not be looked into: {why}" for dataset, why in skipped.items())


def _place_in(open_ones: Mapping[str, duckdb.DuckDBPyConnection], datasets: Sequence[str], row_id: str) -> Place:
    found: list[Place] = []
    erased: dict[str, str] = {}
    for dataset, con in open_ones.items():
        gone = erasures_of(con, dataset, row_id)
        for table, ids in _ids_by_table(con, row_id).items():
            # While an erasure is under way its rows still stand.
            found += [Place(dataset, table, full) for full in ids if full not in gone]
        erased |= gone
    _must_be_one(row_id, [place.row_id for place in found], list(erased))
    if erased and not found:
        raise UnknownRow(erased.popitem()[1])
    if not found:
        raise UnknownRow(
            f"no dataset has a row {row_id}; sealed rows cannot be traced. Looked in: {', '.join(datasets) or 'none'}"
        )
    if len(found) > 1:
        names = ", ".join(place.dataset for place in found)
        raise UnknownRow(f"{found[0].row_id} is a row of several datasets: {names}; name one with --dataset")
    return found[0]


def _ids_by_table(con: duckdb.DuckDBPyConnection, prefix: str) -> dict[str, list[str]]:
    """The ids with this prefix by the table that tells most of them: a candidate's record is told by the candidate."""
    ids = {table: ids_from(con, table, "row_id", prefix) for table in (CANDIDATES, ANCHORS, RECORDS)}
    return ids | {RECORDS: sorted(set(ids[RECORDS]) - set(ids[CANDIDATES]))}


def _must_be_one(prefix: str, found: Sequence[str], erased: Sequence[str]) -> None:
    ids = sorted({*found, *erased})
    if len(ids) > 1:
        told = ", ".join(f"{full[:16]}{' (erased)' if full in erased else ''}" for full in ids[:5])
        raise UnknownRow(f"{prefix} fits {len(ids)} rows; give more digits: {told}")


def ids_from(con: duckdb.DuckDBPyConnection, table: str, column: str, prefix: str) -> list[str]:
    """The different values of a column of hex digits that begin with `prefix`, in order.

    Asked as a range, so that blocks without any are not read.
    """
    within = f"{column} >= {_quoted(prefix)} and {column} < {_quoted(prefix + _AFTER_THE_LAST_DIGIT)}"
    rows = con.table(table).filter(within).project(column).distinct().fetchall()
    return sorted(value for (value,) in rows)


def rows_where(con: duckdb.DuckDBPyConnection, table: str, column: str, value: str) -> list[dict[str, Any]]:
    """The rows of `schema.name` whose column has this value; times are in UTC."""
    return dicts(con.table(table).filter(f"{column} = {_quoted(value)}"))


def _quoted(value: str) -> str:
    """An id as SQL writes it. Given a Python value instead, DuckDB loads pandas: half of what a command takes."""
    return "'" + value.replace("'", "''") + "'"


def erasures_of(con: duckdb.DuckDBPyConnection, dataset: str, prefix: str) -> dict[str, str]:
    """By erased row with this prefix the sentence that says when it went, by which erasure, and the receipt."""
    if not con.table("provenance.erased").limit(1).fetchall():
        return {}
    told = {}
    of_records = {row_id: _requests_of(con, row_id) for row_id in ids_from(con, RECORDS, "row_id", prefix)}
    for row_id in {*ids_from(con, "provenance.erased", "item", prefix), *of_records}:
        items = [(row_id, _ROWS), *((request_id, ("request",)) for request_id in of_records.get(row_id, ()))]
        marks = [
            row for item, kinds in items for row in rows_where(con, "provenance.erased", "item", item)
            if row["kind"] in kinds
        ]  # fmt: skip
        if marks:
            steps = rows_where(con, "provenance.erasures", "erasure_id", marks[0]["erasure_id"])
            told[row_id] = _erased(dataset, row_id, max(steps, key=lambda row: int(row["seq"])))
    return told


def _requests_of(con: duckdb.DuckDBPyConnection, row_id: str) -> set[str]:
    return {row["request_id"] for row in rows_where(con, RECORDS, "row_id", row_id)}


def _erased(dataset: str, row_id: str, step: dict[str, Any]) -> str:
    when = f"{step['recorded_at']:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"{row_id} was erased from {dataset} by erasure {step['erasure_id']} ({step['status']} {when}; reason: "
        f"{step['reason']}). Its receipt: {step['receipt'] or 'none yet'}"
    )
