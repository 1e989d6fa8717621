from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.purpose.gaps import gaps_frame, span
from careful_assets.purpose.stage import simulated_frame
from careful_assets_tests.purpose.examples import card


def test_collecting_and_generating_stand_side_by_side() -> None:
    """Forty rows at a tenth a day and 2 EUR each take 400 days and 80 EUR; ten requests of 2 s and a cent do, too."""
    (row,) = gaps_frame(card(), {"rare": 20, "common": 900}).to_dicts()
    assert row == {
        "label": "rare", "claimed": 20, "counted": 20, "target": 60, "missing": 40, "damage": "moderate",
        "collect_days": pytest.approx(400), "collect_cost": 80.0, "generate_requests": 10,
        "generate_days": pytest.approx(20 / 86_400), "generate_cost": pytest.approx(0.1),
    }  # fmt: skip


def test_counted_rows_count_not_claimed_ones() -> None:
    """What is missing follows from the anchors; a class that they lack counts none, a filled one lacks none."""
    assert gaps_frame(card(), {"rare": 21})["missing"].to_list() == [39]
    assert gaps_frame(card(), {"common": 5}).select("counted", "missing").rows() == [(0, 60)]
    filled = gaps_frame(card(), {"rare": 61}).row(0, named=True)
    assert (filled["missing"], filled["generate_requests"], filled["collect_days"]) == (0, 0, 0)


@settings(max_examples=60, deadline=None)
@given(
    counted=st.integers(0, 70), completions=st.integers(1, 128), kept=st.sampled_from([0.001, 0.1, 0.3, 0.5, 0.77, 1.0])
)
def test_the_forecast_asks_for_enough_and_no_more(counted: int, completions: int, kept: float) -> None:
    """The requests are expected to fill the gap; one less is not."""
    asked = card(("generation.completions_per_request", completions), ("generation.forecast.kept_share", kept))
    row = gaps_frame(asked, {"rare": counted}).row(0, named=True)
    each = completions * Fraction(str(kept))
    assert (row["generate_requests"] - 1) * each < row["missing"] <= row["generate_requests"] * each


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "0 seconds"), (0.0001, "9 seconds"), (0.01, "14.4 minutes"), (0.5, "12.0 hours"), (1, "1.0 days"),
     (4000, "4,000.0 days")],
)  # fmt: skip
def test_times_are_said_as_people_say_them(days: float, words: str) -> None:
    """Seconds, minutes, hours or days, whichever is the largest that fits."""
    assert span(days) == words


def test_the_simulation_draws_from_its_own_split() -> None:
    """Rows of each named label in the named split, none where there are none; nothing for a fabrication."""
    counts = pl.DataFrame(
        [("exemplar", "rare", 3), ("train", "rare", 9), ("train", "common", 7)], ["split", "label", "n"], orient="row"
    )
    drawn = card(("purpose.simulates", {"split": "exemplar", "labels": ["common", "rare"], "words": "Both."}))
    assert simulated_frame(drawn, counts).rows() == [("exemplar", "common", 0), ("exemplar", "rare", 3)]
    fabricated = card(
        ("purpose.simulates", None), ("purpose.nature", "fabrication"), ("purpose.use", "demo"),
        ("use_limits", {"allowed": ["demo"], "forbidden": []}),
    )  # fmt: skip
    assert simulated_frame(fabricated, counts).is_empty()
