"""Differences of two shares with the interval that their sample sizes leave open.

Belongs here: intervals for two independent samples, from counts. Does not belong here: one share (`intervals`), and
two predictors on the same rows (`intervals.paired_group_bootstrap`).
"""

from __future__ import annotations

from careful_assets.measures.intervals import Interval, wilson


def newcombe(hits: int, n: int, other_hits: int, other_n: int, level: float = 0.95) -> Interval:
    """The first share minus the other, of independent rows, with the hybrid score interval.

    Newcombe 1998, Statistics in Medicine 17:873-890, method 10: the ends of both shares' Wilson intervals are combined.
    `n` of the result is that of all rows; value and ends are None where a sample has no rows.

    Raises:
        ValueError: counts that are no shares, or `level` does not lie between 0 and 1.
    """
    one, other = wilson(hits, n, level), wilson(other_hits, other_n, level)
    if not (n and other_n):
        return Interval(None, None, None, n + other_n)
    share, low, high = _known(one)
    other_share, other_low, other_high = _known(other)
    value = share - other_share
    below = ((share - low) ** 2 + (other_high - other_share) ** 2) ** 0.5
    above = ((high - share) ** 2 + (other_share - other_low) ** 2) ** 0.5
    return Interval(value, value - below, value + above, n + other_n)


def _known(share: Interval) -> tuple[float, float, float]:
    assert share.value is not None
    assert share.low is not None
    assert share.high is not None
    return share.value, share.low, share.high
