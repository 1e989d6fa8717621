"""The labeling asset."""

from __future__ import annotations

from careful_assets.labeling.stage import vote_on_kept
from careful_assets.provenance.assets import StageDoor

DOOR = StageDoor(
    "labeling",
    "Votes of judges fitted on real rows, their agreement, and for each kept row whether its prompted label "
    "is confirmed.",
    vote_on_kept,
    kinds=frozenset({"duckdb", "scikitlearn"}),
)
