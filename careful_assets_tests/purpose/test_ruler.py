from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.measures.power import ruler
from careful_assets.purpose.ruler import in_words, ruler_frame, sees_the_wish
from careful_assets_tests.purpose.examples import card


def vault(*rows: tuple[str, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), ["label", "n", "groups", "sum_of_squares"], orient="row")


def test_the_gap_class_is_asked_about_with_the_cards_assumptions() -> None:
    """Rows, groups and squared sizes of the gap's class alone, the card's wish, share and correlation."""
    asked = card(("evaluation.ruler", {"visible_change": 0.1, "discordant_share": 0.4, "intra_group_correlation": 0.2}))
    (row,) = ruler_frame(asked, vault(("common", 900, 300, 3000), ("rare", 80, 20, 500))).to_dicts()
    assert row == {"label": "rare"} | vars(ruler(80, 20, 500, 0.1, 0.4, 0.2))
    assert row["design_effect"] == pytest.approx(1 + (500 / 80 - 1) * 0.2)
    (unsaid,) = ruler_frame(card(), vault(("rare", 80, 20, 500))).to_dicts()
    assert unsaid == {"label": "rare"} | vars(ruler(80, 20, 500, 0.2))


def test_a_class_without_sealed_rows_shows_nothing() -> None:
    """No row in the vault, no change to be seen, and the number of rows that would do."""
    (row,) = ruler_frame(card(), vault(("common", 9, 9, 9))).to_dicts()
    assert (row["rows"], row["groups"], row["visible_change"]) == (0, 0, None)
    assert row["more_rows"] == ruler(0, 0, 0, 0.2).more_rows
    assert not sees_the_wish(row)


FIGURES = {
    "label": "rare", "rows": 78, "groups": 31, "design_effect": 1.27, "effective_rows": 61, "discordant_share": 0.3,
    "visible_change": 0.19898, "wished_change": 0.22, "more_rows": 0,
}  # fmt: skip
ROWS = "rare: 78 sealed rows of 31 groups count as 61 independent ones; a change in its recall"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            f"{ROWS} can be seen from 0.199 on, if predictors differ on 0.3 of the rows; the card wishes to see 0.22, "
            "which it can",
        ),
        (
            {"wished_change": 0.1, "more_rows": 240},
            f"{ROWS} can be seen from 0.199 on, if predictors differ on 0.3 of the rows; the card wishes to see 0.1, "
            "which takes 240 more sealed real rows of the class, about 800 collected ones at 30 percent sealed",
        ),
        (
            {"visible_change": None, "more_rows": None},
            f"{ROWS} cannot be seen with 61 effective rows: no change up to 0.3 reaches a power of 0.8; the card "
            "wishes to see 0.22, and not even a million rows more would show it",
        ),
    ],
)
def test_the_ruler_speaks_in_words(changes: dict[str, object], words: str) -> None:
    """What can be seen, what is wished and what is lacking, in one sentence."""
    assert in_words(FIGURES | changes, 30) == words


@settings(max_examples=100, deadline=None)
@given(visible=st.floats(0.001, 0.3), wish=st.floats(0.001, 0.3))
def test_no_figure_promises_more_than_there_is(visible: float, wish: float) -> None:
    """The change that is told is never below the one that can be seen, and at most a thousandth above."""
    said = in_words(FIGURES | {"visible_change": visible, "wished_change": wish, "more_rows": 5}, 30)
    told = float(re.findall(r"from (\d\.\d{3}) on", said)[0])
    assert -1e-9 <= told - visible <= 0.001
    assert ("which it can" in said) == (visible <= wish)
