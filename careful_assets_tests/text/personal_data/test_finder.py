"""Finding and masking: what holds for every text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text.personal_data.finder import find, kinds_in, mask
from careful_assets.text.personal_data.planted import planted
from careful_assets.text.personal_data.spans import KINDS

# Parts of personal data in any order come nearer to trouble than letters drawn from all of Unicode.
PARTS = st.lists(
    st.sampled_from(
        [one.record or one.text for one in planted()]
        + ["4945807302157365", "+44", "020 7946", "0958", "GB29 NWBK", "@", " at ", " dot com", "my name is ", "Mr. "]
        + ["John", " ", "\n", "-", ".", ",", "1", "account ", "ssn ", "[email]", "[", "]", "\u200b", "\u0301", "ﷺ"]
        + ["\ud800", "12 High "]
    ),
    max_size=12,
).map("".join)  # fmt: skip
ANY = st.text(st.characters()) | st.text(st.sampled_from("0123456789 -.()+@[]AaZ:/\n\u200b")) | PARTS


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_a_masked_text_holds_nothing_more(text):
    """Findings are in order, apart and inside of the text; of the masked text there are none, and kinds are those."""
    found = find(text)
    edges = [edge for one in found for edge in (one.start, one.end)]
    assert edges == sorted(edges)
    assert all(0 <= one.start < one.end <= len(text) and one.kind in KINDS for one in found)
    assert kinds_in(text) == sorted({one.kind for one in found})
    assert find(mask(text, found)) == []


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([one for one in planted() if not one.is_lookalike]), st.integers(0, 2**32))
def test_invisible_characters_hide_nothing(one, seed):
    """Zero-width characters strewn into a record change neither what is found nor that it points into the original."""
    draws = random.Random(seed)
    strewn = "".join(letter + draws.choice(["", "", "\u200b", "\u2060", "\ufeff", "\u00ad"]) for letter in one.text)
    before, after = find(one.text), find(strewn)
    assert [finding.kind for finding in after] == [finding.kind for finding in before]
    shown = [strewn[f.start : f.end].translate(dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))) for f in after]
    assert shown == [one.text[f.start : f.end].replace("\u200b", "") for f in before]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nothing here, 5 stars", "nothing here, 5 stars"),
        ("write ann@example.org or 212-555-0123.", "write [email] or [phone]."),
        ("my account 2125550123 is closed", "my account [account_number] is closed"),
        ("ann.miller@example.org", "[email]"),
        ("cards 4945807302157365 4819303642621297", "cards [card] [card]"),
        ("212 555 0123 212 555 0147 212 555 0188", "[phone] [phone] [phone]"),
        ("[email] and [phone] stay", "[email] and [phone] stay"),
        ("４９４５８０７３０２１５７３６５ stars", "[card] stars"),
        ("٤٩٤٥٨٠٧٣٠٢١٥٧٣٦٥", "[card]"),
    ],
)
def test_examples(text, masked):
    """Plain answers that a reader can check."""
    assert mask(text, find(text)) == masked


def test_the_strongest_of_two_tells_the_kind_and_all_is_covered():
    """An IBAN that is called an account is one finding: the IBAN, by checksum."""
    text = "account GB29 NWBK 6016 1331 9268 19 please"
    (one,) = find(text)
    assert (one.kind, one.basis, text[one.start : one.end]) == ("iban", "checksum", "GB29 NWBK 6016 1331 9268 19")


HOSTILE = [
    "1", "1 ", "4 ", "1-", "1.", "1:", "(", "+1 ", "@", "a@", "x@y.", "a at b dot ", "A ", "John ", "mr ",
    "my name is ", "GB29 ", "12 High ", "12 of ", "account ", "ssn 1 ", "212 555 0123 ", "7946 0958 020 ", "1.1.1.1.",
    "\u0301", "[", "[email]", "\n", " ", "a.", "\"", "Foo, ",
]  # fmt: skip


@pytest.mark.parametrize("length", [2_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_hostile_repetition_is_searched_and_masked_whole(length):
    """What patterns stumble over, 2,000 characters of it (200,000 in the long form): a record behind it is still
    found, and nothing is left after masking.
    """
    for unit in HOSTILE:
        text = (unit * length)[:length] + "\nx 4945807302157365 ann@example.org"
        found = find(text)
        assert find(mask(text, found)) == [], unit
        assert "4945807302157365" not in mask(text, found), unit
        assert "ann@example.org" not in mask(text, found), unit
