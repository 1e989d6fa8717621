"""Normal forms, tokens and hashes."""

from __future__ import annotations

import hashlib
import sys
import unicodedata

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.text.normalize import hash64, normalize, tokens

# Characters that make trouble come up rarely among all of Unicode; here they come up often.
TROUBLE = st.text(
    st.sampled_from("aßİıςΣſK﷼ﬁ'’´ʼ“—. ,!?_ \t\n\u0000\u00ad\u200b\u200d\u0301\u0316\u0344\u0345\ufeffㅤᅠ中か゛ป")
)


@given(st.text() | TROUBLE)
def test_normalizing_twice_changes_nothing(text):
    """The normal form is its own normal form."""
    once = normalize(text)
    assert normalize(once) == once


def test_every_assigned_character_has_a_stable_normal_form():
    """No character of Unicode, between letters and before an accent, escapes the fixed point."""
    assigned = (chr(code) for code in range(sys.maxunicode + 1))
    kept = [one for one in assigned if unicodedata.category(one) not in ("Cn", "Co", "Cs", "Lo")]
    once = normalize("\u0301 ".join(f"x{one}y{one}" for one in kept))
    assert normalize(once) == once


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GREAT phone", "great phone"),
        ("great  phone\u00a0", "\tgreat phone\n"),
        ("great , phone !", "Great, phone!"),
        ("( great ) phone", "(great) phone"),
        ("it’s “fine” – really", 'it\'s "fine" - really'),
        ("don´t", "don't"),
        ("ｆｕｌｌ　ｗｉｄｔｈ！", "full width!"),
        ("caf\u00e9", "cafe\u0301"),
        ("STRASSE", "straße"),
        ("gre\u200bat ph\u00adone\ufeff", "great phone"),
        ("nul\x00 byte", "nul byte"),
        ("a\u2028b\x85c", "a b c"),
        ("and so on…", "and so on..."),
    ],
)
def test_copies_match(one, other):
    """Texts that differ only in how they are written have one normal form."""
    assert normalize(one) == normalize(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("great phone", "greatphone"),
        ("not great", "great"),
        ("5 stars", "4 stars"),
        ("re-sign", "resign"),
        ("resume", "résumé"),
        ("good", "good!"),
        ("rock 'n' roll", "rock'n'roll"),
        ("👍", "👎"),
    ],
)
def test_different_texts_stay_different(one, other):
    """A difference in words, accents, signs or emoji survives."""
    assert normalize(one) != normalize(other)


@pytest.mark.parametrize("text", ["", " \t\n\u3000", "\u200b\u200d\ufeff", "\x00\x01", "\u2066\u2069"])
def test_a_text_that_shows_nothing_has_an_empty_normal_form(text):
    """White space and invisible characters alone leave nothing."""
    assert normalize(text) == ""
    assert tokens(text) == []


def test_stacks_of_marks_are_cut_and_take_linear_time():
    """A hostile stack of 200,000 marks, hours of work for plain NFKC, comes back short."""
    assert len(normalize("a" + "\u0301" * 100_000 + "\u0316" * 100_000 + "b")) <= 32
    assert normalize("a" + "\u0301" * 30 + "b") == normalize("a" + "\u0301" * 500 + "b")


def test_a_text_of_ten_megabytes_is_normalized():
    """Size is no reason to fail."""
    text = "One reason, and another. " * 400_000
    assert normalize(text).startswith("one reason,and another.one")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't buy the AD-2500!", ["don't", "buy", "the", "ad", "2500"]),
        ("rock 'n' roll", ["rock", "n", "roll"]),
        ("the dogs' 'bowl'", ["the", "dogs", "bowl"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("3.5 stars", ["3", "5", "stars"]),
        ("?!... --- ''", []),
        ("👍👍 ok 👩‍👩‍👧", ["ok"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("مرحبا، بالعالم", ["مرحبا", "بالعالم"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("这是测试。ok", ["这", "是", "测", "试", "ok"]),
        ("Größe", ["grösse"]),
    ],
)
def test_tokens(text, expected):
    """Words are runs of letters, marks and numbers; Han characters are words of their own."""
    assert tokens(text) == expected


@given(st.text() | TROUBLE)
def test_tokens_are_those_of_the_normal_form_and_hold_no_space(text):
    """Joining tokens by a space loses nothing, which n-gram hashes rely on."""
    words = tokens(text)
    assert words == tokens(normalize(text))
    assert all(word and not any(map(str.isspace, word)) for word in words)


@given(st.text())
def test_hash64_is_the_start_of_sha256_and_fits_a_bigint(text):
    """The hash can be recomputed by anyone, and every engine can hold it."""
    value = hash64(text)
    assert value.to_bytes(8, "big", signed=True) == hashlib.sha256(text.encode()).digest()[:8]
    assert -(2**63) <= value < 2**63


def test_hash64_does_not_drift():
    """Recorded hashes stay comparable; DuckDB holds them as BIGINT."""
    assert [hash64(text) for text in ("", "a", "great phone")] == GOLDEN
    with duckdb.connect() as con:
        row = con.execute("select cast($1 as bigint), cast($2 as bigint)", GOLDEN[:2]).fetchone()
    assert list(row) == GOLDEN[:2]


GOLDEN = [
    int.from_bytes(bytes.fromhex(start), "big", signed=True)
    # The first eight bytes that `printf %s TEXT | sha256sum` prints.
    for start in ("e3b0c44298fc1c14", "ca978112ca1bbdca", "bcaa5977eccc0628")
]
