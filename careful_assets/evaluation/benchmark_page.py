"""The leak detectors' benchmark for a reader: recall by kind of leak, and what each flags from which score on.

Belongs here: showing figures that stand in the stage's tables. Does not belong here: the figures (`benchmark`).
"""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.evaluation.benchmark import AMONG_ALL, AMONG_OWN, CLEAN, JOINT, LEAK, OTHER, PRECISION
from careful_assets.measures import plots

_DRAWN = ("near_duplicate", "containment", "embedding")  # of the others a curve tells little
_POINTS = 5  # of a curve: the picture's address must stay short


def joint_verdict(quality: pl.DataFrame) -> list[dict[str, Any]]:
    """A line a kind of row: how many all detectors together flag, with the interval; precision last."""
    joint = quality.filter(pl.col("detector") == JOINT)
    words = {LEAK: "{}", CLEAN: "clean, {}", OTHER: "other texts, {}", PRECISION: "precision, {}"}
    short = {AMONG_OWN: "own rows", AMONG_ALL: "all"}
    return [
        {
            "rows": words[row["side"]].format(short.get(row["kind"], row["kind"])),
            "flagged": f"{row['flagged']:,} of {row['n']:,}",
            "share": f"{row['rate']:.3f} ({row['low']:.3f} to {row['high']:.3f})",
        }
        for row in joint.iter_rows(named=True)
        if row["n"] and row["low"] is not None
    ]


def curves(table: pl.DataFrame) -> bytes:
    """Shares flagged by each detector from each score on, of planted leaks and of clean rows; a strip a detector."""
    detectors = [name for name in table["detector"].unique(maintain_order=True) if name in _DRAWN]
    arms = [
        (words, [_thinned(table.filter(detector=name), column) for name in detectors])
        for words, column in (("leaks flagged", "leaks_flagged"), ("clean rows flagged", "clean_flagged"))
    ]
    return plots.strips(detectors, arms)


def _thinned(own: pl.DataFrame, column: str) -> list[tuple[float, float]]:
    known = own.drop_nulls(column).sort("score")
    step = max(1, known.height // _POINTS)
    return [(score, share) for score, share in known.gather_every(step).select("score", column).iter_rows()]
