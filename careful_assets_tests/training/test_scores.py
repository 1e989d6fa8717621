"""Scores from the vault's verdict counts: truths that can be counted by hand, and the sign of differences."""

from __future__ import annotations

import polars as pl
import pytest

from careful_assets.training.scores import differences_of, gaps_of, scores_of

COLUMNS = ["predictor", "slice", "group_digest", "label", "predicted", "n"]


def verdicts(*rows: tuple[str, str, str, str, int], slices: tuple[str, ...] = ("all",)) -> pl.DataFrame:
    """Rows of predictor, group, truth, predicted, count; in each of the slices."""
    return pl.DataFrame(
        [(predictor, part, *rest) for part in slices for predictor, *rest in rows], schema=COLUMNS, orient="row"
    )


COUNTED = verdicts(
    ("m", "g1", "bad", "bad", 3), ("m", "g1", "bad", "good", 1), ("m", "g1", "good", "good", 2),
    ("m", "g2", "bad", "good", 1), ("m", "g2", "good", "bad", 2), ("m", "g2", "good", "good", 3),
    slices=("all", "long"),
)  # fmt: skip


def values(rows: list[dict]) -> dict[tuple[str, str], tuple[float | None, int]]:
    return {(row["slice"], row["name"]): (row["value"], row["n"]) for row in rows}


def test_scores_are_those_counted_by_hand() -> None:
    """Recall is hits of a class's rows, precision hits of a class's predictions, accuracy hits of a slice's rows."""
    assert values(scores_of(COUNTED, "m", ["bad"], 1)) == {
        ("all", "recall of bad"): (3 / 5, 5),
        ("all", "recall of good"): (5 / 7, 7),
        ("all", "precision of bad"): (3 / 5, 5),
        ("all", "accuracy"): (8 / 12, 12),
        ("long", "accuracy"): (8 / 12, 12),
    }


def test_intervals_hold_their_value() -> None:
    """Each score lies within its interval; of one group there is none."""
    for row in scores_of(COUNTED, "m", ["bad"], 1):
        assert row["low"] <= row["value"] <= row["high"]
    for row in scores_of(COUNTED.filter(group_digest="g1"), "m", ["bad"], 1):
        assert (row["low"], row["high"]) == (None, None)


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    """Where nothing was predicted as the gap, precision is not answered, rather than called zero."""
    never = verdicts(("m", "g1", "bad", "good", 2), ("m", "g2", "good", "good", 2))
    found = values(scores_of(never, "m", ["bad"], 1))
    assert found["all", "precision of bad"] == (None, 0)
    assert found["all", "recall of bad"] == (0.0, 2)


def test_other_predictors_do_not_count() -> None:
    """A predictor's scores are made of its own verdicts."""
    others = pl.concat([COUNTED, COUNTED.with_columns(predictor=pl.lit("other"), predicted=pl.lit("bad"))])
    assert values(scores_of(others, "m", ["bad"], 1)) == values(scores_of(COUNTED, "m", ["bad"], 1))


@pytest.mark.parametrize(("better", "worse", "sign"), [("new", "old", 1), ("old", "new", -1)])
def test_differences_are_positive_where_the_predictor_is_better(better: str, worse: str, sign: int) -> None:
    """The difference is the predictor's score minus the reference's, on each group's same rows."""
    both = verdicts(
        ("new", "g1", "bad", "bad", 4), ("new", "g2", "bad", "bad", 2), ("new", "g2", "good", "good", 4),
        ("old", "g1", "bad", "bad", 2), ("old", "g1", "bad", "good", 2), ("old", "g2", "bad", "good", 2),
        ("old", "g2", "good", "good", 4),
    )  # fmt: skip
    found = values(differences_of(both, better, worse, ["bad"], 1))
    assert found["all", "recall of bad"] == (pytest.approx(sign * (6 - 2) / 6), 6)
    assert found["all", "recall of good"] == (0.0, 4)
    assert found["all", "accuracy"] == (pytest.approx(sign * (10 - 6) / 10), 10)


def test_equal_predictors_differ_by_nothing() -> None:
    """Against itself a predictor has differences of zero, with intervals of no width."""
    twice = pl.concat([COUNTED, COUNTED.with_columns(predictor=pl.lit("twin"))])
    for row in differences_of(twice, "m", "twin", ["bad"], 1):
        assert (row["value"], row["low"], row["high"]) == (0.0, 0.0, 0.0)


def test_scores_hang_on_the_seed_and_not_on_order() -> None:
    """The same verdicts in another order give the same scores and intervals."""
    assert scores_of(COUNTED[::-1], "m", ["bad"], 1) == scores_of(COUNTED, "m", ["bad"], 1)


def test_gap_to_a_synthetic_set() -> None:
    """Accuracy on all real rows minus that on the set, with Newcombe's published interval; a card's slice has none."""
    real = verdicts(("m", "g1", "bad", "bad", 56), ("m", "g2", "bad", "good", 14), slices=("all", "long"))
    made = verdicts(("m", "s1", "good", "good", 48), ("m", "s2", "good", "bad", 32), slices=("set:field",))
    other = verdicts(("other", "s1", "good", "bad", 80), slices=("all", "set:field"))
    (row,) = gaps_of(pl.concat([real, made, other]), "m")
    assert (row["slice"], row["name"], row["n"]) == ("set:field", "gap to field", 150)
    assert (row["value"], row["low"], row["high"]) == (
        pytest.approx(0.2),
        pytest.approx(0.0524, abs=6e-5),
        pytest.approx(0.3339, abs=6e-5),
    )


def test_without_a_set_no_gap() -> None:
    """Real rows and the card's slices alone have nothing to be apart from; neither has a predictor without rows."""
    assert gaps_of(COUNTED, "m") == []
    assert gaps_of(COUNTED, "nobody") == []
