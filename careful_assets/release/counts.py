"""Holding a manifest's counts to the rows of its folder, and each generated row to one record.

Belongs here: the types of what a manifest counts, and the counting. Does not belong here: digests (`content`), reading
the files (`files`, `tables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.provenance.descent import UNKNOWN_FAMILY
from careful_assets.provenance.release_files import MANIFEST, RECORDS, ROWS

_TEXTS = ("name", "version", "title", "parent_version")
_REAL, _GENERATED = "real", "generated"
# By list of the manifest what its entries are told apart by.
_LISTS = {"labels": ("label", "origin"), "label_sources": ("label_source",), "inherited": ("file_name", "file_digest")}
# Manifests of before there were reviews or inherited files say nothing of them.
_LATER = ("inherited", "reviewed_rows")


def refuse_untyped_counts(manifest: Mapping[str, Any]) -> None:
    """See that the manifest tells its counts, each in its type.

    Raises:
        StageFailed: it does not.
    """
    wrong = [key for key in _TEXTS if not isinstance(manifest.get(key), str | None)]
    counted = manifest.get("rows")
    if not isinstance(counted, dict) or not all(_is_count(counted.get(origin)) for origin in (_REAL, _GENERATED)):
        wrong.append("rows")
    wrong += [key for key, by in _LISTS.items() if not _is_list(manifest.get(key, [] if key in _LATER else None), by)]
    if not _is_count(manifest.get("reviewed_rows", 0)):
        wrong.append("reviewed_rows")
    if wrong:
        raise StageFailed(f"{MANIFEST} is no release's manifest: it does not tell {', '.join(wrong)} as a release does")


def miscounted(manifest: Mapping[str, Any], rows: pl.DataFrame, records: pl.DataFrame) -> list[str]:
    """What the manifest counts otherwise than the rows and records do; rows without a record, and records of none."""
    generated = rows.filter(pl.col("origin") == _GENERATED)
    wrong = []
    if others := rows.height - generated.height - rows.filter(pl.col("origin") == _REAL).height:
        wrong.append(f"{ROWS} holds {others} rows that are neither {_REAL} nor {_GENERATED}")
    lacking = generated.join(records, on="row_id", how="anti", nulls_equal=True)["row_id"]
    strays = records.join(generated, on="row_id", how="anti", nulls_equal=True)["row_id"]
    wrong += [
        f"{len(ids)} {what}, e.g. {(ids.sort()[0] or '')[:16]}"
        for ids, what in (
            (lacking, f"generated rows have no record in {RECORDS}"),
            (strays, f"records in {RECORDS} are of no generated row"),
        )
        if len(ids)
    ]
    own = records.filter(pl.col("row_id").is_in(generated["row_id"].implode()))
    found: dict[str, Any] = {
        "rows": {_REAL: rows.height - generated.height, _GENERATED: generated.height},
        "labels": _tally(rows, _LISTS["labels"]),
    }
    if "label_source" in own.columns:
        found["label_sources"] = _tally(own, _LISTS["label_sources"])
    if "reviewed_rows" in manifest:
        found["reviewed_rows"] = own["reviewer"].count() if "reviewer" in own.columns else 0
    told = {key: _told(manifest, key) for key in found}
    wrong += [f"{MANIFEST} counts {key} otherwise than the rows do" for key in found if told[key] != found[key]]
    unknown = of_unknown_origin(own)
    if not may_be_unknown(manifest, unknown):
        wrong.append(f"{unknown} rows are of unknown origin, and {MANIFEST} does not name as many that came in files")
    return wrong


def of_unknown_origin(records: pl.DataFrame) -> int:
    """How many of the records say that nobody knows who made the row."""
    if "generator_family" not in records.columns:
        return 0
    return records.filter(pl.col("generator_family") == UNKNOWN_FAMILY).height


def may_be_unknown(manifest: Mapping[str, Any], unknown: int) -> bool:
    """Whether the manifest tells of so many rows that came in files; a row may have come in several of them."""
    counts: list[int] = [entry["rows"] for entry in manifest.get("inherited", [])]
    return max(counts, default=0) <= unknown <= sum(counts)


def _told(manifest: Mapping[str, Any], key: str) -> Any:
    if key == "rows":
        return {origin: manifest["rows"][origin] for origin in (_REAL, _GENERATED)}
    if key in _LISTS:
        return sorted((str([entry[one] for one in _LISTS[key]]), entry["rows"]) for entry in manifest[key])
    return manifest[key]


def _tally(frame: pl.DataFrame, by: tuple[str, ...]) -> list[tuple[str, int]]:
    counted = frame.group_by(by).len()
    return sorted((str(list(row[:-1])), row[-1]) for row in counted.iter_rows())


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_list(value: object, by: tuple[str, ...]) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict)
        and _is_count(entry.get("rows"))
        and all(one in entry and isinstance(entry[one], str | None) for one in by)
        for entry in value
    )
