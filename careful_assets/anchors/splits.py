"""Which side a real row falls on: whole groups are dealt out by the digest of the group and the card's salt.

Groups that share a row's text (after normalizing) are joined first, so that no text stands on two sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from careful_assets.card.anchors import Split


def joined_groups(rows: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """By group the set of groups it is joined with, itself included. `rows`: (group, normalized text)."""
    leader: dict[str, str] = {}
    owner: dict[str, str] = {}

    def find(group: str) -> str:
        while leader[group] != group:
            leader[group] = leader[leader[group]]
            group = leader[group]
        return group

    for group, text in rows:
        leader.setdefault(group, group)
        first = owner.setdefault(text, group)
        leader[find(group)] = find(first)
    members: dict[str, set[str]] = {}
    for group in leader:
        members.setdefault(find(group), set()).add(group)
    return {group: frozenset(members[find(group)]) for group in leader}


def split_of(groups: frozenset[str], split: Split) -> str:
    """The side of joined groups: the smallest of their salted SHA-256 digests, in percent, against the shares."""
    point = min(_percent(split.salt, group) for group in groups)
    edge = 0.0
    for side in ("exemplar", "train", "holdout"):
        edge += getattr(split, side)
        if point < edge:
            return side
    return "vault"


def _percent(salt: str, group: str) -> float:
    digest = hashlib.sha256(f"{salt}\0{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * 100
