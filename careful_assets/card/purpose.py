"""C, the purpose's part of a card: which gap, for which use, checked by whom."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from careful_assets.card.fields import ArtifactType, Count, Line, Text, Use
from careful_assets.card.part import Part


class Gap(Part):
    """C: one class that reality fills too thinly, counted in rows."""

    label: Line
    current_count: Count
    target_count: Count
    why_not_collect: Text
    damage_if_wrong: Text


class Verifier(Part):
    """Whatever can check one generated row, and what one check costs."""

    kind: Literal["people", "judges", "program", "none"]
    who: Text
    cost_per_row: Text


class Purpose(Part):
    """C: what the dataset is for. The cell, artifact type × use, picks the gate profile."""

    gap: Annotated[list[Gap], Field(min_length=1)]
    artifact_type: ArtifactType
    use: Use
    nature: Literal["simulation", "fabrication"]
    simulates: Text | None = None
    verifier: Verifier

    @property
    def cell(self) -> str:
        """The cell's name, e.g. `rare_class.training`."""
        return f"{self.artifact_type}.{self.use}"
