"""The capped mix: all real rows, and in each class exactly as many generated ones as the cap lets in."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.training.mix import as_written, capped_mix, mix_id, room

SCHEMA = {"row_id": pl.String, "text": pl.String, "label": pl.String}
shares = st.one_of(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]), st.floats(0, 1))
labels = st.lists(st.sampled_from("abcd"), max_size=40)


def frame(prefix: str, drawn: list[str]) -> pl.DataFrame:
    rows = [(f"{prefix}{n}", f"text {prefix}{n}", label) for n, label in enumerate(drawn)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def counts(mix: pl.DataFrame) -> dict[tuple[str, str], int]:
    return {(label, origin): n for label, origin, n in mix.group_by("label", "origin").len().iter_rows()}


@settings(deadline=None)
@given(labels, labels, shares, st.integers(0, 100))
def test_the_cap_holds_in_every_class_and_leaves_no_room(
    real: list[str], generated: list[str], cap: float, seed: int
) -> None:
    """Generated rows never exceed their share of a class, and where some were left out one more would."""
    found = counts(capped_mix(frame("r", real), frame("g", generated), cap, seed))
    for label in "abcd":
        mine, others = found.get((label, "generated"), 0), found.get((label, "real"), 0)
        assert mine <= as_written(cap) * (mine + others)
        if mine < generated.count(label):
            assert mine + 1 > as_written(cap) * (mine + 1 + others)


@settings(deadline=None)
@given(labels, labels, shares, st.integers(0, 100))
def test_all_real_rows_are_there_as_they_were(real: list[str], generated: list[str], cap: float, seed: int) -> None:
    """Every real row is in the mix, once, with its text and label; and nothing is that was not given."""
    reals, generateds = frame("r", real), frame("g", generated)
    mix = capped_mix(reals, generateds, cap, seed)
    assert mix.filter(origin="real").drop("origin").equals(reals.sort("row_id"))
    assert mix.filter(origin="generated").drop("origin").join(generateds, on=list(SCHEMA), how="anti").is_empty()
    assert mix["row_id"].is_unique().all()
    assert mix["row_id"].to_list() == sorted(mix["row_id"].to_list())


@settings(deadline=None)
@given(labels, labels, shares, st.integers(0, 100), st.randoms(use_true_random=False))
def test_the_mix_hangs_on_rows_and_seed_alone(
    real: list[str], generated: list[str], cap: float, seed: int, shuffle: random.Random
) -> None:
    """The same rows in another order give the same mix, and the same id."""
    reals, generateds = frame("r", real), frame("g", generated)
    order = list(range(generateds.height))
    shuffle.shuffle(order)
    one, other = capped_mix(reals, generateds, cap, seed), capped_mix(reals[::-1], generateds[order], cap, seed)
    assert one.equals(other)
    assert mix_id(one) == mix_id(other[::-1])


def test_the_seed_draws_which_rows_go_in() -> None:
    """Where the cap leaves some out, another seed draws others."""
    real, generated = frame("r", ["a"] * 10), frame("g", ["a"] * 100)
    drawn = [set(capped_mix(real, generated, 0.5, seed).filter(origin="generated")["row_id"]) for seed in range(3)]
    assert [len(one) for one in drawn] == [10, 10, 10]
    assert drawn[0] != drawn[1] != drawn[2]


def test_the_mix_id_covers_rows_and_labels() -> None:
    """One row more, or one label changed, is another mix."""
    mix = capped_mix(frame("r", ["a", "b"]), frame("g", ["a"]), 0.5, 1)
    assert mix_id(mix) != mix_id(mix.head(2))
    assert mix_id(mix) != mix_id(mix.with_columns(label=pl.lit("b")))


@settings(deadline=None)
@given(st.integers(0, 10**4), st.integers(1, 99), st.booleans(), st.integers(0, 10**6))
def test_room_is_the_exact_count(real: int, percent: int, tie: bool, available: int) -> None:
    """Beside any number of real rows there is room for exactly as many rows as the card's digits allow."""
    real = real * (100 - percent) if tie else real
    exact = min(available, real * percent // (100 - percent))
    assert room(real, percent / 100, available) == exact


@pytest.mark.parametrize(("real", "share", "count"), [(97, 0.03, 3), (207, 0.08, 18), (22, 0.12, 3), (44, 0.12, 6)])
def test_rounding_costs_no_row(real: int, share: float, count: int) -> None:
    """Where a quotient of floats falls just short of a whole number, that number still fits."""
    assert room(real, share, 10**6) == count


def test_room_at_the_ends() -> None:
    """A cap of nothing lets nothing in, one of everything all; a class without real rows gets none below that."""
    assert room(10, 0.0, 5) == 0
    assert room(0, 1.0, 5) == 5
    assert room(0, 0.99, 5) == 0
