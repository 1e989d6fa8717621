"""Character shingles and Jaccard's coefficient."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.text.ngrams import character_shingles, jaccard
from careful_assets.text.normalize import normalize


@pytest.mark.parametrize("n", [0, -1])
def test_n_is_at_least_one(n):
    """Runs of nothing are an error in the caller."""
    with pytest.raises(ValueError, match="at least one"):
        character_shingles("abc", n)


def test_shingles_are_of_the_normal_form():
    """Case, spaces and invisible characters do not make shingles differ."""
    assert character_shingles("Great , PHONE\u200b") == {
        "great",
        "reat,",
        "eat,p",
        "at,ph",
        "t,pho",
        ",phon",
        "phone",
    }


@given(st.text(max_size=30))
def test_shingles_cover_the_text(text):
    """Any text that shows something has shingles, each of them n characters or the whole text."""
    normal, shingles = normalize(text), character_shingles(text)
    assert bool(shingles) == bool(normal)
    assert all(piece in normal and len(piece) == min(5, len(normal)) for piece in shingles)


SETS = st.frozensets(st.sampled_from("abcdef"))


@given(SETS, SETS)
def test_jaccard_is_symmetric_and_bounded(first, second):
    """In [0, 1], 1 for equal sets only, the same both ways."""
    value = jaccard(first, second)
    assert value == jaccard(second, first)
    assert 0 <= value <= 1
    assert (value == 1) == (first == second and bool(first))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("abc", "bcd", 0.5), ("", "", 0), ("a", "", 0), ("abcdefg", "abcdefghij", 0.7)],
)
def test_jaccard_by_hand(first, second, expected):
    """Shared over all; empty sets resemble nothing."""
    assert jaccard(set(first), set(second)) == expected
