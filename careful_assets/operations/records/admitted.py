"""What is on record of a row from when it was admitted: by ids in the warehouse, and whole in the releases' folders.

The warehouse tells of the candidates of now. Belongs here: rows of earlier generations, and what a release says of a
row that no label lets in any more. Does not belong here: candidates (`trace`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import polars.selectors as cs

from careful_assets.operations.records.lookups import RECORDS, rows_where
from careful_assets.provenance.release_files import RECORDS as RECORDS_FILE
from careful_assets.provenance.release_files import is_retired
from careful_assets.release.versions import version_key

_OF_ANSWER = ("row_id", "request_id", "ordinal", "requested_label", "depth")
_OF_REQUEST = (
    "request_id", "round", "prompt_id", "prompt_sha256", "generator_id", "generator_family", "generator_revision",
    "generator_digest", "params", "seed", "parent_ids",
)  # fmt: skip
# What only a candidate's request in the warehouse tells; a record does not.
_NOT_KEPT = ("answered_by", "fingerprint", "requested_at", "answered_at", "cause", "tokens", "cost", "latency_s")


def record_of(con: duckdb.DuckDBPyConnection, row_id: str) -> dict[str, Any] | None:
    """The newest record in `training.records` of the row; None if training was never allowed to use it."""
    return max(rows_where(con, RECORDS, "row_id", row_id), key=lambda row: int(row["seq"]), default=None)


def released_as(con: duckdb.DuckDBPyConnection, releases: Path, row_id: str) -> dict[str, Any] | None:
    """What the newest release whose folder is still there says of the row: version, label, votes, review, prompt.

    None if no folder with the row can be read: it was retired, moved away or damaged.
    """
    labels = {row["version"]: row["label"] for row in rows_where(con, "release.rows", "row_id", row_id)}
    for version in sorted(labels, key=version_key, reverse=True):
        path = releases / version / RECORDS_FILE
        if is_retired(path.parent):
            continue
        try:
            found = pl.scan_parquet(path, glob=False).filter(pl.col("row_id") == row_id).collect()
            found = found.with_columns(cs.datetime(time_zone="*").dt.convert_time_zone("UTC"))
        except (OSError, pl.exceptions.PolarsError):
            continue
        if found.height:
            return {"version": version, "label": labels[version], **found.row(0, named=True)}
    return None


def answer_of(
    con: duckdb.DuckDBPyConnection, record: Mapping[str, Any], released: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The row and its request as `generation.candidates` and `generation.requests` would tell them.

    What is gone is None.

    Args:
        con: the dataset's warehouse.
        record: as of `record_of`.
        released: as of `released_as`, or empty.
    """
    texts = [row["text"] for row in rows_where(con, "release.rows", "row_id", record["row_id"])]
    told = {name: released.get(name) for name in ("finish_reason", "artifact_type")}
    candidate = {name: record[name] for name in _OF_ANSWER} | told | {"text": next(filter(None, texts), None)}
    request = {name: record[name] for name in _OF_REQUEST} | dict.fromkeys(_NOT_KEPT)
    return candidate, request | {"rendered_prompt": released.get("rendered_prompt")}


def votes_of(released: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The judges' votes as a release's record has them; it names no families."""
    parts = [str(vote).rpartition(": ") for vote in released.get("votes") or ()]
    return [{"judge": judge, "family": None, "label": label} for judge, _, label in parts]
