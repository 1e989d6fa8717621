"""What the evaluation asset's page shows: what was struck, how good the detectors are, what the ruler can tell.

Belongs here: words and small tables for a reader. Does not belong here: any figure that is not in a table of the stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from careful_assets.evaluation.benchmark import CLEAN, LEAK, OTHER
from careful_assets.evaluation.benchmark_page import curves, joint_verdict

_MOST = 8


def shown(tables: Mapping[str, pl.DataFrame], labels: pl.DataFrame, sets: pl.DataFrame) -> dict[str, Any]:
    """The page's entries in their order. `tables`: the stage's own; `labels`, `sets`: of the rows kept, and sealed."""
    leaks = tables["evaluation.leaks"]
    quality = tables["evaluation.detector_quality"]
    return {
        "struck": leaks["row_id"].n_unique(),
        "of these, rows that the gates had kept": labels.join(leaks, on="row_id", how="semi").height,
        "detectors": _detectors(tables["evaluation.detectors"], leaks, labels),
        "in common by records": _lineage(tables["evaluation.lineage_leaks"]),
        "planted leaks and clean rows, all detectors together": joint_verdict(quality),
        "the same, by detector": _figures(quality),
        "leaks and clean rows flagged, by score": curves(tables["evaluation.detector_curves"]),
        "the ruler by class": _ruler(tables["evaluation.ruler"]),
        "sealed sets": sets.sort("set_name").select("set_name", "origin", "rows", "dataset", "version").to_dicts(),
        "active releases, held against the ruler of now": _releases(tables),
        "measures": tables["evaluation.measures"].select("name", "value", "low", "high", rows="n").to_dicts(),
    }


def _detectors(runs: pl.DataFrame, leaks: pl.DataFrame, labels: pl.DataFrame) -> list[dict[str, Any]]:
    kept = dict(
        leaks.join(labels, on="row_id", how="semi").group_by("detector").agg(pl.col("row_id").n_unique()).iter_rows()
    )
    return [
        {
            "detector": row["detector"],
            "ran": "yes" if row["ran"] else f"no: {row['cause']}",
            "rows": row["rows_seen"],
            "under 8 words": row["rows_short"],
            "from": row["threshold"],
            "struck": row["flagged"],
            "of these kept": kept.get(row["detector"], 0),
        }
        for row in runs.iter_rows(named=True)
    ]


def _lineage(found: pl.DataFrame) -> list[dict[str, Any]] | str:
    if found.is_empty():
        return "nothing: no generator, prompt, parent or row"
    shown = found.sort("set_name", "kind").head(_MOST)
    return shown.with_columns(pl.col("item").str.head(24)).to_dicts()


def _figures(quality: pl.DataFrame) -> list[dict[str, Any]]:
    """By detector: what it found of all planted leaks, and what it flagged of clean rows, on the half kept for that."""
    named = {LEAK: "leaks found", CLEAN: "clean flagged", OTHER: "other texts flagged"}
    counts = quality.group_by("detector", "side", maintain_order=True).agg(pl.col("flagged").sum(), pl.col("n").sum())
    lines: dict[str, dict[str, Any]] = {}
    for detector, side, flagged, n in counts.iter_rows():
        if side in named:
            lines.setdefault(detector, {"detector": detector})[named[side]] = _of(flagged, n)
    return list(lines.values())


def _of(hits: int, n: int) -> str:
    return f"{hits:,} of {n:,}" if n else "none at hand"


def _ruler(ruler: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "class": row["label"] if row["origin"] == "real" else f"{row['label']} (set {row['set_name']})",
            "rows": row["rows"],
            "groups": row["groups"],
            "a share is known to": None
            if row["half_width"] is None
            else f"\N{PLUS-MINUS SIGN} {row['half_width']:.3f}",
            "copies": max(row["exact_copies"], row["near_copies"]),
            "votes apart": None if row["disagreement"] is None else f"{row['disagreement']:.0%}",
        }
        for row in ruler.head(2 * _MOST).iter_rows(named=True)
    ]


def _within(half_width: float | None) -> str | None:
    return None if half_width is None else f"\N{PLUS-MINUS SIGN} {half_width:.3f}"


def _releases(tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]] | str:
    scans = tables["evaluation.release_scans"]
    return scans.select("version", "rows", "leaks").to_dicts() if scans.height else "none is active"
