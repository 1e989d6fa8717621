"""Bootstrap by group, and Wilson's interval."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.measures.intervals import Interval, group_bootstrap, paired_group_bootstrap, wilson

GROUPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12)


def counts_of(shares: list[tuple[int, int]]) -> pl.DataFrame:
    schema = {"group": pl.String, "hits": pl.Int64, "n": pl.Int64}
    rows = [(f"g{i:03}", min(pair), max(pair)) for i, pair in enumerate(shares)]
    return pl.DataFrame(rows, schema=schema, orient="row")


@given(GROUPS, st.integers(0, 99), st.sampled_from([1, 5, 60]), st.sampled_from([0.05, 0.5, 0.95]))
def test_the_interval_holds_its_value(shares, seed, repetitions, level):
    """low <= value <= high, all of them shares; no interval without two groups that have rows."""
    counts = counts_of(shares)
    interval = group_bootstrap(counts, seed, repetitions, level)
    assert interval.n == counts["n"].sum()
    if interval.n == 0:
        assert interval == Interval(None, None, None, 0)
    elif counts.filter(pl.col("n") > 0).height == 1:
        assert interval == Interval(counts["hits"].sum() / interval.n, None, None, interval.n)
    else:
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
        assert interval.value == counts["hits"].sum() / interval.n


@given(GROUPS, st.randoms(use_true_random=False))
def test_the_interval_depends_on_counts_and_seed_alone(shares, random):
    """Row order, the groups' names and the splitting of a group's counts over rows change nothing."""
    counts = counts_of(shares)
    parts = counts.with_columns(pl.col("hits") // 2, pl.col("n") // 2)
    rest = counts.with_columns(pl.col("hits") - pl.col("hits") // 2, pl.col("n") - pl.col("n") // 2)
    split = pl.concat([parts, rest]).sample(fraction=1, shuffle=True, seed=random.randrange(999))
    assert group_bootstrap(split, 3, 40) == group_bootstrap(counts, 3, 40)
    names = counts["group"].to_list()
    renamed = counts.with_columns(group=pl.Series(random.sample(names, len(names)), dtype=counts["group"].dtype))
    assert group_bootstrap(renamed, 3, 40) == group_bootstrap(counts, 3, 40)


def test_a_seed_gives_one_interval_and_another_seed_another():
    """Reproducible, and not by ignoring the seed."""
    counts = counts_of([(i % 5, 7) for i in range(20)])
    assert group_bootstrap(counts, 1) == group_bootstrap(counts, 1)
    assert len({group_bootstrap(counts, seed, 40) for seed in range(5)}) > 1


def test_chunks_of_repetitions_do_not_repeat(monkeypatch):
    """Bounded memory draws as many different replicates as unbounded memory."""
    counts = counts_of([(i % 5, 7) for i in range(20)])
    whole = group_bootstrap(counts, 1, 500)
    monkeypatch.setattr("careful_assets.measures.intervals._DRAWS_AT_ONCE", 60)
    assert group_bootstrap(counts, 1, 500) == whole


def simulated(rng: np.random.Generator, groups: int, rows: int) -> tuple[np.ndarray, pl.DataFrame]:
    """Groups whose own rate of hits scatters widely around 0.6."""
    hits = rng.binomial(rows, rng.beta(1.2, 0.8, groups))
    frame = pl.DataFrame({"group": np.arange(groups).astype(str), "hits": hits, "n": np.full(groups, rows)})
    return hits, frame


def test_coverage_where_rows_hang_together():
    """Of 300 intervals of 95% over 40 groups, 89% to 99% hold the truth; intervals by row hold it far less often.

    The percentile bootstrap over 40 groups covers about 93 to 94% (z quantiles for t, biased variance); three standard
    errors of 300 trials at 0.94 are 4.1 points.
    """
    rng = np.random.default_rng(11)
    by_group = by_row = 0
    for seed in range(300):
        hits, counts = simulated(rng, 40, 10)
        interval = group_bootstrap(counts, seed, 400)
        by_group += interval.low <= 0.6 <= interval.high
        naive = wilson(int(hits.sum()), 400)
        by_row += naive.low <= 0.6 <= naive.high
    assert 0.89 <= by_group / 300 <= 0.99
    assert by_row / 300 < 0.80


def test_a_paired_difference_is_sharper_than_two_shares():
    """A predictor that is right on a few more rows of each group is seen to be better, though shares overlap."""
    rng = np.random.default_rng(5)
    hits, counts = simulated(rng, 40, 10)
    better = np.minimum(hits + rng.integers(0, 2, 40), 10)
    pair = counts.rename({"hits": "baseline_hits"}).with_columns(pl.Series("hits", better))
    difference = paired_group_bootstrap(pair, 1)
    assert difference.value == (better.sum() - hits.sum()) / 400
    assert 0 < difference.low <= difference.value <= difference.high < 0.15
    alone = group_bootstrap(counts, 1), group_bootstrap(pair.select("group", "hits", "n"), 1)
    assert alone[0].high > alone[1].low


def test_a_predictor_against_itself_differs_by_nothing():
    """The difference and its interval are exactly zero."""
    counts = counts_of([(i % 5, 7) for i in range(20)]).with_columns(pl.col("hits").alias("baseline_hits"))
    assert paired_group_bootstrap(counts, 1) == Interval(0, 0, 0, 140)


@pytest.mark.parametrize("hits", [[8], [-1]])
def test_counts_that_are_no_shares_are_refused(hits):
    """More hits than rows, or fewer than none, are an error in the caller."""
    counts = pl.DataFrame({"group": ["g"], "hits": hits, "baseline_hits": [0], "n": [7]})
    for bootstrap in (group_bootstrap, paired_group_bootstrap):
        with pytest.raises(ValueError, match="hits"):
            bootstrap(counts, 1)


def test_settings_out_of_range_are_refused():
    """A level outside of (0, 1) and no repetitions are errors in the caller."""
    counts = counts_of([(1, 2), (2, 2)])
    with pytest.raises(ValueError, match="level"):
        group_bootstrap(counts, 1, level=1)
    with pytest.raises(ValueError, match="repetition"):
        group_bootstrap(counts, 1, repetitions=0)
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, level=0)
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)


@settings(max_examples=200)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_holds_its_value_and_mirrors(one, other, level):
    """low <= value <= high within [0, 1]; misses have the mirrored interval."""
    hits, n = min(one, other), max(one, other)
    interval, mirrored = wilson(hits, n, level), wilson(n - hits, n, level)
    if n == 0:
        assert interval == Interval(None, None, None, 0)
        return
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)


def test_wilson_equals_scipys():
    """At shares of 0, of 1 and between."""
    from scipy.stats import binomtest

    for hits, n in [(0, 5), (5, 5), (1, 9), (37, 81), (999, 1000)]:
        expected = binomtest(hits, n).proportion_ci(0.9, method="wilson")
        interval = wilson(hits, n, 0.9)
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
