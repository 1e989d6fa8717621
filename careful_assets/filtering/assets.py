"""The filtering asset."""

from __future__ import annotations

from careful_assets.filtering.stage import judge_candidates
from careful_assets.provenance.assets import Option, StageDoor

DOOR = StageDoor(
    "filtering",
    "Every candidate before the gates of its cell, in order; each decision with its reason, score and threshold. "
    "Rejects are kept.",
    judge_candidates,
    options={
        "gate": Option(
            str, "Rejudging: the gate that is to judge by another threshold. Leave all three empty for an ordinary run."
        ),
        "threshold": Option(float, "Rejudging: that threshold, in the gate's unit."),
        "reason": Option(
            str, "Rejudging: why, in one line. It is recorded, and holds until the card's threshold changes."
        ),
    },
)
