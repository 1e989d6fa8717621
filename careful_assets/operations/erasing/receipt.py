"""What an erasure says of itself: ids, counts, and what is left to do. No content, and no group.

Belongs here: the plan that is recorded when it begins, the receipt, and both in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import polars as pl

from careful_assets.card.models import Card
from careful_assets.errors import Refused
from careful_assets.llm.journal_state import read_state
from careful_assets.operations.erasing.elsewhere import other_holders
from careful_assets.operations.erasing.reach import Reach, journals
from careful_assets.operations.erasing.warehouse import Erasure, counted
from careful_assets.release.versions import version_key
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.quarantine import Quarantine
from careful_assets.warehouse.tables import read

_LONGEST_REASON = 500
_MODEL = ("mix_id", "arm", "model_digest")
OUTSIDE = (
    "the source of the anchors: the row stays out of this dataset, whatever its source says; erase it there, too",
    "copies of releases that were handed out: ask who has one to delete it and to take the successor",
    "models trained elsewhere on what was handed out",
    "backups of CAREFUL_HOME, and snapshots of its file system",
    "texts that say the row in other words, and copies of a version of it whose text was not kept",
    "files without provenance that hold a near copy of it: `careful inherit` knows only its text, and copies that "
    "were erased, again",
    "generators that learned the text elsewhere: they may write it again",
    "rows that other datasets sealed of the same source: only an erasure in that dataset opens its vault",
    "releases that datasets of another CAREFUL_HOME sealed as evaluation sets: `careful erase` takes a set out there",
)


def refuse_wordless(reason: str) -> str:
    """The reason as it is recorded, without white space around it.

    Raises:
        Refused: it is empty, no printable line, or too long.
    """
    line = reason.strip()
    if not line or not line.isprintable() or len(line) > _LONGEST_REASON:
        raise Refused(f"the reason of an erasure is one printable line of 1 to {_LONGEST_REASON} characters; give one")
    return line


def plan_of(con: duckdb.DuckDBPyConnection, home: Home, card: Card, reach: Reach) -> dict[str, Any]:
    """The receipt as far as it is known before anything goes: counts by store, models, rows with the same text."""
    name, generator = card.name, card.generation.generator
    replayed = [f"{generator.answers}, the recorded answers beside the card"] if generator.kind == "replay" else []
    withheld = Quarantine(home.quarantine(name)).texts()["row_id"]
    journal, intake = (len(reach.requests & set(read_state(path).requests)) for path in journals(home, name))
    return {
        "dataset": name,
        "row_id": reach.row_id,
        "sealed": reach.sealed,
        "requests_that_showed_it": reach.shown,
        "texts_that_copy_it": reach.copies,
        "requests": len(reach.requests),
        "completions_of_other_requests": len(reach.choices),
        "candidates": len(reach.candidates),
        "counts": {
            "warehouse": counted(con, reach),
            "journal": journal,
            "intake": intake,
            "quarantine": int(withheld.is_in(list(reach.candidates)).sum()),
            "vault": int(reach.sealed),
            "releases": len(reach.releases),
        },
        "releases_retired": sorted(reach.releases, key=version_key),
        "releases_retired_before": sorted(reach.retired_before, key=version_key),
        "models_to_retrain": _models(con, reach),
        "same_text": list(reach.same_text),
        "sealed_rows_with_the_same_text": reach.sealed_alike,
        "undecided": list(reach.undecided),
        "also_held_by": other_holders(home, name, reach),
        "outside_our_reach": [*replayed, *OUTSIDE],
    }


def receipt_of(con: duckdb.DuckDBPyConnection, erasure: Erasure, *, done: bool) -> dict[str, Any]:
    """The receipt. `done`: whether the erasure ends with it."""
    releases = read(con, "release.releases").filter(pl.col("status") == "active")["version"].to_list()
    successor = max(releases, key=version_key, default=None) if erasure.releases and done else None
    return {
        "erasure_id": erasure.erasure_id,
        "reason": erasure.reason,
        "status": "done" if done else "swept",
        "begun_at": erasure.begun_at.isoformat(),
        "done_at": datetime.now(UTC).isoformat() if done else None,
        **erasure.plan,
        "requests": len(erasure.requests),
        "candidates": len(erasure.candidates),
        "successor": successor,
    }


def erased_text(report: Mapping[str, Any]) -> str:
    """What `careful erase` prints."""
    state = {"done": "erased", "swept": "erased, but its successor is not made"}[report["status"]]
    lines = [
        f"{report['dataset']}: {report['row_id'][:16]} {state}"
        + (" already; nothing was changed" if report.get("already_done") else ""),
        f"erasure      {report['erasure_id']}",
        f"reason       {report['reason']}",
        f"begun        {report['begun_at']}" + (f", done {report['done_at']}" if report["done_at"] else ""),
        f"showed it    {report['requests_that_showed_it']} requests; {report['texts_that_copy_it']} texts copy it",
        f"gone         {report['requests']} requests, {report['completions_of_other_requests']} completions of others,"
        f" and {report['candidates']} rows",
    ]
    counts = dict(report["counts"])
    tables = counts.pop("warehouse")
    lines += [f"             {rows:>6}  {place}" for place, rows in [*tables.items(), *counts.items()] if rows]
    retired = ", ".join(report["releases_retired"])
    lines.append(f"retired      {retired or 'no release holds it'}")
    # Receipts of before this was noted lack it.
    lines += [f"once held by {version}, retired before" for version in report.get("releases_retired_before", ())]
    if retired:
        lines.append(f"successor    {report['successor'] or 'none yet'}")
    for model in report["models_to_retrain"]:
        digest = model["model_digest"][:16]
        lines.append(f"retrain      {model['arm']}: mix {model['mix_id'][:16]}, model {digest}")
    if report["same_text"]:
        ids = ", ".join(row_id[:16] for row_id in report["same_text"])
        lines.append(f"same text    rows of others, not erased: {ids}")
    if report["sealed_rows_with_the_same_text"]:
        lines.append(f"same text    {report['sealed_rows_with_the_same_text']} other sealed rows, not erased")
    if report["undecided"]:
        ids = ", ".join(row_id[:16] for row_id in report["undecided"][:10])
        lines.append(
            f"undecided    {len(report['undecided'])} rows hold its few words, perhaps by chance: {ids}. Decide on each"
            f" (--json names all): careful exclude {report['dataset']} --row ROW_ID --reason ..."
        )
    lines += [f"also held by {_held(one)}" for one in report["also_held_by"]]
    lines += [f"out of reach {what}" for what in report["outside_our_reach"]]
    if report["status"] == "swept":
        lines.append(
            f"to do        mend what is told below, run `careful run {report['dataset']}`, then this command again"
        )
    return "\n".join(lines)


def _held(holder: Mapping[str, str]) -> str:
    return f"{holder['dataset']} ({holder['held']}): {holder['next']}"


def _models(con: duckdb.DuckDBPyConnection, reach: Reach) -> list[dict[str, str]]:
    """What was trained on any of the rows: mix_id, arm, model_digest; of all runs where they are on record."""
    runs = read(con, "training.runs")
    trained = runs if runs.height else read(con, "training.mixes")
    held = trained.filter(pl.col("row_id").is_in(list(reach.rows))).select(_MODEL).unique().sort(_MODEL)
    return held.to_dicts()
