"""The shape of a gate's cases: small batches, and what becomes of the last row of each.

Candidates are called c0, c1, ... and anchors a0, a1, ... in the order they stand.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """Texts judged together, and what becomes of the last: `reason` is None where it is judged and passes.

    `parents` and `personal_data`, the kinds on record, are the last one's.
    """

    texts: list[str]
    reason: str | None = None
    matched: str | None = None
    anchors: list[str] = field(default_factory=list)
    finish_reason: str | None = "stop"
    parents: list[str] = field(default_factory=list)
    personal_data: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class GateCases:
    """One gate's cases, at one threshold; rows of `abstains` pass unjudged."""

    accepts: list[Case]
    refuses: list[Case]
    threshold: float | None = None
    abstains: list[Case] = field(default_factory=list)


def each(*texts: str, reason: str | None = None) -> list[Case]:
    """One case for each text by itself."""
    return [Case([text], reason) for text in texts]
