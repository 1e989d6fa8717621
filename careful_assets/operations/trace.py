"""One row's story: from the prompt and the generator through every decision and vote to the releases that hold it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from careful_assets.errors import CarefulError, Exit
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.models import run_model

_SHORTEST_PREFIX = 8
_WITHHELD = "(withheld: kin of a sealed row)"


class UnknownRow(CarefulError):
    """No dataset has a row of this id."""

    exit_code = Exit.REFUSED


def trace_row(home: Home, datasets: Sequence[str], row_id: str) -> dict[str, Any]:
    """The row's record, of whichever dataset has it; eight hex digits or more are enough if they are unique.

    Raises:
        UnknownRow: no dataset has it, or the prefix fits several rows.
    """
    if len(row_id) < _SHORTEST_PREFIX or any(digit not in "0123456789abcdef" for digit in row_id):
        raise UnknownRow(f"{row_id!r} is no row id: give at least {_SHORTEST_PREFIX} hex digits of one, in lower case")
    found: list[tuple[str, str, str]] = []
    for dataset in datasets:
        path = home.warehouse(dataset)
        if path.exists():
            with connect(path, read_only=True) as con:
                for table in ("generation.candidates", "anchors.rows"):
                    found += [(dataset, table, full) for full in _ids(con, table, row_id)]
    if not found:
        raise UnknownRow(
            f"no dataset has a row {row_id}; sealed rows cannot be traced. Looked in: {', '.join(datasets)}"
        )
    if len(found) > 1:
        raise UnknownRow(
            f"{row_id} fits {len(found)} rows; give more digits: {', '.join(full[:16] for _, _, full in found[:5])}"
        )
    dataset, table, full = found[0]
    with connect(home.warehouse(dataset), read_only=True) as con:
        tell = _generated if table == "generation.candidates" else _real
        return {"dataset": dataset, "row_id": full, **tell(con, full)}


def _generated(con: duckdb.DuckDBPyConnection, row_id: str) -> dict[str, Any]:
    (candidate,) = _where(con, "generation.candidates", "row_id", row_id)
    (request,) = run_model(con, "generation/record_of", {"row_id": row_id}).to_dicts()
    parents = [row for parent in request["parent_ids"] for row in _where(con, "anchors.rows", "row_id", parent)]
    leaks = _where(con, "evaluation.leaks", "row_id", row_id)
    decisions = sorted(_where(con, "filtering.decisions", "row_id", row_id), key=lambda row: row["position"])
    return {
        "origin": "generated",
        "candidate": candidate | {"text": _WITHHELD} if leaks else candidate,
        "request": request,
        "parents": [{key: row[key] for key in ("row_id", "label", "group_id", "text")} for row in parents],
        "decisions": [row | {"matched_text": _text(con, row["matched_row_id"])} for row in decisions],
        "votes": _where(con, "labeling.votes", "row_id", row_id),
        "label": next(iter(_where(con, "labeling.labels", "row_id", row_id)), None),
        "leaks": leaks,
        **_uses(con, row_id),
    }


def _real(con: duckdb.DuckDBPyConnection, row_id: str) -> dict[str, Any]:
    anchors = _where(con, "anchors.rows", "row_id", row_id)
    return {"origin": "real", "anchor": anchors[-1], **_uses(con, row_id)}


def _uses(con: duckdb.DuckDBPyConnection, row_id: str) -> dict[str, Any]:
    mixes = _where(con, "training.mixes", "row_id", row_id)
    releases = _where(con, "release.rows", "row_id", row_id)
    return {
        "mixes": [{key: row[key] for key in ("mix_id", "arm", "weight", "model_digest")} for row in mixes],
        "releases": sorted({row["version"] for row in releases}),
    }


def _text(con: duckdb.DuckDBPyConnection, row_id: str | None) -> str | None:
    if row_id is None:
        return None
    if _where(con, "evaluation.leaks", "row_id", row_id):
        return _WITHHELD
    anchors = sorted(_where(con, "anchors.rows", "row_id", row_id), key=lambda row: row["vintage"])
    rows = _where(con, "generation.candidates", "row_id", row_id) + anchors
    return rows[-1]["text"] if rows else None


def _where(con: duckdb.DuckDBPyConnection, table: str, column: str, value: str) -> list[dict[str, Any]]:
    wanted = duckdb.ColumnExpression(column) == duckdb.ConstantExpression(value)
    return con.table(table).filter(wanted).pl().to_dicts()


def _ids(con: duckdb.DuckDBPyConnection, table: str, prefix: str) -> list[str]:
    starts = duckdb.FunctionExpression(
        "starts_with", duckdb.ColumnExpression("row_id"), duckdb.ConstantExpression(prefix)
    )
    return sorted(set(con.table(table).filter(starts).project("row_id").pl()["row_id"].to_list()))
