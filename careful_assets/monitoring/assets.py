"""The monitoring asset."""

from __future__ import annotations

from careful_assets.monitoring.stage import observe
from careful_assets.provenance.assets import StageDoor

DOOR = StageDoor(
    "monitoring", "The frozen slices of the ruler, read for the newest release beside their baselines.", observe
)
