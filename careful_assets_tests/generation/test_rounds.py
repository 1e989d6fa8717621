"""When a round starts, what it asks, and why there is no further one: from the card's gaps and the outcomes alone."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.errors import StageFailed
from careful_assets.generation.rounds import NextRound, cut_short_round, ending_of, next_quotas, planned_rounds
from careful_assets.llm.requests import GeneratorIdentity
from careful_assets_tests.generation.examples import PROMPTS, card, exemplars, rounds

GAPS = card(target=40).purpose.gap
WHO = GeneratorIdentity("m", "f", "d")


def outcome(number, kept, coverage=None, noise=None, asked=40, held_back=0):
    return [(number, label, asked, asked - held_back, kept, coverage, noise, held_back) for label in ("angry", "sad")]


BOTH = {"angry": 40, "sad": 40}
RISING = outcome(1, 10, 0.50, 0.02) + outcome(2, 10, 0.55, 0.02)


@pytest.mark.parametrize(
    ("past", "most", "expected"),
    [
        ([], 1, NextRound(1, BOTH)),
        (outcome(1, 30), 1, None),
        (outcome(1, 30), 2, NextRound(2, {"angry": 10, "sad": 10})),
        (outcome(1, 30) + outcome(2, 4), 3, NextRound(3, {"angry": 6, "sad": 6})),
        (outcome(1, 30) + outcome(2, 10), 3, None),
        (outcome(1, 30) + outcome(2, 25), 3, None),
        ([(1, "angry", 40, 40, 40, None, None), (1, "sad", 40, 40, 5, None, None)], 2, NextRound(2, {"sad": 35})),
        (outcome(1, 10, 0.50, 0.02) + outcome(2, 10, 0.51, 0.02), 3, None),
        (RISING, 3, NextRound(3, {"angry": 20, "sad": 20})),
    ],
)  # fmt: skip
def test_when_a_round_starts_and_what_it_asks(past, most, expected):
    """Only with the last outcome on record, an unfilled quota, coverage still rising and rounds left."""
    assert next_quotas(GAPS, rounds(*past), most) == expected


@pytest.mark.parametrize(
    ("coverage", "noise", "goes_on"),
    [(0.0, 0.0, False), (0.02, 0.02, False), (0.03, 0.02, True), (0.3, 0.02, True)],
)
def test_the_first_round_is_held_against_no_rows(coverage, noise, goes_on):
    """Before round 1 coverage is 0: a first round that reaches no real row beyond noise is the last."""
    assert (next_quotas(GAPS, rounds(*outcome(1, 10, coverage, noise)), 9) is not None) == goes_on


def test_a_rise_of_exactly_the_noise_is_noise():
    """Decimals that floating point cannot hold decide as written: 0.3 to 0.4 is no more than 0.1."""
    past = outcome(1, 10, 0.3, 0.1) + outcome(2, 10, 0.4, 0.1)
    assert next_quotas(GAPS, rounds(*past), 9) is None


def test_a_small_round_is_judged_with_those_before_it():
    """Refills of a few rows end nothing while the rounds since half a quota raised coverage, and end it once not."""
    past = outcome(1, 24, 0.50, 0.05) + outcome(2, 8, 0.62, 0.05, asked=16)
    small = outcome(3, 4, 0.63, 0.05, asked=8)
    assert next_quotas(GAPS, rounds(*past, *small), 9) == NextRound(4, {"angry": 4, "sad": 4})
    stale = outcome(1, 24, 0.50, 0.05) + outcome(2, 8, 0.52, 0.05, asked=16) + outcome(3, 4, 0.53, 0.05, asked=8)
    assert next_quotas(GAPS, rounds(*stale), 9) is None


def test_a_round_that_was_cut_short_ends_where_the_quota_was_lowered_to_what_is_kept():
    """Held-back rows are asked for as long as a stratum lacks any, and no longer."""
    cut = rounds(*outcome(1, 12, held_back=20))
    assert next_quotas(GAPS, cut, 9) == NextRound(1, BOTH)
    lower = card(target=12).purpose.gap
    assert next_quotas(lower, cut, 9) is None
    assert cut_short_round(cut) == 1
    assert ending_of(lower, cut, 9).startswith("angry: quota filled, 12 of 12 rows kept")


def test_a_label_that_is_saturated_stops_alone():
    """Each stratum goes on or ends by its own coverage and quota."""
    past = [row if row[1] == "angry" else (*row[:5], 0.3, 0.1, 0) for row in RISING]
    assert next_quotas(GAPS, rounds(*past), 9) == NextRound(3, {"angry": 20})
    said = ending_of(GAPS, rounds(*past), 2)
    assert said == (
        "angry: max_rounds of 2 reached, 20 of 40 rows kept; sad: saturated at round 2, 20 of 40 rows kept; "
        "coverage of real was 0.300 before round 2 and is 0.300, its noise 0.100"
    )


def test_why_generation_ended_is_said():
    """Open, filled, out of rounds or cut short: each in words, with the counts."""
    assert ending_of(GAPS, rounds(), 1) == "round 1 is open and asks for 40 rows of angry, 40 rows of sad"
    filled = rounds(*outcome(1, 41))
    assert (
        ending_of(GAPS, filled, 9) == "angry: quota filled, 41 of 40 rows kept; sad: quota filled, 41 of 40 rows kept"
    )
    assert "max_rounds of 1 reached, 30 of 40 rows kept" in ending_of(GAPS, rounds(*outcome(1, 30)), 1)
    cut = ending_of(GAPS, rounds(*outcome(1, 30, held_back=5)), 1)
    assert "round 1 is open" in cut
    assert "held back 10 of them: raise generation.budget" in cut


def test_a_round_that_a_budget_cut_short_goes_on_as_it_was():
    """Held back, a round is open at any limit, with the very requests it had; without, it is closed."""
    setting = card(target=40, max_rounds=1)
    first = planned_rounds(setting, PROMPTS, exemplars(), WHO, rounds())
    cut = planned_rounds(setting, PROMPTS, exemplars(), WHO, rounds(*outcome(1, 3, 0.0, 0.0, held_back=32)))
    assert cut == first
    whole = planned_rounds(setting, PROMPTS, exemplars(), WHO, rounds(*outcome(1, 30)))
    assert (whole.requests, whole.open_round) == (first.requests, None)
    later = rounds(*outcome(1, 30), *outcome(2, 1, asked=10, held_back=4))
    second = planned_rounds(card(target=40, max_rounds=2), PROMPTS, exemplars(), WHO, later)
    assert second.open_round == 2
    assert second.requests[: len(first.requests)] == first.requests
    assert sum(request.completions for request in second.to_send) == 20


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 100), max_size=6), st.integers(1, 7))
def test_no_round_asks_for_more_than_is_missing(percents, most):
    """Whatever share of each round is kept, the next one asks for the missing rows, and rounds end in time."""
    past = []
    for number, percent in enumerate(percents, start=1):
        following = next_quotas(GAPS, rounds(*past), most)
        kept = sum(row[4] for row in past if row[1] == "angry")
        if following is None:
            assert kept >= 40 or number > most
            assert "open" not in ending_of(GAPS, rounds(*past), most)
            return
        assert following == NextRound(number, {"angry": 40 - kept, "sad": 40 - kept})
        past += outcome(number, (40 - kept) * percent // 100, asked=40 - kept)


def test_an_unfinished_round_is_planned_again_the_same():
    """Until its outcome is on record a round goes on; afterwards its requests are rebuilt with the same ids."""
    setting = card(target=40, max_rounds=2)
    first = planned_rounds(setting, PROMPTS, exemplars(), WHO, rounds())
    assert first.open_round == 1
    assert first.to_send == first.requests
    assert planned_rounds(setting, PROMPTS, exemplars(), WHO, rounds()) == first
    second = planned_rounds(setting, PROMPTS, exemplars(), WHO, rounds(*outcome(1, 30)))
    assert second.open_round == 2
    assert second.requests[: len(first.requests)] == first.requests
    assert [r.round for r in second.to_send] == [2] * 4
    ended = planned_rounds(setting, PROMPTS, exemplars(), WHO, rounds(*outcome(1, 30), *outcome(2, 1, asked=10)))
    assert (ended.requests, ended.open_round, ended.to_send) == (second.requests, None, [])
    seeds = [r.seed + i for r in ended.requests for i in range(r.completions)]
    assert len(set(seeds)) == len(seeds) == 100


def test_a_gap_in_the_rounds_is_refused():
    """With a round's outcome lost the requests after it cannot be rebuilt."""
    with pytest.raises(StageFailed, match=r"rounds \[2\]"):
        planned_rounds(card(max_rounds=3), PROMPTS, exemplars(), WHO, rounds(*outcome(2, 1)))


def test_outcomes_without_the_new_column_hold_nothing_back():
    """A warehouse of an earlier version has nulls there."""
    past = rounds(*outcome(1, 30)).with_columns(held_back=pl.lit(None, pl.Int64))
    assert next_quotas(GAPS, past, 2) == NextRound(2, {"angry": 10, "sad": 10})
