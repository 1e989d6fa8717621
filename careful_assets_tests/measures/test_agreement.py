"""Cohen's kappa."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.measures.agreement import cohen_kappa

PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=40)


@given(PAIRS)
def test_kappa_is_symmetric_and_bounded(pairs):
    """Who is named first does not matter, and the value lies in [-1, 1] or is None."""
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    value = cohen_kappa(first, second)
    assert value == cohen_kappa(second, first)
    assert value is None or -1 <= value <= 1


@given(PAIRS)
def test_kappa_is_one_exactly_where_all_agree(pairs):
    """Full agreement gives 1, and nothing else does."""
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    value = cohen_kappa(first, second)
    if value is not None:
        assert (value == 1) == (first == second)


def test_kappa_of_cohens_own_example():
    """The 2x2 table 20/5/10/15 gives (0.7 - 0.5) / (1 - 0.5)."""
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4, abs=1e-15)


@pytest.mark.parametrize("labels", [[], ["a"], ["a"] * 50])
def test_kappa_is_undefined_where_chance_agreement_is_complete(labels):
    """No items, or one label throughout: None, and neither 1.0 nor NaN."""
    assert cohen_kappa(labels, labels) is None


def test_kappa_of_two_constant_labelers_who_differ_is_zero():
    """Chance agreement is nil there, and so is agreement."""
    assert cohen_kappa(["a"] * 9, ["b"] * 9) == 0


def test_kappa_refuses_lists_of_different_lengths():
    """Items that do not pair up are an error in the caller."""
    with pytest.raises(ValueError, match="2 and 1"):
        cohen_kappa(["a", "b"], ["a"])


def test_kappa_equals_scikit_learns():
    """On 300 random labelings, from two to five labels."""
    from sklearn.metrics import cohen_kappa_score

    rng = np.random.default_rng(7)
    for _ in range(300):
        n, labels = int(rng.integers(2, 60)), int(rng.integers(2, 6))
        first, second = (rng.integers(0, labels, n).astype(str).tolist() for _ in range(2))
        value = cohen_kappa(first, second)
        if value is not None:
            assert value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
