"""The distance between two distributions of counts: its known values, and what makes it a distance."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.measures.drift import jensen_shannon

counts = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 50), min_size=1)


def test_known_values() -> None:
    """Half and half against one: the divergence is 1 - 3/4 log2 3 + ... = 0.311278 bits; nothing shared: 1."""
    assert jensen_shannon({"a": 1}, {"a": 5, "b": 5}) == pytest.approx(sqrt(0.3112781244591328), abs=1e-12)
    assert jensen_shannon({"a": 3}, {"b": 4}) == 1.0
    assert jensen_shannon({"a": 3, "b": 6}, {"a": 1, "b": 2}) == pytest.approx(0, abs=1e-7)


@settings(deadline=None)
@given(counts, counts, counts)
def test_it_is_a_distance(one: dict[str, int], two: dict[str, int], three: dict[str, int]) -> None:
    """It lies in [0, 1], is the same both ways, and no way round is shorter."""
    there, back = jensen_shannon(one, two), jensen_shannon(two, one)
    assert 0 <= there <= 1
    assert there == back
    assert there <= jensen_shannon(one, three) + jensen_shannon(three, two) + 1e-9


@settings(deadline=None)
@given(counts, st.integers(2, 9))
def test_only_shares_count(one: dict[str, int], times: int) -> None:
    """The same shares of more rows have not moved, but for rounding."""
    assert jensen_shannon(one, {item: n * times for item, n in one.items()}) < 1e-6


def test_nothing_has_no_distance() -> None:
    """A distribution without counts is refused."""
    with pytest.raises(ValueError, match="without counts"):
        jensen_shannon({}, {"a": 1})
