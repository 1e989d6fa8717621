"""Intervals of differences of two shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.measures.differences import newcombe

SHARE = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


# Newcombe 1998, Table II, method 10 (score without continuity correction).
@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_published_intervals(one: tuple[int, int], other: tuple[int, int], low: float, high: float) -> None:
    """To the four digits that the paper prints."""
    found = newcombe(*one, *other)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@given(SHARE, SHARE)
def test_the_other_way_round_is_the_mirror(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Swapping the samples swaps the signs; the value lies inside, and everything between -1 and 1."""
    there, back = newcombe(*one, *other), newcombe(*other, *one)
    assert there.low is not None
    assert there.high is not None
    assert there.value is not None
    assert (there.low, there.high) == (pytest.approx(-(back.high or 0)), pytest.approx(-(back.low or 0)))
    assert -1 - 1e-9 <= there.low <= there.value <= there.high <= 1 + 1e-9


@pytest.mark.parametrize("counts", [(0, 0, 1, 2), (1, 2, 0, 0), (0, 0, 0, 0)])
def test_no_rows_no_interval(counts: tuple[int, int, int, int]) -> None:
    """Of nothing no difference is told."""
    found = newcombe(*counts)
    assert (found.value, found.low, found.high, found.n) == (None, None, None, sum(counts[1::2]))
