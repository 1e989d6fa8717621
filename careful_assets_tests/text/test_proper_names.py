"""Names of persons and companies, and which of them other texts know."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text.proper_names import companies, known_words, persons

WORDS = st.lists(st.sampled_from(["ann", "miller", "jo", "x"]), max_size=6)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=5), st.lists(WORDS, max_size=5))
def test_known_is_what_stands_side_by_side_in_one_text(wanted: list[list[str]], texts: list[list[str]]) -> None:
    """Words that are parted, in another order or spread over two texts are not known; nothing is never known."""
    known = known_words([tuple(words) for words in wanted], [" ".join(text).title() for text in texts])
    expected = {
        tuple(words) for words in wanted for text in texts if words and f" {' '.join(words)} " in f" {' '.join(text)} "
    }
    assert known == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("they sent it to Vortal Inc. again", [("Vortal Inc", ("vortal",))]),
        ("the Kraftwerk & Sohn GmbH, the Ostfalen AG", [("Kraftwerk & Sohn GmbH", ("kraftwerk", "sohn")),
                                                        ("Ostfalen AG", ("ostfalen",))]),
        ("Nordic Electronics", [("Nordic Electronics", ("nordic",))]),
        ("an electronics shop, a limited offer, the inc", []),
        ("EVERYTHING IN CAPITALS LLC", []),
        ("a Honda Limited Edition", []),
        ("Reno, NV", []),
        ("", []),
    ],
)  # fmt: skip
def test_companies_are_told_by_their_form(text: str, named: list[tuple[str, tuple[str, ...]]]) -> None:
    """Capitalized words before a legal form or a trade's word, found where they stand."""
    assert [(text[one.start : one.end], one.words) for one in companies(text)] == named


def test_persons_are_the_finders_names() -> None:
    """A name is given by its words, without a possessive; what is masked is no name."""
    (one,) = persons("I asked Ann Miller's office")
    assert one.words == ("ann", "miller")
    assert list(persons("I asked [name] by [email]")) == []
