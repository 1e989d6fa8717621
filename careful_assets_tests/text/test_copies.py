"""What an erasure takes for a copy of a text."""

from __future__ import annotations

import pytest

from careful_assets.text.copies import find_copies, find_undecided
from careful_assets.text.normalize import hash64, normalize

LONG = "The hinge of this lid snapped after two weeks, and nobody answered."
FOUR = "It broke on me."
SHORT = "It broke again."


@pytest.mark.parametrize(
    "other",
    [
        LONG,
        f"  {LONG.upper()} ",
        LONG.replace(" ", "\u00a0"),
        f"I tell you: {LONG} Never again!",
        "well , the hinge of this lid snapped after two weeks and nobody answered me",
    ],
)
def test_copies_of_a_long_text(other: str) -> None:
    """However it is written, and also inside of another, punctuation aside."""
    assert find_copies(LONG, (), [("other", other)]) == {"other"}


@pytest.mark.parametrize("other", ["The hinge of this lid snapped.", LONG.replace("two", "three"), "", "It broke."])
def test_other_texts(other: str) -> None:
    """A part of it, a near copy or another text is no copy."""
    assert find_copies(LONG, (), [("other", other)]) == frozenset()


def test_four_words_in_a_row_are_a_copy() -> None:
    """From there on a text that holds all of them does; one that has them apart does not."""
    others = [("a", "Well, it broke, on me!"), ("b", "it broke down on me"), ("c", FOUR.lower())]
    assert find_copies(FOUR, (), others) == {"a", "c"}
    assert find_undecided(FOUR, (), others) == frozenset()


def test_a_short_text_has_copies_only_where_it_stands_alone() -> None:
    """Inside of others it may stand by chance: such are named for a person to decide."""
    others = [("a", "it  BROKE again."), ("b", f"{SHORT} So I sent it back."), ("c", "it broke"), ("d", "")]
    assert find_copies(SHORT, (), others) == {"a"}
    assert find_undecided(SHORT, (), others) == {"b"}
    assert find_undecided("", (), others) == find_undecided("!", (), others) == frozenset()


def test_a_text_of_which_only_the_hash_is_known() -> None:
    """Equal texts are found by it; texts of which nothing shows are never copies of each other."""
    known = hash64(normalize(LONG))
    assert find_copies("", {known, hash64("")}, [("a", LONG.lower()), ("b", ""), ("c", "\u200b")]) == {"a"}
