"""How far raters were apart is sealed with the rows, once, and told only as a mean."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.vault_ratings import disagreement
from careful_assets_tests.warehouse.vault_fixtures import Place, rows

TEXTS = ["a bad one", "a bad two", "a fine one", "a fine two"]
VOTES = [[1, 1, 2, 3], [-4, -4, -4, -4], None, [0, 1]]


def voted(votes: list[list[int] | None], texts: list[str] = TEXTS) -> pl.DataFrame:
    """The rows of the texts, with their votes."""
    return rows(texts).with_columns(votes=pl.Series(votes, dtype=pl.List(pl.Int32)))


def ratings(place: Place) -> dict[str, float]:
    return dict(place.inside("ratings").select("row_id", "disagreement").iter_rows())


def told(place: Place) -> list[tuple]:
    return place.probe.quality(None).select("label", "rated_rows", "disagreement").rows()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.at(tmp_path)


def test_sealed_rows_are_rated_by_their_votes(place: Place) -> None:
    """Two of four votes for the commonest are a half; rows without votes have none; the probe tells means by class."""
    place.seal(voted(VOTES))
    assert ratings(place) == {"row-0": 0.5, "row-1": 0.0, "row-3": 0.5}
    assert told(place) == [("complaint", 2, 0.25), ("praise", 1, 0.5)]


def test_no_votes_no_rating(place: Place) -> None:
    """A source without votes, or with an empty list of them, leaves the raters unknown."""
    place.seal(voted([None, [], None, []]))
    assert ratings(place) == {}
    assert told(place) == [("complaint", 0, None), ("praise", 0, None)]


def test_a_rating_stands_as_the_row_does(place: Place) -> None:
    """Later votes change nothing of a rated row; the same offer leaves the state, and the seal holds."""
    state = place.seal(voted(VOTES)).registry_state
    assert place.seal(voted([[5], [5, 6], [7], [7, 7]])).registry_state == state
    assert ratings(place) == {"row-0": 0.5, "row-1": 0.0, "row-2": 0.0, "row-3": 0.5}
    assert place.probe.sealed_rows() == 4


def test_a_vault_of_before_is_rated_at_the_next_sealing(place: Place) -> None:
    """Rows that were sealed without votes get theirs, in the same state of the registry."""
    state = place.seal(rows(TEXTS)).registry_state
    assert ratings(place) == {}
    assert place.seal(voted(VOTES)).registry_state == state
    assert ratings(place).keys() == {"row-0", "row-1", "row-3"}


def test_votes_on_another_text_are_not_the_rows(place: Place) -> None:
    """Where the source says another text now, its votes are of that one."""
    place.seal(rows(TEXTS))
    place.seal(voted([[1, 2]] * 4, ["a bad one, reworded", *TEXTS[1:]]))
    assert ratings(place).keys() == {"row-1", "row-2", "row-3"}


def test_an_erased_row_takes_its_rating_along(place: Place) -> None:
    """Nothing of it stays, and what stays is what was sealed."""
    place.seal(voted(VOTES))
    place.sealer.erase(["row-0"])
    with connect(place.warehouse) as con:
        con.execute("delete from anchors.vault_counts")
    assert ratings(place).keys() == {"row-1", "row-3"}
    assert told(place)[0] == ("complaint", 1, 0.0)


@given(st.lists(st.lists(st.integers(-4, 4), min_size=1, max_size=20), min_size=1, max_size=8))
def test_disagreement_is_what_counting_gives(votes: list[list[int]]) -> None:
    """By hand: 1 minus the commonest vote's share; 0 exactly where all agree, and always below 1."""
    frame = pl.DataFrame({"row_id": [str(n) for n in range(len(votes))], "votes": votes})
    for row_id, found in disagreement(frame).iter_rows():
        own = votes[int(row_id)]
        assert found == pytest.approx(1 - max(map(own.count, own)) / len(own))
        assert (found == 0) == (len(set(own)) == 1)
