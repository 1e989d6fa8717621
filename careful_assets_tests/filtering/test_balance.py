"""Group balance: what rows count as, shares before and after each gate, and gates that tilt them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
import pytest

from careful_assets.filtering.balance import WHOLE, balance, tilts, traits
from careful_assets_tests.filtering.test_samples import decisions

ATTRIBUTES = {"row_id": pl.String, "attribute": pl.String, "value": pl.String}
PARENTS = {"row_id": pl.String, "parent_id": pl.String}


def rows(*texts: str, label: str = "bad") -> pl.DataFrame:
    """Rows r0, r1, ... of one label."""
    ids = [f"r{number}" for number in range(len(texts))]
    return pl.DataFrame({"row_id": ids, "label": [label] * len(texts), "text": list(texts)},
                        schema={"row_id": pl.String, "label": pl.String, "text": pl.String})  # fmt: skip


def pairs(parents: Mapping[str, list[str]]) -> pl.DataFrame:
    """Rows and their parents, a pair a row."""
    found = [(row_id, parent) for row_id, own in parents.items() for parent in own]
    return pl.DataFrame(found, schema=PARENTS, orient="row")


def table(kept: Mapping[str, tuple[int, int]]) -> pl.DataFrame:
    """The balance of one gate that keeps so many of so many rows of each value of `region`."""
    row_values = [value for value, (_, n) in kept.items() for _ in range(n)]
    passed = [number < hits for hits, n in kept.values() for number in range(n)]
    everyone = rows(*["x"] * len(row_values))
    own = pairs({row_id: [value] for row_id, value in zip(everyone["row_id"], row_values, strict=True)})
    attributes = pl.DataFrame([(v, "region", v) for v in kept], schema=ATTRIBUTES, orient="row")
    told = traits(everyone, own, attributes)
    return balance(decisions([None if one else "refused" for one in passed]), told, told)


def test_a_row_counts_for_its_label_its_length_and_its_parents_values() -> None:
    """Bands are those of the card's slices; a parent's value counts by the parent's share, and nothing is made up."""
    told = traits(
        rows("a b c d e f g", "a b c d e f g h", " ".join("x" * 30)),
        pairs({"r0": ["p1", "p2", "p3"], "r1": ["p1", "p2"]}),
        pl.DataFrame([("p1", "region", "north"), ("p2", "region", "north"), ("p3", "region", "south")],
                     schema=ATTRIBUTES, orient="row"),
    )  # fmt: skip
    assert told.filter(attribute="label")["value"].to_list() == ["bad"] * 3
    lengths = dict(told.filter(attribute="length").select("row_id", "value").iter_rows())
    assert lengths == {"r0": "under 8 tokens", "r1": "8 to 29 tokens", "r2": "30 tokens and more"}
    regions = told.filter(attribute="region").select("row_id", "value", "weight").rows()
    assert regions == [("r0", "north", 666_666), ("r0", "south", 333_333), ("r1", "north", WHOLE)]


def test_shares_before_and_after_beside_the_anchors() -> None:
    """Of values, and of labels given a value; a value that the anchors lack has no share of theirs."""
    generated = pl.concat([
        traits(rows("a", "b"), pairs({"r0": ["p"], "r1": ["q"]}),
               pl.DataFrame([("p", "region", "north"), ("q", "region", "south")], schema=ATTRIBUTES, orient="row")),
        traits(rows("c", label="good").with_columns(row_id=pl.lit("r2")), pairs({"r2": ["p"]}),
               pl.DataFrame([("p", "region", "north")], schema=ATTRIBUTES, orient="row")),
    ])  # fmt: skip
    real = traits(rows("d", "e"), pairs({"r0": ["r0"]}),
                  pl.DataFrame([("r0", "region", "north")], schema=ATTRIBUTES, orient="row"))  # fmt: skip
    told = balance(decisions([None, None, "refused"]), generated, real).filter(attribute="region")
    columns = ["value", "label", "share_before", "share_after", "anchors_share"]
    assert told.select(columns).rows() == [
        ("north", None, pytest.approx(2 / 3), 0.5, 1.0),
        ("north", "bad", 0.5, 1.0, 1.0),
        ("north", "good", 0.5, 0.0, None),
        ("south", None, pytest.approx(1 / 3), 0.5, None),
        ("south", "bad", 1.0, 1.0, None),
    ]


def test_a_tilt_is_named() -> None:
    """Half of one region's rows kept, nearly all of the others': under four fifths, and surely so."""
    (tilt,) = tilts(table({"north": (95, 100), "south": (50, 100), "west": (97, 100)}))
    assert (tilt.gate, tilt.attribute, tilt.value, tilt.kept, tilt.others) == (
        "g",
        "region",
        "south",
        (50, 100),
        (192, 200),
    )
    assert tilt.in_words() == "g keeps 50 of 100 rows of region south, 192 of 200 others"


@pytest.mark.parametrize(
    "kept",
    [
        {"north": (100, 100), "south": (81, 100)},  # over four fifths
        {"north": (5, 6), "south": (3, 6)},  # too few to be sure
        {"north": (50, 100)},  # nobody to compare with
        {"north": (0, 50), "south": (0, 50)},  # nobody is kept
        {"north": (50, 50), "south": (50, 50)},
    ],
)
def test_what_is_no_tilt(kept: Mapping[str, tuple[int, int]]) -> None:
    """The rule of four fifths, an interval that excludes equality, and others to compare with: all three."""
    assert tilts(table(kept)) == []


def test_exact_copies_are_no_tilt() -> None:
    """Of equal rows one stands: short rows that a generator repeats are refused, and no group loses anything."""
    tilted = table({"north": (100, 100), "south": (10, 100)})
    assert tilts(tilted)
    assert tilts(tilted.with_columns(gate=pl.lit("exact_duplicate"))) == []


def test_of_nothing_there_is_no_balance() -> None:
    """No candidates: an empty table, and no tilt."""
    nobody = traits(rows(), pairs({}), pl.DataFrame(schema=ATTRIBUTES))
    told = balance(decisions([]), nobody, nobody)
    assert told.is_empty()
    assert tilts(told) == []
