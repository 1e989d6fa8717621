"""The SQL models over labeling.votes."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.labeling.votes import VOTES
from careful_assets.warehouse.models import run_model_over


def confirmed(votes: list[tuple], requested: dict[str, str], judges: int, confirmations: int) -> list[tuple]:
    """The model's rows over (row_id, judge, label, confidence)."""
    ballots = pl.DataFrame(
        [(row, judge, "family", label, confidence) for row, judge, label, confidence in votes],
        schema=VOTES,
        orient="row",
    )
    candidates = pl.DataFrame(
        {"row_id": list(requested), "requested_label": list(requested.values())},
        schema={"row_id": pl.String, "requested_label": pl.String},
    )
    tables = {"labeling.votes": ballots, "generation.candidates": candidates}
    params = {"judges": judges, "confirmations": confirmations}
    return run_model_over(tables, "labeling/confirmations", params).rows()


@pytest.mark.parametrize(
    ("votes", "confirmations", "expected"),
    [
        (["rare", "rare", "rare"], 1, ("consensus", True)),
        (["rare", "rare", "other"], 2, ("judge", True)),
        (["rare", "other", "other"], 1, ("judge", True)),
        (["rare", "other", "other"], 2, ("prompted", False)),
        (["other", "other", "other"], 1, ("prompted", False)),
        (["rare", "rare", "rare"], 3, ("consensus", True)),
    ],
)
def test_judges_confirm_the_prompted_label(votes, confirmations, expected):
    """All of them: consensus; enough of them: judge; fewer: the prompt stands alone, and nobody outvotes it."""
    ballots = [("c", f"j{i}", label, 0.9) for i, label in enumerate(votes)]
    assert confirmed(ballots, {"c": "rare"}, 3, confirmations) == [("c", "rare", *expected)]


def test_abstentions_confirm_nothing():
    """A judge without evidence does not vouch for a label."""
    ballots = [("c", "j0", "rare", 0.0), ("c", "j1", "rare", 0.6)]
    assert confirmed(ballots, {"c": "rare"}, 2, 1) == [("c", "rare", "judge", True)]
    assert confirmed(ballots, {"c": "rare"}, 2, 2) == [("c", "rare", "prompted", False)]


def test_a_judge_without_confidences_is_heard():
    """A vote of unknown confidence is a vote."""
    assert confirmed([("c", "j0", "rare", None)], {"c": "rare"}, 1, 1) == [("c", "rare", "consensus", True)]


def test_a_vote_given_twice_counts_once():
    """Two votes of one judge are no two judges."""
    ballots = [("c", "j0", "rare", 0.9), ("c", "j0", "rare", 0.9)]
    assert confirmed(ballots, {"c": "rare"}, 2, 2) == [("c", "rare", "prompted", False)]


VOTED = st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.sampled_from("ab"), min_size=3, max_size=3)), max_size=8)


@settings(max_examples=20, deadline=None)
@given(VOTED, st.integers(1, 3))
def test_each_row_gets_its_prompted_label_and_a_source(rows, confirmations):
    """Equal to counting by hand, one row each."""
    ballots = [(f"c{i}", f"j{j}", vote, 0.5) for i, (_, votes) in enumerate(rows) for j, vote in enumerate(votes)]
    expected = []
    for i, (label, votes) in enumerate(rows):
        agreeing = votes.count(label)
        source = "consensus" if agreeing == 3 else "judge" if agreeing >= confirmations else "prompted"
        expected.append((f"c{i}", label, source, agreeing >= confirmations))
    requested = {f"c{i}": label for i, (label, _) in enumerate(rows)}
    assert confirmed(ballots, requested, 3, confirmations) == expected


def test_rows_nobody_voted_on_get_no_label():
    """A missing label is seen by the check on ballots; a made-up one would not be."""
    assert confirmed([("c0", "j0", "rare", 1.0)], {"c0": "rare", "c1": "rare"}, 1, 1) == [
        ("c0", "rare", "consensus", True)
    ]


def ballots_model(votes: list[tuple[str, str]], labels: list[str]) -> list[tuple]:
    """The model's rows for two gates and two judges; c0 and c1 were kept, c2 was not, nor c3, which people excluded."""
    passes = [("c0", 0), ("c0", 1), ("c1", -1), ("c1", 0), ("c1", 1), ("c2", -1), ("c2", 0)]
    decisions = [*((row, place, True) for row, place in passes), ("c2", 1, False), ("c3", -1, False)]
    tables = {
        "filtering.decisions": pl.DataFrame(decisions, schema=["row_id", "position", "passed"], orient="row"),
        "labeling.votes": pl.DataFrame(votes, schema={"row_id": pl.String, "judge": pl.String}, orient="row"),
        "labeling.labels": pl.DataFrame({"row_id": labels}, schema={"row_id": pl.String}),
    }
    return run_model_over(tables, "labeling/ballots", {"gates": 2, "judges": 2}).rows()


BOTH = [("c0", "j0"), ("c0", "j1"), ("c1", "j0"), ("c1", "j1")]


def test_complete_ballots_are_not_reported():
    """Two votes and a label for each kept row, nothing for the reject."""
    assert ballots_model(BOTH, ["c0", "c1"]) == []


@pytest.mark.parametrize(
    ("votes", "labels", "expected"),
    [
        (BOTH[:3], ["c0", "c1"], [("c1", 1, 1)]),
        (BOTH[:2], ["c0", "c1"], [("c1", 0, 1)]),
        (BOTH, ["c0"], [("c1", 2, 0)]),
        (BOTH, ["c0", "c1", "c1"], [("c1", 2, 2)]),
        ([*BOTH, ("c1", "j1")], ["c0", "c1"], [("c1", 3, 1)]),
        ([*BOTH[:3], ("c1", "j0")], ["c0", "c1"], [("c1", 2, 1)]),
        (BOTH, ["c0", "c1", "c2"], [("c2", 0, 1)]),
        ([*BOTH, ("c2", "j0"), ("c2", "j1")], ["c0", "c1"], [("c2", 2, 0)]),
        ([], [], [("c0", 0, 0), ("c1", 0, 0)]),
    ],
)
def test_incomplete_ballots_are_reported(votes, labels, expected):
    """Missing and surplus votes and labels, and rejects that got either, with what they have."""
    assert ballots_model(votes, labels) == expected
