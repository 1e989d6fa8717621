"""The purpose asset."""

from __future__ import annotations

from careful_assets.provenance.assets import StageDoor
from careful_assets.purpose.stage import freeze_card

DOOR = StageDoor(
    "purpose",
    "The card as it stood: which gap is filled, for which use, at what risk, and the answers to CAREFUL.",
    freeze_card,
)
