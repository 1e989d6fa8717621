"""One row's story: from the prompt and the generator through every decision and vote to the releases that hold it.

Belongs here: gathering what is on record. Does not belong here: telling it on a terminal, and finding the row
(`records`). Every question is asked by the id that a table's rows lie in the order of, so that a story takes
about as long in a warehouse of a million rows as in a small one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from careful_assets.llm.requests import SEEDS
from careful_assets.operations.records.admitted import answer_of, record_of, released_as, votes_of
from careful_assets.operations.records.descent import descendants_of
from careful_assets.operations.records.lookups import ANCHORS, CANDIDATES, RECORDS, located, rows_where
from careful_assets.operations.records.templates import template_of
from careful_assets.provenance.descent import FITTED_FAMILY, UNKNOWN_FAMILY
from careful_assets.provenance.ledger import StageVersion, current_versions
from careful_assets.release.versions import version_key
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.models import model_rows
from careful_assets.warehouse.tables import dicts

_WITHHELD = "(withheld: kin of a sealed row)"
_FIRST_DESCENDANTS = 10


def trace_row(
    home: Home, datasets: Sequence[str], row_id: str, cards: Mapping[str, Path] | None = None
) -> dict[str, Any]:
    """The row's record, of whichever dataset has it; eight hex digits or more are enough if they are unique.

    Args:
        home: where the datasets live.
        datasets: where to look.
        row_id: the row's id, or how it begins.
        cards: by dataset its card.yaml, to hold the prompt's file against the digest on record.

    Raises:
        UnknownRow: no dataset has it, the prefix fits several rows, or it was erased.
    """
    with located(home, datasets, row_id) as (con, place):
        if place.table == ANCHORS:
            story = _real(con, place.row_id)
        else:
            releases = home.releases(place.dataset)
            made = _made(con, place.table, place.row_id, releases)
            story = _generated(con, made, (cards or {}).get(place.dataset))
        uses = _uses(con, place.row_id)
        return {"dataset": place.dataset, "row_id": place.row_id, **story, **uses, "skipped": place.skipped}


def _made(con: duckdb.DuckDBPyConnection, table: str, row_id: str, releases: Path) -> dict[str, Any]:
    """The row, its request, label and votes: of a candidate as they are now, of another from its record.

    A release that holds a row which no label lets in now tells what let it in then (`released`).
    """
    if table == RECORDS:
        record = record_of(con, row_id)
        if record is None:
            raise ValueError(f"{row_id} has no record")
        released = released_as(con, releases, row_id) or {}
        candidate, request = answer_of(con, record, released)
        labels = [{key: record[key] for key in ("row_id", "label", "label_source")} | {"confirmed": True}]
        earlier = {key: record[key] for key in ("run_id", "recorded_at")}
        votes = votes_of(released)
    else:
        (candidate,) = rows_where(con, CANDIDATES, "row_id", row_id)
        (request,) = rows_where(con, "generation.requests", "request_id", candidate["request_id"])
        labels = rows_where(con, "labeling.labels", "row_id", row_id)
        let_in = any(row["confirmed"] for row in labels)
        released = {} if let_in else released_as(con, releases, row_id) or {}
        votes, earlier = rows_where(con, "labeling.votes", "row_id", row_id), None
    return {
        "candidate": candidate, "request": request, "label": labels[0] if labels else None, "votes": votes,
        "earlier": earlier, "released": released or None,
    }  # fmt: skip


def _generated(con: duckdb.DuckDBPyConnection, made: dict[str, Any], card: Path | None) -> dict[str, Any]:
    candidate, request = made["candidate"], made["request"]
    row_id = candidate["row_id"]
    leaks = rows_where(con, "evaluation.leaks", "row_id", row_id)
    decisions = sorted(rows_where(con, "filtering.decisions", "row_id", row_id), key=lambda row: row["position"])
    unknown = request["generator_family"] == UNKNOWN_FAMILY
    if unknown:  # nobody knows what it was drawn with: the seed on record is a stand-in
        request = request | {"seed": None}
    parents = [_parent(con, parent) for parent in request["parent_ids"]]
    return {
        **made,
        "origin": "generated",
        "candidate": candidate | {"text": _WITHHELD} if leaks else candidate,
        "inherited": _inherited(con, row_id) if unknown else None,
        "request": request,
        "prompt": None if unknown else template_of(con, request["prompt_id"], request["prompt_sha256"], card),
        "parents": parents,
        "fitted_to_exemplars": request["generator_family"] == FITTED_FAMILY,
        "decisions": [row | {"matched_text": _text(con, row["matched_row_id"])} for row in decisions],
        "reviews": sorted(rows_where(con, "labeling.reviews", "row_id", row_id), key=lambda row: row["seq"]),
        "leak_check": _leak_check(con),
        "leaks": leaks,
        "exclusions": _exclusions(con, request, candidate["ordinal"], parents),
    }


def _real(con: duckdb.DuckDBPyConnection, row_id: str) -> dict[str, Any]:
    anchors = sorted(rows_where(con, ANCHORS, "row_id", row_id), key=lambda row: row["vintage"])
    descendants = sorted(descendants_of(con, row_id))
    return {
        "origin": "real",
        "anchor": anchors[-1],
        "descendants": {"rows": len(descendants), "row_ids": descendants[:_FIRST_DESCENDANTS]},
        "exclusions": [row for row in _standing(con) if row["kind"] == "anchor" and row["item"] == row_id],
    }


def _inherited(con: duckdb.DuckDBPyConnection, row_id: str) -> list[dict[str, Any]]:
    """The lines of files without provenance that became this row."""
    lines = rows_where(con, "provenance.inherited", "row_id", row_id)
    files = {line["file_digest"] for line in lines}
    names = {one: rows_where(con, "provenance.inherited_files", "file_digest", one) for one in files}
    return [
        {key: line[key] for key in ("file_digest", "line", "how")}
        | {"file_name": next((row["file_name"] for row in names[line["file_digest"]]), None)}
        for line in sorted(lines, key=lambda line: (line["file_digest"], line["line"]))
    ]


def _parent(con: duckdb.DuckDBPyConnection, row_id: str) -> dict[str, Any]:
    """A row that the prompt showed: an anchor, or a generated row."""
    anchors = sorted(rows_where(con, ANCHORS, "row_id", row_id), key=lambda row: row["vintage"])
    if anchors:
        return {"row_id": row_id, "origin": "real"} | {key: anchors[-1][key] for key in ("label", "group_id", "text")}
    made = rows_where(con, CANDIDATES, "row_id", row_id) or rows_where(con, RECORDS, "row_id", row_id)
    label = made[0]["requested_label"] if made else None
    origin = "generated" if made else "gone"
    return {"row_id": row_id, "origin": origin, "label": label, "group_id": None, "text": _text(con, row_id)}


def _text(con: duckdb.DuckDBPyConnection, row_id: str | None) -> str | None:
    if row_id is None:
        return None
    if rows_where(con, "evaluation.leaks", "row_id", row_id):
        return _WITHHELD
    anchors = sorted(rows_where(con, ANCHORS, "row_id", row_id), key=lambda row: row["vintage"])
    released = rows_where(con, "release.rows", "row_id", row_id)
    rows = anchors[::-1] + rows_where(con, CANDIDATES, "row_id", row_id) + released
    return next((row["text"] for row in rows if row["text"]), None)


def _leak_check(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Which detectors looked at the candidates, and whether that was at these, and against what is sealed now."""
    versions = current_versions(con)
    made = versions.get("evaluation")
    looked_at = made.upstream.get("generation") if made else None
    return {
        "detectors": sorted(dicts(con.table("evaluation.detectors")), key=lambda row: row["detector"]),
        "of_these_candidates": "generation" in versions and looked_at == versions["generation"].data_version,
        "registry_state": made.registry_state if made else None,
        "of_this_ruler": made is None or made.registry_state == _standing_state(versions),
    }


def _standing_state(versions: Mapping[str, StageVersion]) -> str | None:
    return versions["anchors"].registry_state if "anchors" in versions else None


def _exclusions(
    con: duckdb.DuckDBPyConnection, request: Mapping[str, Any], ordinal: int, parents: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The standing exclusions that hold a row of this request."""
    standing = _standing(con)
    if not standing:
        return []
    held = {
        ("generator", request["generator_id"]), ("generator", request["generator_digest"]),
        ("prompt", request["prompt_id"]), ("prompt", request["prompt_sha256"]),
        ("request", request["request_id"]), *(("anchor", row_id) for row_id in _ancestors(con, request, parents)),
    }  # fmt: skip
    seed = None if request["seed"] is None else (request["seed"] + ordinal) % SEEDS
    return [row for row in standing if (row["kind"], row["item"]) in held or _holds_seed(row, seed)]


def _ancestors(
    con: duckdb.DuckDBPyConnection, request: Mapping[str, Any], parents: Sequence[Mapping[str, Any]]
) -> set[str]:
    """The request's parents, and through those that were generated the rows that they were made from.

    Where a model on the way was fitted to the exemplars, also each row that is or was one.
    """
    found = {row["row_id"] for row in parents if row["origin"] != "generated"}
    waiting = [row["row_id"] for row in parents if row["origin"] == "generated"]
    families = {request["generator_family"]}
    while waiting:
        row_id = waiting.pop()
        if row_id not in found:
            found.add(row_id)
            asked = model_rows(con, "generation/record_of", {"row_id": row_id})
            for one in asked or rows_where(con, RECORDS, "row_id", row_id):
                waiting.extend(one["parent_ids"])
                families.add(one["generator_family"])
    if FITTED_FAMILY in families:
        found |= {row["row_id"] for row in model_rows(con, "provenance/exemplars_ever")}
    return found


def _holds_seed(exclusion: Mapping[str, Any], seed: int | None) -> bool:
    if exclusion["kind"] != "seed" or seed is None:
        return False
    first, _, last = str(exclusion["item"]).partition("..")
    return int(first) <= seed <= int(last)


def _standing(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """What people excluded and did not take back."""
    return model_rows(con, "filtering/standing_exclusions")


def _uses(con: duckdb.DuckDBPyConnection, row_id: str) -> dict[str, Any]:
    """Where the row is used now, where it was trained on, and which releases hold it."""
    mixes = rows_where(con, "training.mixes", "row_id", row_id)
    runs = sorted(rows_where(con, "training.runs", "row_id", row_id), key=lambda row: row["seq"])
    versions = sorted({row["version"] for row in rows_where(con, "release.rows", "row_id", row_id)}, key=version_key)
    known = {row["version"]: row for row in dicts(con.table("release.releases"))}
    told = ("version", "status", "made_at", "retired_at", "retired_because")
    trained = ("mix_id", "arm", "model_digest", "registry_state", "run_id", "trained_at")
    return {
        "mixes": [{key: row[key] for key in ("mix_id", "arm", "weight", "model_digest")} for row in mixes],
        "training_runs": [{key: row[key] for key in trained} for row in runs],
        "releases": [{key: known[version][key] for key in told} for version in versions],
    }
