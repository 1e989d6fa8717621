"""The power of the exact McNemar test, the least visible change, and the ruler that they are told of."""

from __future__ import annotations

from math import comb, isqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.measures.power import (
    DISCORDANT_SHARE,
    INTRA_GROUP_CORRELATION,
    Ruler,
    design_effect,
    exact_power,
    least_visible_change,
    rows_needed,
    ruler,
)

SHARES = st.floats(0.02, 1)
ROUNDED_UP = 1e-6  # of a visible change, as its docstring says


def rejects(wins: int, losses: int, level: float) -> bool:
    """The exact two-sided test by its definition: outcomes no likelier than the one seen, under a fair coin."""
    n = wins + losses
    seen = comb(n, wins)
    return sum(comb(n, k) for k in range(n + 1) if comb(n, k) <= seen) / 2**n <= level


def enumerated_power(n: int, change: float, share: float, level: float) -> float:
    """The probability of all outcomes (wins, losses, ties) that are rejected."""
    win, loss = (share + change) / 2, (share - change) / 2
    return sum(
        comb(n, wins) * comb(n - wins, losses) * win**wins * loss**losses * (1 - share) ** (n - wins - losses)
        for wins in range(n + 1)
        for losses in range(n - wins + 1)
        if rejects(wins, losses, level)
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 30), SHARES, st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.0625, 0.2]))
def test_power_equals_the_enumeration_of_all_outcomes(n, share, part, level):
    """Up to 30 rows, to nine digits, for any change up to the discordant share."""
    expected = enumerated_power(n, part * share, share, level)
    assert exact_power(n, part * share, share, level) == pytest.approx(expected, abs=1e-9)


def test_power_equals_a_simulation_of_independent_rows():
    """40,000 rulers of 150 rows: within 0.01, four standard errors."""
    rng = np.random.default_rng(3)
    wins, losses, _ = rng.multinomial(150, [0.2, 0.1, 0.7], size=40_000).T
    verdicts = {pair: rejects(*pair, 0.05) for pair in set(zip(wins.tolist(), losses.tolist(), strict=True))}
    seen = np.mean([verdicts[pair] for pair in zip(wins.tolist(), losses.tolist(), strict=True)])
    assert exact_power(150, 0.1, 0.3) == pytest.approx(seen, abs=0.01)


def test_power_of_a_published_example():
    """O'Brien's (2002) 50 pairs, 8% against 32% discordant, one-sided 0.05: power 0.839343, actual level 0.032578.

    Two one-sided tests make the two-sided one at 0.10; the wrong side adds 0.000015 to its power.
    """
    assert exact_power(50, 0.24, 0.40, level=0.10) == pytest.approx(0.839343, abs=2e-5)
    assert exact_power(50, 0, 0.40, level=0.10) / 2 == pytest.approx(0.032578, abs=1e-6)


@pytest.mark.parametrize(("change", "share"), [(0.02, 0.3), (0.01, 0.1), (0.03, 0.8)])
def test_rows_needed_approach_the_normal_formula_from_above(change, share):
    """Connor's (1987) formula for McNemar's test in large samples; the exact test takes up to 4% more rows."""
    z = NormalDist().inv_cdf
    formula = (z(0.975) * share**0.5 + z(0.8) * (share - change**2) ** 0.5) ** 2 / change**2
    assert formula < rows_needed(change, share) < 1.04 * formula


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20_000), SHARES, st.floats(0, 1), st.floats(0, 1))
def test_power_grows_with_the_change_from_no_more_than_the_level(n, share, one, other):
    """Without a change, a rejection is no likelier than the level says; a larger change is seen at least as often."""
    small, large = sorted([one * share, other * share])
    assert exact_power(n, 0, share) <= 0.05
    assert exact_power(n, small, share) <= exact_power(n, large, share) + 1e-9
    assert 0 <= exact_power(n, large, share) <= 1 + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 20_000), SHARES, st.sampled_from([0.5, 0.8, 0.95]))
def test_the_least_visible_change_has_the_power_and_no_smaller_one_has(n, share, power):
    """Up to its rounding; None where not even a change as large as the discordant share has it."""
    least = least_visible_change(n, share, power)
    if least is None:
        assert exact_power(n, share, share) < power
    else:
        assert exact_power(n, least, share) >= power
        assert exact_power(n, max(0, least - ROUNDED_UP), share) < power


def test_below_25_rows_no_change_is_visible_at_a_discordant_share_of_0_3():
    """The largest change makes all discordant rows wins; six wins of six are the fewest that reject."""

    def six_or_more(n: int) -> float:
        return 1 - sum(comb(n, k) * 0.3**k * 0.7 ** (n - k) for k in range(6))

    assert six_or_more(24) < 0.8 <= six_or_more(25)
    assert least_visible_change(24, 0.3) is None
    assert 0.29 < least_visible_change(25, 0.3) <= 0.3
    assert rows_needed(0.3, 0.3) == 25


@settings(max_examples=15, deadline=None)
@given(SHARES, st.floats(0.05, 1))
def test_the_rows_needed_show_the_change_and_one_row_less_does_not(share, part):
    """The two searches are each other's inverse."""
    n = rows_needed(part * share, share)
    assert least_visible_change(n, share) <= part * share + ROUNDED_UP
    below = least_visible_change(n - 1, share)
    assert below is None or below > part * share


@pytest.mark.parametrize(("change", "share"), [(0.1, 1), (0.2, 1), (0.5, 1), (0.2, 0.97), (0.1, 0.3), (0.03, 0.05)])
def test_once_there_are_enough_rows_more_are_enough_too(change, share):
    """From the rows needed on to four times as many, none falls below the power."""
    n = rows_needed(change, share)
    assert exact_power(n - 1, change, share) < 0.8
    assert min(exact_power(more, change, share) for more in range(n, min(4 * n, n + 10 * isqrt(n) + 40))) >= 0.8


def test_a_lucky_number_of_rows_is_not_enough():
    """With all rows discordant, 199 rows show a change of 0.2, and 209 do not: 210 are needed."""
    assert exact_power(199, 0.2, 1) >= 0.8 > exact_power(209, 0.2, 1)
    assert rows_needed(0.2, 1) == 210


def test_a_change_beyond_a_million_rows_needs_no_number():
    """None, and not a search without end."""
    assert rows_needed(0.0005, 0.3) is None


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.floats(0, 1))
def test_the_design_effect_lies_between_no_group_and_one_row_a_group(sizes, correlation):
    """At least 1; 1 where rows are alone or do not hang together; at full correlation the mean size that rows see."""
    rows, squares = sum(sizes), sum(size * size for size in sizes)
    effect = design_effect(rows, squares, correlation)
    assert 1 <= effect <= squares / rows + 1e-9
    assert design_effect(rows, rows, correlation) == 1
    assert design_effect(rows, squares, 0) == 1
    assert design_effect(rows, squares, 1) == pytest.approx(squares / rows)


def test_the_design_effect_of_equal_groups_is_the_textbooks():
    """1 + (m - 1) rho, with groups of five: 1.4; and without rows, 1."""
    assert design_effect(100, 500, 0.1) == pytest.approx(1.4)
    assert design_effect(0, 0, 0.1) == 1


def test_a_ruler_says_what_it_shows_and_what_it_lacks():
    """60 rows in 15 groups of four count for 46; a change of 0.1 takes 249 such, which are 324 real rows."""
    told = ruler(60, 15, 240, 0.1)
    assert told == Ruler(
        rows=60,
        groups=15,
        design_effect=1 + 3 * INTRA_GROUP_CORRELATION,
        effective_rows=46,
        discordant_share=DISCORDANT_SHARE,
        visible_change=least_visible_change(46, DISCORDANT_SHARE),
        wished_change=0.1,
        more_rows=324 - 60,
    )
    assert rows_needed(0.1, DISCORDANT_SHARE) == 249


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.floats(0.04, 1), SHARES, st.floats(0, 0.5))
def test_the_rows_that_a_ruler_lacks_make_it_enough_and_one_less_does_not(groups, size, wish, share, correlation):
    """In groups of one size, so that the design effect stays; it is enough exactly where nothing is lacking."""

    def of(rows: int) -> Ruler:
        return ruler(rows, -(-rows // size), rows * size, wish, share, correlation)

    told = of(groups * size)
    enough = told.visible_change is not None and told.visible_change <= wish
    assert enough == (told.more_rows == 0)
    if not enough and told.rows >= size:
        assert told.more_rows > 0
        assert of(told.rows + told.more_rows).more_rows == 0
        assert of(told.rows + told.more_rows - 1).more_rows == 1


def test_a_wish_that_is_just_visible_is_not_missed_by_rounding():
    """Where the wish is the exact visible change, the figure is the wish, not the millionth above it."""
    low, high = 0.1, 0.2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if exact_power(100, middle, 0.3) < 0.8 else (low, middle)
    assert least_visible_change(100, 0.3) > high
    told = ruler(100, 100, 100, high)
    assert (told.visible_change, told.more_rows) == (high, 0)


def test_a_ruler_that_shows_nothing_says_how_many_rows_would():
    """100 rows of one single review count for nine; none at all for none. Both name the rows to add."""
    alone = ruler(100, 1, 10_000, 0.1)
    assert (alone.effective_rows, alone.visible_change) == (9, None)
    assert alone.more_rows > 2_000
    empty = ruler(0, 0, 0, 0.1)
    assert (empty.effective_rows, empty.visible_change, empty.more_rows) == (0, None, 249)


def test_a_wish_above_the_discordant_share_asks_for_the_rows_that_show_the_share():
    """Twenty single rows show no change up to 0.3; five more do. With them, a wish for 0.5 is met."""
    assert ruler(20, 20, 20, 0.5).more_rows == 5
    assert ruler(25, 25, 25, 0.5).more_rows == 0


@pytest.mark.parametrize(
    "counts", [(-1, 1, 1), (5, 6, 5), (5, 0, 5), (0, 1, 0), (10, 2, 49), (10, 2, 101), (10, 10, 9)]
)
def test_counts_that_no_grouping_has_are_refused(counts):
    """More groups than rows, rows without groups, or squares too small or too large for the rows."""
    with pytest.raises(ValueError, match="rows"):
        ruler(*counts, 0.1)


def test_shares_out_of_range_are_refused():
    """Each is an error in the caller, and says which number it is about."""
    with pytest.raises(ValueError, match="wished change"):
        ruler(10, 10, 10, 0)
    with pytest.raises(ValueError, match="discordant share"):
        least_visible_change(10, 1.2)
    with pytest.raises(ValueError, match="correlation"):
        design_effect(10, 10, -0.1)
    with pytest.raises(ValueError, match=r"change of 0\.4"):
        exact_power(10, 0.4, 0.3)
    with pytest.raises(ValueError, match=r"change of 0\.4"):
        rows_needed(0.4, 0.3)
    with pytest.raises(ValueError, match="-1 rows"):
        exact_power(-1, 0.1, 0.3)
    with pytest.raises(ValueError, match="level"):
        exact_power(10, 0.1, 0.3, level=0)
    with pytest.raises(ValueError, match="power"):
        rows_needed(0.1, 0.3, power=0.01)
