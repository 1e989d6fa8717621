"""The anchors asset."""

from __future__ import annotations

from careful_assets.anchors.stage import seal_and_split
from careful_assets.provenance.assets import StageDoor

DOOR = StageDoor(
    "anchors",
    "Real rows, dealt out by group: exemplars that prompts may show, rows to train on, a holdout, and the sealed "
    "evaluation rows, of which only counts leave the vault.",
    seal_and_split,
    grants=("vault_sealer",),
)
