"""C, the purpose's part of a card: which gap, for which use, checked by whom, and what collecting would take."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from careful_assets.card.damage import Level
from careful_assets.card.fields import Amount, ArtifactType, Count, Currency, Line, Positive, Text, Use
from careful_assets.card.part import Part


class Collecting(Part):
    """What it would take to collect real rows of a class instead; the cost is in the purpose's currency."""

    rows_per_day: Positive
    cost_per_row: Amount


class Gap(Part):
    """C: one class that reality fills too thinly, counted in rows. `damage`: how bad a wrong row is, see `damage`."""

    label: Line
    current_count: Count
    target_count: Count
    why_not_collect: Text
    collecting: Collecting
    damage: Level
    damage_if_wrong: Text


class Simulates(Part):
    """The measured distribution that a simulation draws from: the anchors of these labels in one open split."""

    split: Literal["exemplar", "train", "holdout"]
    labels: Annotated[list[Line], Field(min_length=1)]
    words: Text


class Verifier(Part):
    """Whatever can check one generated row, and what one check costs."""

    kind: Literal["people", "judges", "program", "grounding", "none"]
    who: Text
    cost_per_row: Text


class Purpose(Part):
    """C: what the dataset is for. The cell, artifact type × use, picks the gate profile."""

    currency: Currency
    gap: Annotated[list[Gap], Field(min_length=1)]
    artifact_type: ArtifactType
    use: Use
    nature: Literal["simulation", "fabrication"]
    simulates: Simulates | None = None
    verifier: Verifier

    @property
    def cell(self) -> str:
        """The cell's name, e.g. `rare_class.training`."""
        return f"{self.artifact_type}.{self.use}"
