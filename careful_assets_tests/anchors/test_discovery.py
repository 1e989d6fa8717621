"""Finding whose rows belong together: by a column's name, and by whether its values can be dealt out."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.anchors.discovery import ColumnShape, choose_group, hinted_columns
from careful_assets.card.anchors import Columns

MAPPING = Columns(text="text", label="label", key="review_id", attributes=["user_region"])
FITTING = ColumnShape("customer", 10_000, 10_000, 2_000, 40)


def shape(column: str, **changed: int) -> ColumnShape:
    return ColumnShape(column, **{"rows": 10_000, "filled": 10_000, "distinct": 2_000, "largest": 40, **changed})


@pytest.mark.parametrize(
    "name",
    [
        "user", "user_id", "userId", "UserID", "USER_ID", "userid", "user id", "customer-number", "reviewerID",
        "authorName", "account", "thread", "conversation_hash", "sessionId", "ticket", "case_no", "order_id",
        "document", "doc_id", "article", "page", "patient", "speaker", "sender", "email", "url", "domain",
        "parent_asin", "group", "batch", "source_file", "filename", "callers",
    ],
)  # fmt: skip
def test_names_of_people_and_documents_are_hints(name: str) -> None:
    """Columns named after who wrote, or what a row is part of, are looked at, however their names are written."""
    assert hinted_columns(["text", name, "stars"], MAPPING) == [name]


@pytest.mark.parametrize(
    "name",
    ["stars", "rating", "created_at", "language", "score", "superuserly", "Kasus", "title", "length", "product", "",
     "bordering", "valid", "3"],
)  # fmt: skip
def test_other_names_are_no_hints(name: str) -> None:
    """Columns named after what a row is about, or how it was rated, are left alone; so are parts of other words."""
    assert hinted_columns([name], MAPPING) == []


def test_the_cards_own_columns_are_no_hints() -> None:
    """Text, label, key and attributes have their roles already, whatever they are called."""
    assert hinted_columns(["review_id", "user_region", "text", "label", "user", "thread"], MAPPING) == [
        "user",
        "thread",
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"distinct": 10_000, "largest": 1}, "no value repeats"),
        ({"filled": 8_999}, "empty in 1,001 of 10,000 rows"),
        ({"largest": 1_001}, "one value holds 1,001 of 10,000 rows"),
        ({"distinct": 29, "largest": 900}, "has 29 values, too few"),
        ({"filled": 0, "distinct": 0, "largest": 0}, "empty in 10,000"),
        ({"rows": 0, "filled": 0, "distinct": 0, "largest": 0}, "empty in 0 of 0 rows"),
    ],
)
def test_columns_that_cannot_be_dealt_out_are_told(changed: dict[str, int], words: str) -> None:
    """Unique, sparse, lopsided or few values make no group, and the verdict says which."""
    found = choose_group([shape("user", **changed)])
    assert found.column is None
    assert words in found.considered[0]["verdict"]


@pytest.mark.parametrize(
    "changed", [{"distinct": 9_999}, {"filled": 9_000}, {"largest": 1_000}, {"distinct": 30, "largest": 900}]
)
def test_columns_at_the_bounds_fit(changed: dict[str, int]) -> None:
    """The bounds themselves are allowed."""
    assert choose_group([shape("user", **changed)]).column == "user"


def test_the_coarsest_that_fits_is_chosen() -> None:
    """Of a thread, a customer and a region the customer is taken: a region is too coarse, a thread finer."""
    shapes = [shape("thread", distinct=5_000), FITTING, shape("region", distinct=6, largest=3_000)]
    found = choose_group(shapes)
    assert found.column == "customer"
    assert [entry["column"] for entry in found.considered] == ["thread", "customer", "region"]
    assert [entry["verdict"].split(":")[0] for entry in found.considered[:2]] == ["fits, but is finer", "chosen"]
    assert {"column", "distinct", "largest", "verdict"} == found.considered[0].keys()


def test_nothing_to_consider_is_no_group() -> None:
    """Without a hinted column every row stands alone."""
    assert choose_group([]).column is None


def test_counts_that_no_column_has_are_refused() -> None:
    """More values than filled rows, or a largest value above them, is a mistake of the counting."""
    for wrong in ({"filled": 10_001}, {"distinct": 10_001}, {"largest": 10_001}, {"largest": -1}):
        with pytest.raises(ValueError, match="no column has the counts"):
            choose_group([shape("user", **wrong)])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300)), max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_choice_is_the_coarsest_of_those_that_fit(
    drawn: list[tuple[int, int, int, int]], shuffle: random.Random
) -> None:
    """The chosen column repeats, is filled, deals out evenly, and no other is coarser; order moves nothing."""
    shapes = []
    for number, (rows, filled, distinct, largest) in enumerate(drawn):
        filled, distinct, largest = min(rows, filled), min(rows, filled, distinct), min(rows, filled, largest)  # noqa: PLW2901
        shapes.append(ColumnShape(f"c{number}", rows, filled, distinct, largest))
    fitting = [
        one
        for one in shapes
        if one.filled >= 0.9 * one.rows and 30 <= one.distinct < one.filled and one.largest <= 0.1 * one.rows
    ]
    found = choose_group(shapes).column
    assert (found is None) == (not fitting)
    if found is not None:
        chosen = next(one for one in fitting if one.column == found)
        assert chosen.distinct == min(one.distinct for one in fitting)
    shuffled = shuffle.sample(shapes, len(shapes))
    again = next((one for one in shapes if one.column == choose_group(shuffled).column), None)
    assert (again.distinct if again else None) == (chosen.distinct if found is not None else None)
