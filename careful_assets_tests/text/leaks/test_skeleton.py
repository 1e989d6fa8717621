"""Sealed rows in disguise are found, wherever they stand and whatever parts their letters; others are not."""

from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.skeleton import SHORTEST, SHORTEST_HELD, SkeletonDetector
from careful_assets.text.normalize import normalize, tokens
from careful_assets.text.skeleton import skeleton

SEALED = "The phone died after a month of careful use, and nobody answered."
CYRILLIC = str.maketrans("aceijopsxy", "асеіјорѕху")
GREEK = str.maketrans(
    "AaBEZHiIKMNoOPTYXvx",
    "\u0391\u03b1\u0392\u0395\u0396\u0397\u03b9\u0399\u039a\u039c\u039d\u03bf\u039f\u03a1\u03a4\u03a5\u03a7\u03bd\u03c7",
)
LEET = str.maketrans("oieast", "013457")
DISGUISES = {
    "apostrophes for spaces": lambda text: "'".join(text.split()),
    "no spaces": lambda text: "".join(text.split()),
    "spaced letters": " ".join,
    "dots between letters": ".".join,
    "zero-width marks": "\u200b".join,
    "look-alikes": lambda text: text.translate(CYRILLIC),
    "Greek look-alikes": lambda text: text.translate(GREEK),
    "Greek capitals": lambda text: text.upper().translate(GREEK),
    "digits for letters": lambda text: text.translate(LEET),
    "accents": lambda text: "".join(f"{one}\u0301" if one.isalpha() else one for one in text),
    "capitals": str.upper,
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "mathematical bold": lambda text: "".join(
        chr(0x1D41A + ord(one) - 97) if "a" <= one <= "z" else one for one in text
    ),
}


def found(sealed: list[str], rows: list[str]) -> list[tuple[int, int, str]]:
    """Row, sealed row, and what the finding points at."""
    asked = Prepared(pl.Series(rows, dtype=pl.String))
    answer = SkeletonDetector().index(Prepared(pl.Series(sealed, dtype=pl.String))).find(asked)
    assert answer.score.tolist() == [1000] * len(answer.asked)
    places = zip(answer.asked.tolist(), answer.sealed.tolist(), answer.start, answer.stop, strict=True)
    return [(row, place, normalize(rows[row])[start:stop]) for row, place, start, stop in places]


def by_hand(sealed: list[str], rows: list[str]) -> list[tuple[int, int]]:
    """The same by comparing every pair of skeletons."""
    answer = []
    for row, text in enumerate(rows):
        own = skeleton(text)
        held = [
            (-len(key.encode()), place)
            for place, key in enumerate(map(skeleton, sealed))
            if len(key.encode()) >= SHORTEST
            and (own == key or (key in own and len(key.encode()) >= SHORTEST_HELD and len(tokens(sealed[place])) >= 8))
        ]
        answer += [(row, min(held)[1])] if held else []
    return answer


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_a_disguised_copy_is_found_alone_and_in_a_longer_row(disguise) -> None:
    """What is pointed at is the copy, and nothing beside it but what parts its letters."""
    copy = disguise(SEALED)
    answer = found(["something else that is sealed, of nine words", SEALED], [copy, f"They wrote: {copy} Well, well."])
    assert [(row, place) for row, place, _ in answer] == [(0, 1), (1, 1)]
    assert {skeleton(pointed) for _, _, pointed in answer} == {skeleton(SEALED)}


LETTERS = st.sampled_from("abcdehinostuvy 0134!'-éßжкдη日本" + "\u0301\u200b")
TEXTS = st.lists(st.text(LETTERS, max_size=60), max_size=6)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(DISGUISES.values()))), max_size=4))
def test_the_answers_are_those_of_comparing_every_pair(sealed, rows, copies) -> None:
    """Over odd texts of several scripts, with disguised copies of sealed ones among them."""
    rows = rows + [f"{rows[0] if rows else ''} {disguise(sealed[n % len(sealed)])}" for n, disguise in copies if sealed]
    assert [(row, place) for row, place, _ in found(sealed, rows)] == by_hand(sealed, rows)


@settings(max_examples=60, deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz ", min_size=60, max_size=200), st.sampled_from(list(DISGUISES.values())))
def test_any_long_text_is_found_in_any_disguise(text, disguise) -> None:
    """As a whole row, however few its words are."""
    if len(skeleton(text)) < SHORTEST:
        return
    assert [(row, place) for row, place, _ in found([text], [disguise(text)])] == [(0, 0)]


def test_short_sealed_rows_count_only_as_a_whole() -> None:
    """Of few words or letters: within a longer row they stand by chance, and under 16 letters they prove nothing."""
    few_words, few_letters, tiny = "unbelievably disappointing headphones", "it is as it is as it is", "it died"
    sealed = [few_words, few_letters, tiny]
    assert len(skeleton(few_words)) >= SHORTEST_HELD
    assert found(sealed, [f"well {few_words}", f"so {few_letters} then", tiny, "itdied"]) == []
    assert [(row, place) for row, place, _ in found(sealed, [few_words.replace(" ", "_"), "itisasitisasitis"])] == [
        (0, 0),
        (1, 1),
    ]


@pytest.mark.parametrize("rows", [[], [""], ["!"], ["\u0301" * 40], ["a"], ["😀" * 40]])
def test_texts_of_nothing_are_no_copies(rows) -> None:
    """Neither sealed nor asked: empty, one character, marks and signs alone."""
    assert found(rows, [SEALED]) == []
    assert found([SEALED], rows) == []
    assert found(rows, rows) == []


def test_of_several_that_a_row_holds_the_longest_is_told() -> None:
    """Of equal ones the first."""
    longer = f"{SEALED} Not once."
    assert [place for _, place, _ in found([SEALED, longer, longer.upper()], [f"{longer} So."])] == [1]


def test_a_skeleton_is_letters_and_digits_of_one_form() -> None:
    """Idempotent, and free of marks, spaces and signs."""
    once = skeleton("Ünïcode, l00k-alikes & \N{CYRILLIC SMALL LETTER ER}rices: €5 Ⅷ")
    assert skeleton(once) == once
    assert all(unicodedata.category(one)[0] in "LN" for one in once)


@settings(max_examples=300)
@given(
    st.text(st.characters() | st.sampled_from("\u0345\u0301\u03b1\u1fb3\u1100\u1161\u1160\u200b\u0130 e'"), max_size=80)
)
def test_a_skeleton_is_that_of_the_normal_form(text) -> None:
    """Though it is read character by character, and by a kernel where all is ASCII."""
    assert skeleton(text) == skeleton(normalize(text)) == "".join(skeleton(one) for one in normalize(text))
    given = text.encode("utf-8", "replace").decode()
    both = [given, given.encode("ascii", "ignore").decode()]
    assert Prepared(pl.Series(both)).skeletons.series().to_list() == [skeleton(one) for one in both]


def test_marks_beyond_thirty_are_no_letters() -> None:
    """The mark that case folding makes a letter counts as far as the normal form keeps it."""
    text = "\u03b1" + "\u0301" * 31 + "\u0345"
    assert skeleton(text) == skeleton(normalize(text))
