"""A, the anchors' part of a card: where real rows come from, who owns them, and how they are dealt out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from careful_assets.card.fields import Line, Name, RelativePath, Requirement, Sha256, Share, Text, Variable
from careful_assets.card.part import Part, Person


class VaderReviews(Part):
    """Real customer-review sentences with 20 ratings each, inside vaderSentiment's source distribution."""

    kind: Literal["vader_reviews"]
    requirement: Requirement
    sha256: Sha256


class Columns(Part):
    """Which column of a table holds what.

    Without `key`, a row's key is made from its text and occurrence. Without `group`, the source's other columns are
    searched for one that tells whose rows belong together. `attributes` are those whose shares, and label rates, are
    the reference for bias.
    """

    text: Line
    label: Line
    key: Line | None = None
    group: Line | None = None
    attributes: list[Line] = []


class FileSource(Part):
    """A CSV, Parquet or JSONL file of anchors, its path relative to the card's folder."""

    kind: Literal["csv", "parquet", "jsonl"]
    path: RelativePath
    sha256: Sha256
    columns: Columns


class DatasetsSource(Part):
    """A folder that the `datasets` library saved to disk; `part` names one of several in it, such as `train`.

    The digest is that of the folder's data files, by name and content.
    """

    kind: Literal["datasets"]
    path: RelativePath
    part: Line | None = None
    sha256: Sha256
    columns: Columns


class SqlSource(Part):
    """A query over a DuckDB or SQLite file, or over the server that an environment variable names.

    The digest is that of the rows it returns, free of their order.
    """

    kind: Literal["sql"]
    database: RelativePath | None = None
    url: Variable | None = None
    query: Text
    sha256: Sha256
    columns: Columns


Source = Annotated[VaderReviews | FileSource | DatasetsSource | SqlSource, Field(discriminator="kind")]


class Split(Part):
    """How anchor groups are dealt out, in percent of the groups' hash range; `salt` makes it the dataset's own.

    Groups that share a row's text are joined first; with `join: near` also those that share a near copy. Among more
    than 100,000 different texts about one pair of near copies in a hundred of similarity 0.7 is missed.
    """

    salt: Line
    exemplar: Annotated[int, Field(ge=1, le=97)]
    train: Annotated[int, Field(ge=1, le=97)]
    holdout: Annotated[int, Field(ge=1, le=97)]
    vault: Annotated[int, Field(ge=1, le=97)]
    join: Literal["near", "exact"] = "near"


class MaxDrift(Part):
    """How far a new vintage may move from the one before, each between 0 and 1; above, its check fails.

    `labels`, `lengths` and `vocabulary` bound Jensen-Shannon distances, `removed` the share of rows that are gone.
    """

    labels: Share = 1.0
    lengths: Share = 1.0
    vocabulary: Share = 1.0
    removed: Share = 1.0


class Anchors(Part):
    """A: the real rows that hold the dataset to the world.

    Whoever refreshes them raises `vintage` by one: what was dealt out before stays where it is. `contract` is a Great
    Expectations suite beside the card, which every row must meet.
    """

    name: Name
    source: Source
    vintage: Annotated[int, Field(ge=1, le=10_000)] = 1
    owner: Person
    licence: Line
    citation: list[Text] = []
    contract: RelativePath | None = None
    labels: Annotated[list[Line], Field(min_length=2)]
    split: Split
    minimum_per_class: Annotated[int, Field(ge=1, le=10**9)]
    max_drift: MaxDrift = MaxDrift()
