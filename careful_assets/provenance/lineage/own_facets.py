"""The facets that OpenLineage lacks, for generated data: who made it, what let it in, how much of it is synthetic.

Belongs here: their classes; what they hold stands in `schemas/<class>.json`, which travel with the package. A published
schema is never changed: another shape is another version, with another file and URN. Loads OpenLineage's client: import
it where events are made.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import attr
from openlineage.client.facet_v2 import DatasetFacet

VERSION = "1-0-0"
_SCHEMAS = Path(__file__).parent / "schemas"


def schema_id(name: str) -> str:
    """The URN of the schema of the facet class `name`, as its document's `$id`."""
    return f"urn:careful-assets:openlineage:{VERSION}:{name}"


@cache
def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of the facet class `name`."""
    document: dict[str, Any] = json.loads((_SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def schema_url(name: str) -> str:
    """What an event's `_schemaURL` says of the facet class `name`."""
    return f"{schema_id(name)}#/$defs/{name}"


@attr.define
class CarefulAssetsGenerationDatasetFacet(DatasetFacet):
    """Who generated the rows, with which prompts, parameters and seeds. Plain values only."""

    generators: list[dict[str, Any]]

    @staticmethod
    def _get_schema() -> str:
        return schema_url("CarefulAssetsGenerationDatasetFacet")


@attr.define
class CarefulAssetsGatesDatasetFacet(DatasetFacet):
    """Rows in, kept, and rejected by gate and reason, and the gates' versions."""

    rowsIn: int
    rowsKept: int
    gates: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    @staticmethod
    def _get_schema() -> str:
        return schema_url("CarefulAssetsGatesDatasetFacet")


@attr.define
class CarefulAssetsSyntheticDatasetFacet(DatasetFacet):
    """How much of each part of the dataset was generated, and how far from a real row."""

    parts: list[dict[str, Any]]

    @staticmethod
    def _get_schema() -> str:
        return schema_url("CarefulAssetsSyntheticDatasetFacet")


@attr.define
class CarefulAssetsReleaseDatasetFacet(DatasetFacet):
    """Which release it is, and what it may be used for."""

    version: str
    contentDigest: str
    status: str
    allowedUses: list[str]
    forbiddenUses: list[dict[str, str]]

    @staticmethod
    def _get_schema() -> str:
        return schema_url("CarefulAssetsReleaseDatasetFacet")


OWN_FACETS = {
    "carefulAssets_generation": CarefulAssetsGenerationDatasetFacet,
    "carefulAssets_gates": CarefulAssetsGatesDatasetFacet,
    "carefulAssets_synthetic": CarefulAssetsSyntheticDatasetFacet,
    "carefulAssets_release": CarefulAssetsReleaseDatasetFacet,
}
