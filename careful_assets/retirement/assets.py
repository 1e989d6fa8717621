"""The retirement asset."""

from __future__ import annotations

from careful_assets.provenance.assets import StageDoor
from careful_assets.retirement.stage import date_releases

DOOR = StageDoor(
    "retirement", "Each release's status, the day it is looked at again and the day it dies.", date_releases
)
