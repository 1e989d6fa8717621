"""Shares and differences of shares with the interval that their sample size leaves open.

Belongs here: intervals for hits out of n, by row or by group. Does not belong here: counting the hits. Rows
that share a customer or a review are not independent, hence the bootstrap over groups; everything is
seeded.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Draws held in memory at once: about 64 MB of indices.
_DRAWS_AT_ONCE = 8_000_000


@dataclass(frozen=True)
class Interval:
    """A share, or a difference of shares, and its interval; `n` counts rows.

    `value` is None where there are no rows. `low` and `high` are None where nothing can be said about them:
    no rows, or a single group.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


def wilson(hits: int, n: int, level: float = 0.95) -> Interval:
    """The score interval (Wilson 1927, JASA 22:209-212) for the share of `hits` in `n` independent rows.

    Raises:
        ValueError: not 0 <= hits <= n, or `level` does not lie between 0 and 1.
    """
    _check_level(level)
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n} rows is no share")
    if n == 0:
        return Interval(None, None, None, 0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if hits == 0 else centre - reach
    high = 1.0 if hits == n else centre + reach
    return Interval(share, low, high, n)


def group_bootstrap(counts: pl.DataFrame, seed: int, repetitions: int = 1000, level: float = 0.95) -> Interval:
    """The share of hits over all rows, with the percentile interval of a bootstrap over groups.

    Whole groups are drawn with replacement (the cluster bootstrap of Field & Welsh 2007, JRSS B 69:369-390)
    and the quantiles of the redrawn shares make the interval (Efron & Tibshirani 1993, ch. 13). With few
    groups (below about 30) it is too narrow; where all groups have the same share it has no width, which is
    not certainty: report `wilson` beside it there.

    Args:
        counts: `group`, `hits` and `n` (integers, 0 <= hits <= n); a group may stand in several rows. Neither
            their order nor the groups' names count.
        seed: of numpy's PCG64.
        repetitions: how many times the groups are redrawn.
        level: the interval's nominal coverage.

    Raises:
        ValueError: counts that are no shares, `level` not between 0 and 1, or no repetition.
    """
    if counts.filter((pl.col("hits") < 0) | (pl.col("hits") > pl.col("n"))).height:
        raise ValueError("a group has fewer than 0 hits, or more hits than rows")
    return _over_groups(counts, seed, repetitions, level)


def paired_group_bootstrap(counts: pl.DataFrame, seed: int, repetitions: int = 1000, level: float = 0.95) -> Interval:
    """The share of hits minus the baseline's on the same rows, with its interval as in `group_bootstrap`.

    Both predictors are redrawn together, so that what is hard for both cancels out.

    Args:
        counts: `group`, `hits`, `baseline_hits` and `n`; otherwise as in `group_bootstrap`.
        seed: of numpy's PCG64.
        repetitions: how many times the groups are redrawn.
        level: the interval's nominal coverage.

    Raises:
        ValueError: counts that are no shares, `level` not between 0 and 1, or no repetition.
    """
    least, most = pl.min_horizontal("hits", "baseline_hits"), pl.max_horizontal("hits", "baseline_hits")
    if counts.filter((least < 0) | (most > pl.col("n"))).height:
        raise ValueError("a group has fewer than 0 hits, or more hits than rows")
    gains = counts.with_columns((pl.col("hits").cast(pl.Int64) - pl.col("baseline_hits")).alias("hits"))
    return _over_groups(gains, seed, repetitions, level)


def _over_groups(counts: pl.DataFrame, seed: int, repetitions: int, level: float) -> Interval:
    _check_level(level)
    if repetitions < 1:
        raise ValueError(f"the bootstrap needs at least one repetition, not {repetitions}")
    # Groups without rows weigh nothing; drawn alone they would leave nothing to divide by. The order is that of the
    # counts, not of the names: those may be digests under a vault's random key, and must not move the interval.
    groups = (
        counts.group_by("group")
        .agg(pl.col("hits").cast(pl.Int64).sum(), pl.col("n").cast(pl.Int64).sum())
        .filter(pl.col("n") > 0)
        .sort("hits", "n")
    )
    hits, n = groups["hits"].to_numpy(), groups["n"].to_numpy()
    if groups.is_empty():
        return Interval(None, None, None, 0)
    rows = int(n.sum())
    value = int(hits.sum()) / rows
    if groups.height == 1:
        return Interval(value, None, None, rows)
    import numpy as np  # loading the definitions must not wait for it

    shares = _redrawn_shares(hits, n, seed, repetitions)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    # Few repetitions can leave the value outside of its own quantiles.
    return Interval(value, min(float(low), value), max(float(high), value), rows)


def _redrawn_shares(
    hits: npt.NDArray[np.int64], n: npt.NDArray[np.int64], seed: int, repetitions: int
) -> npt.NDArray[np.float64]:
    import numpy as np

    rng = np.random.Generator(np.random.PCG64(seed))
    at_once = max(1, _DRAWS_AT_ONCE // len(n))
    shares = []
    for start in range(0, repetitions, at_once):
        drawn = rng.integers(len(n), size=(min(at_once, repetitions - start), len(n)))
        shares.append(hits[drawn].sum(axis=1) / n[drawn].sum(axis=1))
    return np.concatenate(shares)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"an interval's level lies between 0 and 1, not at {level}")
