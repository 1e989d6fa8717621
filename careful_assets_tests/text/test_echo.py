"""Passages and phrases that two texts share, against brute force."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text import echo
from careful_assets.text.echo import Passage, Wording, longest_common_passage

FEW = st.text("ab ", max_size=14)


def brute(text: str, other: str) -> Passage:
    """The longest of all passages, the first of equally long ones."""
    runs = [(start, end) for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    shared = [(end - start, -start) for start, end in runs if text[start:end] in other]
    length, start = max(shared, default=(0, 0))
    return Passage(-start, length)


@settings(max_examples=300, deadline=None)
@given(FEW | st.text(max_size=8), FEW | st.text(max_size=8))
def test_both_ways_find_the_longest_common_passage(text: str, other: str) -> None:
    """Looking passages up and naming them by doubling give what trying all gives, the first of equals included."""
    assert longest_common_passage(text, other) == echo._by_doubling(text, other) == brute(text, other)


def test_long_texts_take_the_other_way_and_give_the_same() -> None:
    """A passage planted in two texts of 20,000 characters, too long to look up, is found where it stands."""
    rng = random.Random(3)
    left, right = ("".join(rng.choices("abcdefgh", k=20_000)) for _ in range(2))
    text, other = left[:6_999] + "1" + "#planted#" * 5 + "2" + left[7_000:], right[:100] + "3" + "#planted#" * 5 + "4"
    other += right
    assert len(text) * len(other) > echo._LARGE
    assert longest_common_passage(text, other) == Passage(7_000, 45)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_phrases_and_containment_are_those_of_the_words(one: list[str], other: list[str]) -> None:
    """Phrases are all runs of five words; a text holds another if the words stand in it side by side."""
    left, right = Wording(", ".join(one).upper()), Wording(" ".join(other))
    assert left.phrases == {tuple(one[start : start + 5]) for start in range(len(one) - 4)}
    inside = any(one[start : start + len(other)] == other for start in range(len(one) - len(other) + 1))
    assert left.holds(right) == (bool(other) and inside)
