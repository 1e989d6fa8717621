"""The content digest of a release: a Merkle root over its rows, by row_id.

Each leaf covers what a row is and where it came from: id, text, label, split, origin, generator digest, prompt_sha256,
params, seed, parent_ids. Leaves and nodes are hashed with different prefixes, as in RFC 6962 (Certificate
Transparency), so that no node can pass for a leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from careful_assets.provenance.digests import canonical

ROW_FIELDS = ("row_id", "text", "label", "split", "origin")
RECORD_FIELDS = ("generator_digest", "prompt_sha256", "params", "seed", "parent_ids")


def content_digest(rows: pl.DataFrame, records: pl.DataFrame) -> str:
    """The Merkle root, in hex. `rows`: ROW_FIELDS; `records`: row_id and RECORD_FIELDS for the generated rows.

    Raises:
        ValueError: as `leaf_digests`.
    """
    return merkle_root(list(leaf_digests(rows, records).values())).hex()


def leaf_digests(rows: pl.DataFrame, records: pl.DataFrame) -> dict[str, bytes]:
    """By row_id, ascending, the digest of each row with its record; real rows have no generator.

    Raises:
        ValueError: a row has no id, or two rows or two records have the same: a leaf would stand for several rows.
    """
    for what, frame in (("rows", rows), ("records", records)):
        if repeated := repeated_ids(frame):
            raise ValueError(
                f"{len(repeated)} ids stand on several {what}, e.g. {repeated[0][:16]!r}; no content digest"
            )
        if frame["row_id"].null_count():
            raise ValueError(f"{frame['row_id'].null_count()} {what} have no id")
    joined = (
        rows.select(ROW_FIELDS).join(records.select("row_id", *RECORD_FIELDS), on="row_id", how="left").sort("row_id")
    )
    return {row[0]: _leaf(canonical(row)) for row in joined.iter_rows()}


def repeated_ids(frame: pl.DataFrame) -> list[str]:
    """The values of row_id that stand there more than once, in order."""
    counted = frame.group_by("row_id").len().filter(pl.col("len") > 1, pl.col("row_id").is_not_null())
    return counted["row_id"].sort().to_list()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves in their order; an odd one moves up unchanged; no leaves give the digest of nothing."""
    level = list(leaves)
    if not level:
        return hashlib.sha256().digest()
    while len(level) > 1:
        paired = [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def _leaf(text: str) -> bytes:
    return hashlib.sha256(b"\x00" + text.encode()).digest()
