from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.errors import StageFailed
from careful_assets.measures.intervals import wilson
from careful_assets.purpose.bias import LONGEST_VALUE, MOST_VALUES, bias_frame
from careful_assets.warehouse.models import run_model_over

_ATTRIBUTES = {"row_id": pl.String, "attribute": pl.String, "value": pl.String}
_ROWS = {"row_id": pl.String, "label": pl.String}


def counted(attributes: list[tuple[str, str, str]], labels: dict[str, str]) -> pl.DataFrame:
    """`purpose.bias` of open rows with these attributes and labels."""
    tables = {
        "anchors.attributes": pl.DataFrame(attributes, _ATTRIBUTES, orient="row"),
        "anchors.rows": pl.DataFrame(list(labels.items()), _ROWS, orient="row"),
    }
    return bias_frame(
        run_model_over(tables, "purpose/attribute_shares"), run_model_over(tables, "purpose/attribute_labels")
    )


def test_shares_and_rates_of_a_planted_bias() -> None:
    """Of four rows that state an age three are young, and two of these are labelled bad; the fifth states nothing."""
    ages = [("a", "age", "young"), ("b", "age", "young"), ("c", "age", "young"), ("d", "age", "old")]
    bias = counted(ages, {"a": "bad", "b": "bad", "c": "good", "d": "good", "e": "good"})
    assert bias.drop("low", "high").rows() == [
        ("age", "old", None, 1, 4, 0.25),
        ("age", "old", "bad", 0, 1, 0.0),
        ("age", "old", "good", 1, 1, 1.0),
        ("age", "young", None, 3, 4, 0.75),
        ("age", "young", "bad", 2, 3, 2 / 3),
        ("age", "young", "good", 1, 3, 1 / 3),
    ]
    young = wilson(3, 4)
    assert bias.row(3)[-2:] == (young.low, young.high)


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 30).map(str),
        st.tuples(
            st.sampled_from(["bad", "good", "fair"]), st.dictionaries(st.sampled_from("xy"), st.sampled_from("12é "))
        ),
        min_size=1,
        max_size=20,
    )
)
def test_every_rate_is_the_one_that_counting_gives(rows: dict[str, tuple[str, dict[str, str]]]) -> None:
    """For any rows, shares and rates are those of a count by hand, lie in their intervals and add up to one."""
    attributes = [(row, name, value) for row, (_, named) in rows.items() for name, value in named.items()]
    bias = counted(attributes, {row: label for row, (label, _) in rows.items()})
    stated = Counter(name for _, name, _ in attributes)
    valued = Counter((name, value) for _, name, value in attributes)
    labelled = Counter((name, value, rows[row][0]) for row, name, value in attributes)
    labels = {label for label, _ in rows.values()}
    expected = {(*key, None): (n, stated[key[0]]) for key, n in valued.items()}
    expected |= {(*key, label): (labelled[*key, label], n) for key, n in valued.items() for label in labels}
    found = {row[:3]: row[3:5] for row in bias.iter_rows()}
    assert found == expected
    for row in bias.iter_rows(named=True):
        assert row["rate"] == row["n"] / row["of"]
        assert row["low"] - 1e-12 <= row["rate"] <= row["high"] + 1e-12
    for total in (
        bias.filter(pl.col("label").is_not_null()).group_by("attribute", "value").agg(pl.col("rate").sum())["rate"]
    ):
        assert total == pytest.approx(1)


def test_no_attributes_give_no_rates() -> None:
    """Where the card names no columns the table is empty, with its types."""
    bias = counted([], {"a": "bad"})
    assert bias.is_empty()
    assert bias.schema["rate"] == pl.Float64


def shares(values: list[str]) -> pl.DataFrame:
    counts = [("zip", value, 1, len(values)) for value in values]
    return pl.DataFrame(counts, ["attribute", "value", "n", "total"], orient="row")


EMPTY = pl.DataFrame(
    schema={"attribute": pl.String, "value": pl.String, "label": pl.String, "n": pl.Int64, "total": pl.Int64}
)
REMEDY = "name a column of groups in anchors.source.columns.attributes, or drop this one, and materialize again"


def test_a_column_of_too_many_values_is_refused() -> None:
    """A thousand values are groups, one more are not."""
    assert bias_frame(shares([str(number) for number in range(MOST_VALUES)]), EMPTY).height == MOST_VALUES
    with pytest.raises(StageFailed) as caught:
        bias_frame(shares([str(number) for number in range(MOST_VALUES + 1)]), EMPTY)
    assert str(caught.value) == (
        "purpose: the attribute 'zip' has 1,001 values, more than 1,000: the share of no group can be told; " + REMEDY
    )


def test_a_column_of_texts_is_refused_and_not_quoted() -> None:
    """A value of a hundred characters is a name, a longer one is text; the text is not in the message."""
    assert bias_frame(shares(["x" * LONGEST_VALUE]), EMPTY).height == 1
    with pytest.raises(StageFailed) as caught:
        bias_frame(shares(["y" * (LONGEST_VALUE + 1)]), EMPTY)
    assert str(caught.value) == (
        "purpose: the attribute 'zip' holds values of more than 100 characters: that is text, not the name of a group; "
        + REMEDY
    )
