"""E, the evaluation's part of a card: what the ruler must show, further sealed sets, and who may be shown sealed rows.

Belongs here: what each key may hold. Does not belong here: rules over several keys (`rules`, `evaluation_rules`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from careful_assets.card.fields import (
    DISCORDANT_SHARE,
    Count,
    Line,
    Name,
    PositiveShare,
    Sha256,
    Share,
    Version,
)
from careful_assets.card.part import Part


class Slice(Part):
    """A part of the ruler that is scored apart: the rows of these labels and of this length in tokens."""

    name: Name
    labels: list[Line] | None = None
    min_tokens: Count = 0
    max_tokens: Count | None = None


class Ruler(Part):
    """What the sealed rows must be able to show: the least change in a gap class's recall that the owner wants to see.

    `discordant_share`: of the class's rows, those on which the two predictors are expected to differ in being right.
    `intra_group_correlation`: how alike the rows of one group are in that; without it, the measure's own assumption.
    """

    visible_change: PositiveShare
    discordant_share: PositiveShare = DISCORDANT_SHARE
    intra_group_correlation: Share | None = None


class EvaluationSet(Part):
    """A released evaluation set of another dataset, which is sealed beside the real rows and scored apart from them."""

    name: Name
    dataset: Name
    version: Version
    content_digest: Sha256


class ParaphraseJudge(Part):
    """A language model that says whether a row says what a sealed row says, asked of the nearest few alone.

    `model` and `family`: as the endpoint calls it, and whose it is; without an endpoint the embedded one is asked.
    `provider`: who serves the endpoint, and is shown sealed rows: `vault.may_be_sent_to` must name it, too.
    """

    model: Line
    family: Name
    provider: Name | None = None
    nearest: Annotated[int, Field(ge=1, le=10)] = 3


class Evaluation(Part):
    """E: what the ruler tolerates and must show, the slices that are frozen on it when it is sealed, further sets."""

    max_leak_share: Share
    ruler: Ruler
    slices: list[Slice] = []
    sets: list[EvaluationSet] = []
    paraphrase_judge: ParaphraseJudge | None = None


class Vault(Part):
    """E: which providers of models, by name, may be sent sealed rows. By default none is."""

    may_be_sent_to: list[Name] = []
