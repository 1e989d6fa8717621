"""The filtering asset."""

from __future__ import annotations

from careful_assets.filtering.exclusions import KINDS
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
            str,
            "Rejudging or excluding: why, in one line. It is recorded; an override holds until the card's threshold "
            "changes, an exclusion until it is withdrawn.",
        ),
        "exclude": Option(
            str, f"Excluding: the kind of what is to be left out of every version to come: {', '.join(KINDS)}."
        ),
        "withdraw": Option(str, "Or the kind of what was excluded and is to be taken back."),
        "item": Option(str, "Excluding: which of that kind, by id or digest; seeds as FROM..TO."),
    },
)
