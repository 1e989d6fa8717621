"""Which side a group falls on: by the digest of the group and the card's salt, and by nothing else.

Belongs here: the arithmetic. Which groups are joined, and what earlier vintages settled, is in `dealing`.
"""

from __future__ import annotations

import hashlib

import polars as pl

from careful_assets.card.anchors import Split

# Points lie in [0, 2**63): a signed 64-bit integer holds them.
_RANGE = 2**63


def point_of(group: str, salt: str) -> int:
    """Where a group stands on the line that the splits divide: the first 63 bits of its salted SHA-256."""
    digest = hashlib.sha256(f"{salt}\0{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def edges_of(split: Split) -> dict[str, int]:
    """Where exemplar, train and holdout end on that line; the vault has the rest."""
    edges, share = {}, 0
    for side in ("exemplar", "train", "holdout"):
        share += getattr(split, side)
        edges[side] = _RANGE * share // 100
    return edges


def leaders_of(memberships: pl.DataFrame) -> pl.DataFrame:
    """Which groups hang together.

    Args:
        memberships: number (of a group), cluster: int64; groups with a cluster in common are joined, and so on.

    Returns:
        number, leader: for each group the smallest number among those it is joined with.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if memberships.is_empty():
        return pl.DataFrame(schema={"number": pl.Int64, "leader": pl.Int64})
    numbers, group = np.unique(memberships["number"].to_numpy(), return_inverse=True)
    clusters, cluster = np.unique(memberships["cluster"].to_numpy(), return_inverse=True)
    size = len(numbers) + len(clusters)
    edges = coo_array((np.ones(len(group), dtype=bool), (group, cluster + len(numbers))), shape=(size, size))
    component = connected_components(edges, directed=False)[1][: len(numbers)]
    found = pl.DataFrame(
        {"number": numbers, "component": component}, schema={"number": pl.Int64, "component": pl.Int64}
    )
    return found.select("number", leader=pl.col("number").min().over("component"))
