"""What every part of a card is, and the people a card names."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from careful_assets.card.fields import Email, Line


class Part(BaseModel):
    """A part of a card: unknown keys are refused, types are not coerced, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Person(Part):
    """Someone who answers for the dataset; outlives the author of the generation."""

    name: Line
    email: Email
