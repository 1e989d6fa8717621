"""Shares as people write them, exactly."""

from __future__ import annotations

from fractions import Fraction


def as_written(share: float) -> Fraction:
    """The share that the card's digits mean: 0.29 is 29/100 and not the binary fraction next to it."""
    return Fraction(repr(share))
