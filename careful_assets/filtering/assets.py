"""The filtering asset."""

from __future__ import annotations

from careful_assets.filtering.stage import judge_candidates
from careful_assets.provenance.assets import StageDoor

DOOR = StageDoor(
    "filtering",
    "Every candidate before the gates of its cell, in order; each decision with its reason, score and threshold. "
    "Rejects are kept.",
    judge_candidates,
)
