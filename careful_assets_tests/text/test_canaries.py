"""Canaries: one sentence a place and name, unlike any other, and found however it is written."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text.canaries import ALTERNATIVES, canary, find, parsed

KEY = b"k" * 32
PLANTED = [canary(KEY, "release", f"1.{number}.0") for number in range(5)]


def found(text: str) -> list[int]:
    return [place for _, place in find(pl.Series([text]), PLANTED)]


@settings(deadline=None)
@given(st.binary(min_size=1), st.text(), st.text(), st.integers(0, 50))
def test_a_canary_is_a_sentence_that_can_be_taken_apart(key: bytes, place: str, name: str, number: int) -> None:
    """Always the same under a key; 12 to 25 words; prefix and secret make it up; what is invented is known again."""
    one = canary(key, place, name, number)
    assert one == canary(key, place, name, number) == parsed(one.text)
    assert 12 <= len(one.text.split()) <= 25
    assert one.prefix + one.secret == one.text == one.other(one.number)
    assert 0 <= one.number < one.alternatives == ALTERNATIVES
    assert find(pl.Series([one.text]), [one]) == [(0, 0)]


def test_key_place_name_and_number_each_make_another() -> None:
    """Whatever is changed, sentence and secret differ; of 3,000 canaries no two are equal or found in each other."""
    base = canary(KEY, "release", "1.0.0")
    others = [
        canary(b"x" * 32, "release", "1.0.0"), canary(KEY, "sealed_set", "1.0.0"), canary(KEY, "release", "1.0.1"),
        canary(KEY, "release", "1.0.0", 1),
    ]  # fmt: skip
    assert len({one.text for one in [base, *others]}) == 5
    many = [canary(KEY, "release", str(number)) for number in range(3000)]
    assert find(pl.Series([one.text for one in many]), many) == [(place, place) for place in range(3000)]


@pytest.mark.parametrize(
    "written",
    [
        str.upper,
        str.lower,
        lambda text: text.replace(" ", "\n"),
        lambda text: text.replace(",", "").replace("-", " ") + "!!!",
        lambda text: text.replace("-", ""),
        lambda text: "".join(text.split()),
        lambda text: "'".join(text.split()),
        " ".join,
        lambda text: text.translate(str.maketrans("aceop", "\u0430\u0441\u0435\u043e\u0440")),
        lambda text: text.translate(str.maketrans("oieast", "013457")),
        lambda text: f"{'before ' * 500}{text}. {'after ' * 500}",
        lambda text: text.replace("a", "a\u200b"),
        lambda text: "".join(chr(ord(one) + 0xFEE0) if one.isalnum() else one for one in text),
        lambda text: text.replace("e", "e\x00"),
        lambda text: "🦜🦜" + text + "\u202e",
        lambda text: " ".join(reversed(re.split(r"(?<=,) ", text))),
    ],
)
def test_it_is_found_however_it_is_written(written) -> None:
    """Case, punctuation, line breaks, longer text, disguises and other order hide it not."""
    for place, one in enumerate(PLANTED):
        assert found(written(one.text)) == [place]


def test_two_of_what_is_invented_suffice_and_one_does_not() -> None:
    """A cut canary is found as long as two of person, town and code stand in it; the secret alone is but a number."""
    for place, one in enumerate(PLANTED):
        person = re.search(r" ([A-Z][a-z]+ [A-Z][a-z]+)", one.text)[1]
        town = re.findall(r"(?<=[ ])[A-Z][a-z]{2,}", one.text)[2]
        code = one.text[-9:]
        for told in (f"{person} of {town}", f"{code} for {town}", f"{code}: {person}"):
            assert found(told) == [place]
        for told in (person, town, code, one.secret, f"{person} {one.secret}", f"{person} 000000"):
            assert found(told) == []
        assert found(one.other((one.number + 1) % ALTERNATIVES)) == [place]


def test_several_in_one_text_and_none_in_others() -> None:
    """Each text's canaries are told; nulls, empty texts and ordinary ones hold none; without canaries none is found."""
    texts = pl.Series(["", None, "an ordinary row", PLANTED[1].text + " and " + PLANTED[3].text, "123456 café ☃"])
    assert find(texts, PLANTED) == [(3, 1), (3, 3)]
    assert find(texts, []) == []
    assert find(pl.Series([], dtype=pl.String), PLANTED) == []


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(range(5)))
def test_whatever_stands_around_it_it_is_found(before: str, after: str, place: int) -> None:
    """Any text before and after, parted by a line break."""
    assert place in found(f"{before}\n{PLANTED[place].text}\n{after}")


def test_what_is_no_canary_is_refused() -> None:
    """Other sentences are none, and the refusal does not repeat them."""
    for text in ("", "an ordinary row", "A Name Here And There", "order KT-123456", PLANTED[0].prefix):
        with pytest.raises(ValueError, match="no canary") as error:
            parsed(text)
        assert len(text) < 1 or text not in str(error.value)
