"""A real row's id, from its key in the source: the same over all vintages.

Belongs here: that rule alone, which reading the source and erasing from it share.
"""

from __future__ import annotations

from careful_assets.provenance.digests import canonical, sha256


def anchor_id(source: str, key: str) -> str:
    """sha256, in hex. `source`: the card's anchors.name."""
    return sha256(canonical([source, key]))
