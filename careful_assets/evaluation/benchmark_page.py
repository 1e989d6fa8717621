"""Two pictures of the leak detectors' benchmark, as SVG bytes: recall by kind, and what each flags from which score on.

Belongs here: drawing figures that stand in the stage's tables. Does not belong here: the figures (`benchmark`).
"""

from __future__ import annotations

import polars as pl

from careful_assets.evaluation.benchmark import CLEAN, JOINT, LEAK
from careful_assets.evaluation.planting import PARAPHRASE, SHORT
from careful_assets.measures import plots

_POINTS = 12  # of a curve: the picture's address must stay short


def recall_by_kind(quality: pl.DataFrame) -> bytes:
    """The joint verdict's recall on each kind of leak with its interval, then the share of clean rows that it flags."""
    joint = quality.filter(
        (pl.col("detector") == JOINT) & pl.col("side").is_in([LEAK, CLEAN]) & pl.col("rate").is_not_null()
    ).sort(
        pl.col("side") == CLEAN, pl.col("kind").str.ends_with(SHORT), pl.col("kind") == PARAPHRASE, maintain_order=True
    )
    names = [kind if side == LEAK else f"clean rows, {kind}" for side, kind in joint.select("side", "kind").rows()]
    points = [(value, low, high) for value, low, high in joint.select("rate", "low", "high").iter_rows()]
    return plots.intervals(names, [("flagged by any detector", points)])


def curves(table: pl.DataFrame) -> bytes:
    """Shares flagged by each detector from each score on, of planted leaks and of clean rows; a strip a detector."""
    detectors = table["detector"].unique(maintain_order=True).to_list()
    arms = [
        (words, [_thinned(table.filter(detector=name), column) for name in detectors])
        for words, column in (("leaks flagged", "leaks_flagged"), ("clean rows flagged", "clean_flagged"))
    ]
    return plots.strips(detectors, arms)


def _thinned(own: pl.DataFrame, column: str) -> list[tuple[float, float]]:
    known = own.drop_nulls(column).sort("score")
    step = max(1, known.height // _POINTS)
    return [(score, share) for score, share in known.gather_every(step).select("score", column).iter_rows()]
