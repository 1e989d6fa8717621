"""What events tell of the data, in plain numbers and digests: out of the SQL models, never a row.

Belongs here: reading `provenance/*.sql`, and shaping it as the schemas of our own facets say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl

from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import read


@dataclass(frozen=True)
class Standing:
    """The releases on record, and those of them that are retired."""

    releases: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Release:
    """A row of `release.releases`, as far as events tell of it."""

    version: str
    content_digest: str
    status: str


def standing(con: duckdb.DuckDBPyConnection) -> Standing:
    """Which releases there are and which retirement has found retired: a run tells what it changed of that."""
    statuses = read(con, "retirement.statuses").filter(pl.col("status") == "retired")
    return Standing(frozenset(release.version for release in releases(con)), frozenset(statuses["version"].to_list()))


def releases(con: duckdb.DuckDBPyConnection) -> list[Release]:
    """All releases, the newest last."""
    rows = read(con, "release.releases").sort("made_at").select("version", "content_digest", "status")
    return [Release(*row) for row in rows.iter_rows()]


def table_shape(con: duckdb.DuckDBPyConnection, table: str) -> tuple[int, list[tuple[str, str]]]:
    """A table's number of rows, and its columns with their SQL types."""
    relation = con.table(table)
    rows = int(relation.count("*").fetchall()[0][0])
    return rows, [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]


def file_shape(con: duckdb.DuckDBPyConnection, path: str) -> tuple[int, list[tuple[str, str]]]:
    """As `table_shape`, of a Parquet file."""
    relation = con.read_parquet(path)
    rows = int(relation.count("*").fetchall()[0][0])
    return rows, [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]


def generators(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Who generated the candidates: one entry a generator, as `carefulAssets_generation` has it."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in run_model(con, "provenance/generators").iter_rows(named=True):
        who = (row["generator_id"], row["generator_family"], row["generator_revision"], row["generator_digest"])
        entry = found.setdefault(
            who,
            {
                **{key: value for key, value in zip(("id", "family", "revision", "digest"), who, strict=True) if value},
                "prompts": {}, "parameters": {}, "seedRange": {"first": row["first_seed"], "last": row["last_seed"]},
                "requests": 0, "rows": 0,
            },
        )  # fmt: skip
        key = (row["prompt_id"], row["prompt_sha256"])
        prompt = entry["prompts"].setdefault(key, {"id": key[0], "sha256": key[1], "requests": 0, "rows": 0})
        for counted in (entry, prompt):
            counted["requests"] += row["requests"]
            counted["rows"] += row["rows"]
        entry["parameters"][row["params"]] = json.loads(row["params"])
        seeds = entry["seedRange"]
        seeds["first"], seeds["last"] = min(seeds["first"], row["first_seed"]), max(seeds["last"], row["last_seed"])
    for entry in found.values():
        entry["prompts"], entry["parameters"] = list(entry["prompts"].values()), list(entry["parameters"].values())
    return list(found.values())


def gates(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What the gates let in and refused, as `carefulAssets_gates` has it.

    A row is refused once, by the first gate it does not pass; what the last gate let pass is kept.
    """
    seen: dict[tuple[int, str], dict[str, Any]] = {}
    rejected = []
    for position, gate, version, passed, reason, n in run_model(con, "provenance/gates").iter_rows():
        entry = seen.setdefault((position, gate), {"gate": gate, "version": version, "seen": 0, "passed": 0})
        entry["seen"] += n
        entry["passed"] += n if passed else 0
        if not passed:
            rejected.append({"gate": gate, "reason": reason or "none given", "rows": n})
    kept = list(seen.values())[-1]["passed"] if seen else 0
    refused = sum(entry["rows"] for entry in rejected)
    return {"rowsIn": kept + refused, "rowsKept": kept, "gates": list(seen.values()), "rejected": rejected}


def candidate_parts(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """How deep the candidates are, as `carefulAssets_synthetic` has it."""
    (row,) = run_model(con, "provenance/candidate_shares").iter_rows()
    return [_part("candidates", *row)]


def mix_parts(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """How synthetic each training mix is, as `carefulAssets_synthetic` has it."""
    return [_part(*row) for row in run_model(con, "provenance/mix_shares").iter_rows()]


def release_parts(con: duckdb.DuckDBPyConnection, version: str) -> list[dict[str, Any]]:
    """How synthetic a release is, as `carefulAssets_synthetic` has it."""
    (row,) = run_model(con, "provenance/release_shares", {"version": version}).iter_rows()
    return [_part(version, *row)]


def _part(part: str, rows: int, generated: int, greatest_depth: int | None) -> dict[str, Any]:
    share = {"syntheticShare": generated / rows} if rows else {}
    return {"part": part, "rows": rows, "generated": generated, **share, "greatestDepth": greatest_depth or 0}
