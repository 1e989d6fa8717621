"""What an erasure takes for a copy of a text."""

from __future__ import annotations

import pytest

from careful_assets.text.copies import find_copies
from careful_assets.text.normalize import hash64, normalize

LONG = "The hinge of this lid snapped after two weeks, and nobody answered."
SHORT = "It broke."


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


def test_a_short_text_has_copies_only_where_it_stands_alone() -> None:
    """Inside of others it stands by chance."""
    assert find_copies(SHORT, (), [("a", "it  BROKE."), ("b", f"{SHORT} So I sent it back.")]) == {"a"}


def test_a_text_of_which_only_the_hash_is_known() -> None:
    """Equal texts are found by it; texts of which nothing shows are never copies of each other."""
    known = hash64(normalize(LONG))
    assert find_copies("", {known, hash64("")}, [("a", LONG.lower()), ("b", ""), ("c", "\u200b")]) == {"a"}
