"""Novelty by ROUGE-L: every verdict is that of comparing each text with the whole pool."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text import novelty as measure
from careful_assets.text.normalize import tokens
from careful_assets.text.novelty import FEWEST_TOKENS, Match, Verdict, novelty

THRESHOLDS = st.sampled_from([1, 250, 500, 699, 700, 701, 850, 999, 1000])
WORDS = ["a", "the", "Don't", "É", "e\u0301", "字", "नि", "\U0001f600", "...", "7"]
EDIT = st.tuples(st.integers(0, 80), st.sampled_from(["insert", "delete", "replace", "move"]), st.sampled_from(WORDS))


def edited(words: list[str], edits: list[tuple[int, str, str]]) -> str:
    words = list(words)
    for place, kind, word in edits:
        at = place % (len(words) + 1)
        if kind == "move":
            words = words[at:] + words[:at]
        else:
            words[at : at + (kind != "insert")] = [] if kind == "delete" else [word]
    return " ".join(words)


@st.composite
def kindred_texts(draw: st.DrawFn) -> list[str]:
    """Up to 24 texts, most of them a few edits away from one of a few base texts; some short, some empty."""
    bases = draw(st.lists(st.lists(st.sampled_from(WORDS), max_size=30), min_size=1, max_size=3))
    made = st.builds(edited, st.sampled_from(bases), st.lists(EDIT, max_size=6))
    return draw(st.lists(made | st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), max_size=24))


def longest_common_subsequence(x: list[str], y: list[str]) -> int:
    """By rows of the textbook's table, each held as the bits of one integer (Hyyrö 2004)."""
    where: dict[str, int] = {}
    for i, word in enumerate(x):
        where[word] = where.get(word, 0) | 1 << i
    whole = row = (1 << len(x)) - 1
    for word in y:
        met = row & where.get(word, 0)
        row = (row + met | row - met) & whole
    return len(x) - row.bit_count()


def by_all_pairs(texts: list[str], known: list[str], thousandths: int) -> list[Verdict]:
    """What `novelty` promises, from comparing everything with everything."""
    words = [tokens(text) for text in [*known, *texts]]
    pool, verdicts = list(range(len(known))), []
    for place in range(len(known), len(words)):
        own, best, match = words[place], Fraction(0), None
        for other in pool if len(own) >= FEWEST_TOKENS else []:
            shared, both = longest_common_subsequence(own, words[other]), len(own) + len(words[other])
            similarity = Fraction(2 * shared, both)
            if similarity >= Fraction(thousandths, 1000) and similarity > best:
                best, match = similarity, Match(other, shared, both)
        if match is None:
            pool.append(place)
        verdicts.append(Verdict(len(own), match))
    return verdicts


@settings(deadline=None, max_examples=200)
@given(kindred_texts(), kindred_texts(), THRESHOLDS, st.sampled_from([0, 4096]))
def test_verdicts_are_those_of_all_pairs(texts, known, thousandths, crowded):
    """Matches, their places and what is let in, as by brute force; whether or not a match is looked for first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_CROWDED", crowded)
        assert novelty(texts, known, thousandths) == by_all_pairs(texts, known, thousandths)


def rows(rng: random.Random, n: int) -> list[str]:
    """Rows of 4 to 30 words, common ones often: new, near copies, of three templates, and with their words moved."""
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 7))) for _ in range(400)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    frames = [rng.choices(words, weights, k=14) for _ in range(3)]
    made = [rng.choices(words, weights, k=12)]
    while len(made) < n:
        kind, copied = rng.random(), list(rng.choice(made))
        if kind < 0.3:
            for _ in range(rng.randint(1, 5)):
                copied[rng.randrange(len(copied))] = rng.choice(words)
            made.append(copied)
        elif kind < 0.4:
            at = rng.randrange(len(copied))
            made.append(copied[at:] + copied[:at])
        elif kind < 0.6:
            made.append([*rng.choice(frames), *rng.choices(words, k=rng.randint(1, 8))])
        else:
            made.append(rng.choices(words, weights, k=rng.randint(4, 30)))
    return [" ".join(row) for row in made]


@pytest.mark.parametrize("thousandths", [500, 700])
def test_larger_pools_give_the_verdicts_of_all_pairs(thousandths):
    """200 rows against 100 known ones: the same as brute force, and enough of either verdict to tell."""
    made = rows(random.Random(4), 300)
    verdicts = novelty(made[100:], made[:100], thousandths)
    assert verdicts == by_all_pairs(made[100:], made[:100], thousandths)
    assert 40 < sum(verdict.match is not None for verdict in verdicts) < 160


@pytest.mark.parametrize(
    ("shared", "own", "other", "thousandths", "refused"),
    [
        (7, 10, 10, 700, True), (7, 10, 11, 700, False), (7, 10, 10, 701, False), (14, 20, 20, 700, True),
        (699, 1000, 998, 699, True), (699, 1000, 998, 700, False), (7, 10, 10, 699, True), (10, 10, 10, 1000, True),
        (99, 100, 100, 991, False), (1, 8, 8, 125, True), (1, 8, 8, 126, False), (1, 1000, 1000, 1, True),
        (1, 1000, 1001, 1, False), (8, 8, 24, 500, True), (8, 24, 8, 500, True),
    ],
)  # fmt: skip
def test_thresholds_are_met_exactly(shared, own, other, thousandths, refused):
    """2 * shared of own + other words: refused at the threshold, let in just below it."""
    first = [f"w{k}" for k in range(own)]
    second = [*first[:shared], *(f"v{k}" for k in range(other - shared))]
    [verdict] = novelty([" ".join(first)], [" ".join(second)], thousandths)
    assert (verdict.match == Match(0, shared, own + other)) == refused
    assert refused or verdict.match is None
    assert refused == (Match(0, shared, own + other).thousandths >= thousandths)


def test_order_counts_and_writing_does_not():
    """The same words backwards are new; other case, quotes, accents' encoding and emoji are not."""
    text = "the café's battery died after two days, and nobody answered"
    written = "The CAFE\u0301’S battery died — after two days \U0001f600 and nobody\u200b answered!!!"
    backwards = " ".join(reversed(text.split()))
    verdicts = novelty([backwards, written], [text])
    assert verdicts == [Verdict(10, None), Verdict(10, Match(0, 10, 20))]


def test_the_best_match_is_named_and_the_first_of_equals():
    """A closer text beats an earlier one; among equals known texts go first, then earlier ones."""
    text = "one two three four five six seven eight nine ten"
    close = text.replace("ten", "10")
    closer_than_known = text.replace("nine ten", "9 10")
    far = text.replace("eight nine ten", "8 9 10")
    assert novelty([text], [far, close, closer_than_known, close])[0].match == Match(1, 9, 20)
    assert novelty([text, text], [text, text])[1].match == Match(0, 10, 20)
    assert novelty([close, text], [text])[1].match == Match(0, 10, 20)


def test_refused_texts_do_not_join_the_pool():
    """A chain in which each resembles the one before: the second is refused, so the third has nothing to resemble."""
    words = [f"w{k}" for k in range(30)]
    chain = [" ".join(words[start : start + 20]) for start in (0, 5, 10)]
    assert [verdict.match for verdict in novelty(chain)] == [None, Match(0, 15, 40), None]


def test_short_texts_abstain_and_yet_stand():
    """Under 8 words there is no match, whatever is known; a longer text may still resemble a short one."""
    seven, eight = "it broke on the very first day", "it broke on the very first day again"
    verdicts = novelty([seven, eight, "", "\U0001f600"], [seven])
    assert [(verdict.tokens, verdict.too_short) for verdict in verdicts] == [
        (7, True),
        (8, False),
        (0, True),
        (0, True),
    ]
    assert [verdict.match for verdict in verdicts] == [None, Match(0, 7, 15), None, None]
    assert novelty([seven, eight])[1].match == Match(0, 7, 15)


def test_nothing_is_new_or_old():
    """No texts, only known ones, and only empty ones."""
    assert novelty([]) == novelty([], ["a text that is known"]) == []
    assert novelty(["", " "], ["", "\u200b"]) == [Verdict(0, None)] * 2


@pytest.fixture
def compared(monkeypatch):
    """How many pairs' subsequences were looked for."""
    from rapidfuzz.distance import LCSseq

    done, similarity = [0], LCSseq.similarity

    def counting(*arguments, **options):
        done[0] += 1
        return similarity(*arguments, **options)

    monkeypatch.setattr(LCSseq, "similarity", counting)
    return done


def test_templates_and_unrelated_texts_cost_few_comparisons(compared):
    """2,000 rows of a template that 200 known ones follow, 2,000 rows of other words: fewer than four a row."""
    rng = random.Random(6)
    filled = [f"your order {rng.randrange(10**5)} has been shipped and is with you by friday" for _ in range(2_200)]
    verdicts = novelty(filled[200:], filled[:200])
    assert all(verdict.match for verdict in verdicts)
    words = [f"w{k}" for k in range(2_000)]
    unrelated = [" ".join(rng.choices(words, k=18)) for _ in range(2_000)]
    assert not any(verdict.match for verdict in novelty(unrelated))
    assert 2_000 <= compared[0] < 8_000


def test_a_megabyte_is_judged_beside_rows():
    """A text of a megabyte, its copy with a tenth of it cut, a row out of it, and a run of combining marks."""
    rng = random.Random(7)
    long = [f"word{int(rng.paretovariate(0.6)) % 30_000}" for _ in range(200_000)]
    texts = [" ".join(long), " ".join(long[20_000:]), " ".join(long[:12]), "e" + "\u0301" * 1_000_000]
    verdicts = novelty(texts, ["a row of other words that nobody has written before"])
    assert len(texts[0]) > 1_000_000
    assert [verdict.match for verdict in verdicts] == [None, Match(1, 180_000, 380_000), None, None]


@pytest.mark.parametrize("thousandths", [0, 1001])
def test_thresholds_that_mean_nothing_are_refused(thousandths):
    """Similarities outside of 1 to 1000 thousandths."""
    with pytest.raises(ValueError, match="1 to 1000"):
        novelty(["a"], [], thousandths)
