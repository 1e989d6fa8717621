"""How far two distributions of counts lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2, sqrt


def jensen_shannon(first: Mapping[str, int], second: Mapping[str, int]) -> float:
    """The Jensen-Shannon distance of two tables of counts: 0 where the shares are equal, 1 where nothing is shared.

    The square root of the divergence with logarithms to base 2 (Lin 1991, IEEE Transactions on Information Theory
    37; a metric: Endres and Schindelin 2003, ibid. 49). Two samples of one distribution lie apart by chance, too: the
    further, the more items there are for the rows.

    Raises:
        ValueError: one of the tables is empty.
    """
    total_first, total_second = sum(first.values()), sum(second.values())
    if not total_first or not total_second:
        raise ValueError("the distance to a distribution without counts is not defined")
    divergence = 0.0
    # In one order, so that rounding does not hang on how the tables were filled.
    for item in sorted(first.keys() | second.keys()):
        p, q = first.get(item, 0) / total_first, second.get(item, 0) / total_second
        middle = (p + q) / 2
        divergence += (p * log2(p / middle) if p else 0.0) / 2 + (q * log2(q / middle) if q else 0.0) / 2
    return min(1.0, sqrt(max(0.0, divergence)))
