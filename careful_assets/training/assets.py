"""The training asset."""

from __future__ import annotations

from careful_assets.provenance.assets import StageDoor
from careful_assets.training.stage import train_and_score

DOOR = StageDoor(
    "training",
    "A reference model on real rows only and one on the capped mix, both scored by the vault on slices "
    "frozen beforehand.",
    train_and_score,
    kinds=frozenset({"duckdb", "scikitlearn"}),
    grants=("vault_scorer",),
)
