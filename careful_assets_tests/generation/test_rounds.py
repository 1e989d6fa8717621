import pytest

from careful_assets.errors import StageFailed
from careful_assets.generation.rounds import NextRound, next_quotas, planned_rounds
from careful_assets.llm.requests import GeneratorIdentity
from careful_assets_tests.generation.examples import PROMPTS, card, exemplars, rounds

GAPS = card(target=40).purpose.gap
WHO = GeneratorIdentity("m", "f", "d")


def outcome(number, kept, coverage=None, noise=None, asked=40):
    return [(number, label, asked, asked, kept, coverage, noise) for label in ("angry", "sad")]


@pytest.mark.parametrize(
    ("past", "most", "expected"),
    [
        ([], 1, NextRound(1, {"angry": 40, "sad": 40})),
        (outcome(1, 30), 1, None),
        (outcome(1, 30), 2, NextRound(2, {"angry": 10, "sad": 10})),
        (outcome(1, 30) + outcome(2, 4), 3, NextRound(3, {"angry": 6, "sad": 6})),
        (outcome(1, 30) + outcome(2, 10), 3, None),
        (outcome(1, 30) + outcome(2, 25), 3, None),
        ([(1, "angry", 40, 40, 40, None, None), (1, "sad", 40, 40, 5, None, None)], 2, NextRound(2, {"sad": 35})),
        (outcome(1, 10, 0.50, 0.02) + outcome(2, 10, 0.51, 0.02), 3, None),
        (outcome(1, 10, 0.50, 0.02) + outcome(2, 10, 0.55, 0.02), 3, NextRound(3, {"angry": 20, "sad": 20})),
    ],
)  # fmt: skip
def test_when_a_round_starts_and_what_it_asks(past, most, expected):
    """Only with the last outcome on record, an unfilled quota, coverage still rising and rounds left."""
    assert next_quotas(GAPS, rounds(*past), most) == expected


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
