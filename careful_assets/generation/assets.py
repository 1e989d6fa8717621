"""The generation asset."""

from __future__ import annotations

from careful_assets.generation.stage import generate
from careful_assets.provenance.assets import StageDoor

DOOR = StageDoor(
    "generation",
    "Candidates from the generator, each with the request that made it. Answers live in the journal: materializing "
    "again sends only what is not answered.",
    generate,
)
