"""The canary of a release: registered for its version, and laid down as a row that is none.

Belongs here: the release's side of canaries. Does not belong here: keeping them (`warehouse.canary_registry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from careful_assets.text import canaries as workshop
from careful_assets.warehouse.canary_registry import CanaryRegistry, RegisteredCanary

ORIGIN = "canary"


def planted(registry: CanaryRegistry, version: str) -> list[RegisteredCanary]:
    """The canaries of a version: written again, its folder gets the same ones.

    Raises:
        StageFailed: the vault, under whose key they are made, cannot be opened or holds nothing.
    """
    return [registry.held_by("release").register("release", version, workshop)]


def canary_rows(canaries: Sequence[RegisteredCanary], rows: pl.DataFrame) -> pl.DataFrame:
    """The canaries in the columns of `rows`, so that whoever reads every Parquet file of a folder reads them, too.

    Their `origin` tells them from rows; the label is one that rows have, so that nobody drops them for lack of one.
    """
    texts: dict[str, Any] = {"split": "train", "origin": ORIGIN}
    if "label" in rows.columns:
        texts["label"] = rows["label"].drop_nulls().sort().first()
    made = [{**texts, "row_id": one.digest, "text": one.text} for one in canaries]
    return pl.DataFrame(made, schema_overrides={name: rows.schema[name] for name in (*texts, "row_id", "text")}).select(
        pl.col(name) if name in (*texts, "row_id", "text") else pl.lit(None, kind).alias(name)
        for name, kind in rows.schema.items()
    )
