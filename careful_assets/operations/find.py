"""Everything that holds something of a prompt, a generator, a row, a request or a range of seeds.

Belongs here: what is meant by the name that was given, which rows that is, and where these stand. Does not belong here:
one row's story (`trace`), and taking rows out (`exclude`). Rows made from rows that are found are found too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import duckdb
import polars as pl

from careful_assets.errors import CarefulError, Exit
from careful_assets.filtering.exclusions import seed_range
from careful_assets.llm.requests import SEEDS
from careful_assets.operations.records.descent import descendants_of, sought, with_earlier
from careful_assets.operations.records.lookups import (
    ANCHORS,
    CANDIDATES,
    RECORDS,
    UNREADABLE,
    UnknownRow,
    erasures_of,
    ids_from,
    not_looked_into,
    opened,
    with_warehouse,
)
from careful_assets.provenance.erasures import erased_ids
from careful_assets.release.versions import version_key
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import read

_SHORTEST_PREFIX = 8
# By kind the columns of a request that name it: the id, and the digest of what bears the id.
_NAMES = {"generator": ("generator_id", "generator_digest"), "prompt": ("prompt_id", "prompt_sha256")}
_REQUEST = "request_id, generator_id, generator_digest, prompt_id, prompt_sha256"
# An anchor that its source gave up is not among the rows any more; what was made from it is.
_ROWS = (ANCHORS, "anchors.history", CANDIDATES, RECORDS)


class UnknownItem(CarefulError):
    """No dataset has anything of this name."""

    exit_code = Exit.REFUSED


def find_rows(home: Home, datasets: Sequence[str], kind: str, item: str) -> dict[str, Any]:
    """Every row, split, release and training run that holds something of the item, by dataset.

    Args:
        home: where the datasets live.
        datasets: where to look.
        kind: `generator`, `prompt`, `anchor`, `request` or `seed`.
        item: its id or, from eight digits on, how its id or digest begins; of seeds FROM..TO.

    Raises:
        UnknownItem: no dataset has such a thing, or the prefix fits several. `skipped` in the report names datasets
            that could not be looked into.
        UnknownRow: the row was erased.
        MalformedRange: it is no range of seeds.
    """
    found = []
    known: set[str] = set()
    skipped: dict[str, str] = {}
    for dataset in with_warehouse(home, datasets):
        try:
            with opened(home, dataset) as con:
                with_earlier(con)
                matches, row_ids = _meant(con, dataset, kind, item, known)
                if matches:
                    found.append({"dataset": dataset, "matches": sorted(matches), **_holders(con, row_ids)})
        except UNREADABLE as error:
            skipped[dataset] = str(error)
    meant = {match for report in found for match in report["matches"]}
    if kind in ("anchor", "request") and len(meant) > 1:
        shown = ", ".join(match[:16] for match in sorted(meant)[:5])
        raise UnknownItem(f"{item!r} fits {len(meant)} of kind {kind}; give more digits: {shown}")
    if not found:
        told = f"; known: {', '.join(sorted(known))}" if known else ""
        looked = ", ".join(datasets) or "none"
        said = f"no dataset has rows of {kind} {item!r}{told}. Looked in: {looked}"
        raise UnknownItem(f"{said}{not_looked_into(skipped)}")
    return {"kind": kind, "item": item, "datasets": found, "skipped": skipped}


def _meant(
    con: duckdb.DuckDBPyConnection, dataset: str, kind: str, item: str, known: set[str]
) -> tuple[Collection[str], Collection[str]]:
    """The full names of what was meant, and the rows of it; what the dataset has of that kind goes into `known`."""
    if kind == "seed":
        first, last = seed_range(item)
        limits = {"first": first, "last": last, "seeds": SEEDS}
        rows = set(run_model(con, "provenance/rows_of_seeds", limits)["row_id"].to_list())
        return ({f"{first}..{last}"} if rows else set()), rows | descendants_of(con, *rows)
    if kind == "anchor":
        return _meant_row(con, dataset, item)
    requests = (
        con.table("generation.requests").project(_REQUEST).union(con.view("earlier").project(_REQUEST)).distinct().pl()
    )
    if kind == "request":
        fits = pl.col("request_id").str.starts_with(item) if len(item) >= _SHORTEST_PREFIX else pl.lit(False)
        chosen, digest = requests.filter(fits), "request_id"
    else:
        name, digest = _NAMES[kind]
        known |= {f"{one} ({made[:12]})" for one, made in requests.select(name, digest).unique().iter_rows()}
        chosen = requests.filter(pl.col(name) == item)
        if chosen.is_empty() and len(item) >= _SHORTEST_PREFIX:
            chosen = requests.filter(pl.col(digest).str.starts_with(item))
            if chosen[digest].n_unique() > 1:
                raise UnknownItem(f"{item!r} fits several digests in {dataset}; give more digits: {_told(known)}")
    con.register("sought_requests", chosen.select("request_id"))
    rows = set(run_model(con, "provenance/rows_of_requests")["row_id"].to_list())
    return set(chosen[digest].to_list()), rows | descendants_of(con, *rows)


def _meant_row(con: duckdb.DuckDBPyConnection, dataset: str, item: str) -> tuple[Collection[str], Collection[str]]:
    if len(item) < _SHORTEST_PREFIX:
        return set(), set()
    erased = erasures_of(con, dataset, item)
    rows = {row_id for table in _ROWS for row_id in ids_from(con, table, "row_id", item)} - set(erased)
    if erased and not rows:
        raise UnknownRow(next(iter(erased.values())))
    return rows, rows | descendants_of(con, *rows)


def _told(known: Collection[str]) -> str:
    return ", ".join(sorted(known))


def _holders(con: duckdb.DuckDBPyConnection, row_ids: Collection[str]) -> dict[str, Any]:
    """Where these rows stand, but for erased ones: each row, and counts by split, release and training run."""
    sought(con, set(row_ids) - erased_ids(con, "candidate") - erased_ids(con, "anchor"))
    rows = run_model(con, "provenance/standing_of_rows").sort("origin", "row_id")
    releases = run_model(con, "provenance/releases_holding").rename({"n": "rows"})
    runs = run_model(con, "provenance/runs_holding").rename({"n": "rows"})
    status = read(con, "release.releases").select("version", "status", "retired_at", "retired_because")
    trained = con.table("training.runs").project("mix_id, arm, model_digest, run_id, trained_at").distinct().pl()
    trained = trained.with_columns(pl.col("trained_at").dt.convert_time_zone("UTC"))
    held = releases.join(status, on="version", how="left").to_dicts()
    return {
        "count": rows.height,
        "rows": rows.to_dicts(),
        "splits": rows.group_by("origin", "split").len("rows").sort("origin", "split").to_dicts(),
        "releases": sorted(held, key=lambda row: (version_key(row["version"]), row["split"], row["origin"])),
        "training_runs": runs.join(trained, on=["mix_id", "arm", "model_digest", "run_id"], how="left")
        .sort("trained_at", "arm", "origin")
        .to_dicts(),
    }
