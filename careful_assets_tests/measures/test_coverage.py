"""Coverage of real: what it says of planted texts, and what holds of it whatever the texts are."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.measures.coverage import LEAST_REAL, MOST_REAL, Coverage, RealSpace, measurable

_TOPICS = {
    "battery": [
        "battery",
        "charge",
        "drained",
        "empty",
        "flat",
        "power",
        "hours",
        "died",
        "overnight",
        "plug",
        "socket",
    ],
    "screen": [
        "screen",
        "cracked",
        "glass",
        "pixels",
        "dim",
        "scratch",
        "display",
        "bright",
        "flicker",
        "touch",
        "dark",
    ],
    "service": [
        "service",
        "refund",
        "phone",
        "waited",
        "agent",
        "rude",
        "letter",
        "answer",
        "support",
        "desk",
        "returned",
    ],
}


def reviews(n: int, seed: int, *topics: str) -> list[str]:
    """Sentences of six words, each of one topic; topics share no word."""
    rng = random.Random(seed)
    return [" ".join(rng.sample(_TOPICS[topics[i % len(topics)]], 6)) for i in range(n)]


REAL = reviews(60, 1, *_TOPICS)
SPACE = RealSpace(REAL)
# Hostile ones too: no word, no direction, characters of all planes.
TEXTS = st.lists(st.one_of(st.sampled_from(REAL), st.sampled_from(reviews(90, 2, *_TOPICS)), st.text(max_size=30)))
REALS = st.lists(st.text("abcd .é", min_size=1, max_size=20), min_size=LEAST_REAL, max_size=40).filter(measurable)


def value(space: RealSpace, texts: list[str]) -> float:
    return space.coverage([texts])[0].value


def test_what_a_generator_leaves_out_is_seen():
    """Rows of one topic of three cover a third at most, rows of all three more, and other words nothing."""
    one, three = reviews(120, 3, "battery"), reviews(120, 3, *_TOPICS)
    assert 0.2 < value(SPACE, one) <= 1 / 3
    assert value(SPACE, three) > 2 * value(SPACE, one)
    assert value(SPACE, ["an entirely other matter, about zebras"] * 50) == 0


def test_one_row_repeated_covers_little():
    """A thousand copies cover what one does; as many different rows of the same source cover most."""
    (row,) = reviews(1, 4, "battery")
    assert value(SPACE, [row] * 1000) == value(SPACE, [row]) < 0.2
    assert value(SPACE, reviews(1000, 4, *_TOPICS)) > 0.9


def test_radius_is_the_median_distance_to_the_nearest_other():
    """Left out in turn, half of the real rows are covered by the others."""
    alone = [text for text in REAL if REAL.count(text) == 1]
    covered = 0
    for text in alone:
        others = [other for other in REAL if other != text]
        covered += round(value(SPACE, others) * len(REAL)) - len(others)
    copied = len(REAL) - len(alone)
    assert covered + copied == pytest.approx(len(REAL) / 2, abs=1)
    assert RealSpace(["the same words again"] * 30).radius == 0


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS)
def test_more_rows_never_cover_less(first, second):
    """The union covers what each part does."""
    before, after = (coverage.value for coverage in SPACE.coverage([first, second]))
    assert after >= before
    assert after >= value(SPACE, second)
    assert after == value(SPACE, first + second)


@settings(max_examples=40, deadline=None)
@given(REALS)
def test_real_rows_cover_themselves(real):
    """A synthetic set equal to the real one covers all of it, whatever the rows, wordless ones included."""
    found = RealSpace(real).coverage([real])[0]
    assert found.value == 1
    assert 0 <= found.noise <= 1


@settings(max_examples=20, deadline=None)
@given(TEXTS, REALS, st.randoms(use_true_random=False))
def test_order_plays_no_part(texts, real, rng):
    """Neither the order of the real rows nor, within a round, that of the synthetic ones moves a digit."""
    other_texts, other_real = rng.sample(texts, len(texts)), rng.sample(real, len(real))
    assert RealSpace(real).coverage([texts]) == RealSpace(other_real).coverage([other_texts])


def test_without_synthetic_rows_nothing_is_covered():
    """No rows, and rounds of which nothing was kept, have a coverage of 0 without noise; later rounds count."""
    assert SPACE.coverage([]) == []
    assert SPACE.coverage([[], []]) == [Coverage(0, 0), Coverage(0, 0)]
    empty, full, again = SPACE.coverage([[], REAL, []])
    assert (empty.value, full.value, again) == (0, 1, full)


@pytest.mark.parametrize("real", [[], ["one row"] * 9, ["!!!", "…"] * 20, ["a word"] * 9 + ["?"] * 9])
def test_too_few_real_rows_give_no_figure(real):
    """Fewer than ten rows with a word are refused, and are known beforehand."""
    assert not measurable(real)
    with pytest.raises(ValueError, match="10 real rows"):
        RealSpace(real)


def test_ten_real_rows_are_enough():
    """A class of ten rows gets figures, coarse ones: tenths."""
    space = RealSpace(reviews(10, 5, *_TOPICS))
    (found,) = space.coverage([reviews(20, 6, *_TOPICS)])
    assert found.value in {tenth / 10 for tenth in range(11)}
    assert 0 <= found.noise <= 0.5
    assert (space.rows, space.dimensions) == (10, 3)


def test_noise_is_what_another_seed_would_move():
    """Over forty seeds of one generator, coverage spreads as the noise says, within a factor of two."""
    figures = [SPACE.coverage([reviews(30, 100 + seed, *_TOPICS)])[0] for seed in range(40)]
    mean = sum(one.value for one in figures) / len(figures)
    spread = (sum((one.value - mean) ** 2 for one in figures) / (len(figures) - 1)) ** 0.5
    noise = sum(one.noise for one in figures) / len(figures)
    assert spread / 2 < noise < spread * 2


def test_many_real_rows_are_sampled():
    """Of more real rows than fit, a stated number is drawn, the same ones each time."""
    many = [f"{text} {number}" for number, text in enumerate(reviews(MOST_REAL + 100, 7, *_TOPICS))]
    first, again = RealSpace(many), RealSpace(many[::-1])
    assert first.rows == MOST_REAL
    assert first.coverage([many[:300]]) == again.coverage([many[:300]])


def test_other_processes_give_the_same_digits():
    """Neither the hashing of strings nor the number of threads moves a digit."""
    code = (
        "from careful_assets_tests.measures.test_coverage import SPACE, reviews\n"
        "print(SPACE.radius, SPACE.coverage([reviews(40, 8, 'battery'), reviews(40, 9, 'screen', 'service')]))"
    )
    here = f"{SPACE.radius} {SPACE.coverage([reviews(40, 8, 'battery'), reviews(40, 9, 'screen', 'service')])}"
    environment = {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here
