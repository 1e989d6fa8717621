"""The evaluation asset."""

from __future__ import annotations

from careful_assets.evaluation.stage import find_leaks
from careful_assets.provenance.assets import StageDoor

DOOR = StageDoor(
    "evaluation",
    "Candidates held against the sealed ruler. Its own rows are the leaks, which are struck: no rows is good news. The "
    "ruler's rows stay in the vault; digests and scores leave.",
    find_leaks,
    grants=("vault_probe", "canary_registry"),
)
