"""Planted leaks are what they are said to be, and hang on nothing but the rows that they are made of."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from careful_assets.evaluation.planting import (
    BUILT,
    DISGUISE,
    EMBEDDED,
    PARAPHRASE,
    PUNCTUATION,
    SHORT,
    SWAPS,
    TRUNCATED,
    VERBATIM,
    Leak,
    Pair,
    pair_id,
    paraphrase_leaks,
    paraphrase_pairs,
    planted_leaks,
)
from careful_assets.text.normalize import normalize, tokens
from careful_assets_tests.filtering.frames import sentences

OTHERS = sentences(30, 5)
ROWS = pl.DataFrame({"row_id": [f"r{n:03}" for n in range(60)], "text": sentences(60, 4)})
LONG = " ".join(f"word{n}" for n in range(40))


def of_kind(leaks: list[Leak], kind: str) -> list[Leak]:
    """Those of one kind."""
    return [leak for leak in leaks if leak.kind == kind]


def one_row(text: str) -> list[Leak]:
    """The leaks of a single row."""
    return planted_leaks(pl.DataFrame({"row_id": ["r"], "text": [text]}), OTHERS)


def runs_of(text: str, size: int) -> set[tuple[str, ...]]:
    """Its runs of so many words."""
    words = tokens(text)
    return {tuple(words[start : start + size]) for start in range(len(words) - size + 1)}


def likeness(one: str, other: str) -> float:
    """Jaccard similarity of the normal forms' character 5-grams."""
    first, second = ({text[at : at + 5] for at in range(len(text) - 4)} for text in (normalize(one), normalize(other)))
    return len(first & second) / len(first | second)


def test_there_are_two_hundred_pairs_all_distinct() -> None:
    """200 pairs of 400 different sentences."""
    pairs = paraphrase_pairs()
    assert len(pairs) == 200
    assert len({normalize(text) for pair in pairs for text in (pair.original, pair.paraphrase)}) == 400
    assert len({pair_id(pair) for pair in pairs}) == 200


@pytest.mark.parametrize("pair", paraphrase_pairs(), ids=pair_id)
def test_a_paraphrase_shares_the_meaning_and_not_the_words(pair: Pair) -> None:
    """9 to 35 words, at least 8 in other words; no run of 8 words and less than four in ten 5-grams are shared."""
    assert 9 <= len(tokens(pair.original)) <= 35
    assert len(tokens(pair.paraphrase)) >= 8
    assert not runs_of(pair.original, 8) & runs_of(pair.paraphrase, 8)
    assert likeness(pair.original, pair.paraphrase) < 0.4


def test_every_row_gives_a_leak_of_every_kind() -> None:
    """Rows of 10 words and more give one leak a kind; no kind is missing."""
    long = [row_id for row_id, text in ROWS.iter_rows() if len(tokens(text)) >= 10]
    leaks = planted_leaks(ROWS, OTHERS)
    for kind in BUILT:
        assert set(long) <= {leak.source for leak in of_kind(leaks, kind)}, kind
    assert max(Counter((leak.kind, leak.source) for leak in leaks).values()) == 1


def test_leaks_hang_on_the_rows_and_on_no_order() -> None:
    """The same rows in another order, or among others, give the same leaks."""
    leaks = planted_leaks(ROWS, OTHERS)
    assert planted_leaks(ROWS.reverse(), OTHERS) == leaks
    first = ROWS["row_id"][0]
    assert planted_leaks(ROWS.head(1), OTHERS) == [leak for leak in leaks if leak.source == first]


def test_case_and_punctuation_keep_the_words() -> None:
    """A rewritten row has the row's words in their order, and is not written as it is."""
    texts = dict(ROWS.iter_rows())
    for leak in of_kind(planted_leaks(ROWS, OTHERS), PUNCTUATION):
        assert tokens(leak.text) == tokens(texts[leak.source])
        assert leak.text != texts[leak.source]


def test_swaps_are_few_in_short_rows_and_more_in_long_ones() -> None:
    """Up to two places in a row of 8 to 9 words differ, up to ten in one of 40, and always some."""
    texts = dict(ROWS.iter_rows()) | {"r": LONG}
    for leak in of_kind(planted_leaks(ROWS, OTHERS), SWAPS) + of_kind(one_row(LONG), SWAPS):
        before, after = texts[leak.source].split(), leak.text.split()
        changed = sum(one != other for one, other in zip(before, after, strict=True))
        assert changed <= 2 * (1 + len(before) // 10)
    assert (
        sum(
            one != other for one, other in zip(LONG.split(), of_kind(one_row(LONG), SWAPS)[0].text.split(), strict=True)
        )
        > 2
    )


def test_a_truncation_keeps_the_beginning_or_the_end() -> None:
    """60 to 80% of the words, from the first on or up to the last, and both happen."""
    texts = dict(ROWS.iter_rows())
    from_start = 0
    leaks = of_kind(planted_leaks(ROWS, OTHERS), TRUNCATED)
    for leak in leaks:
        before, after = texts[leak.source].split(), leak.text.split()
        assert 0.6 * len(before) <= len(after) <= 0.8 * len(before)
        assert after in (before[: len(after)], before[-len(after) :])
        from_start += after == before[: len(after)]
    assert 0 < from_start < len(leaks)


def test_an_embedded_row_stands_whole_between_others() -> None:
    """Before and after it are sentences of others."""
    texts = dict(ROWS.iter_rows())
    for leak in of_kind(planted_leaks(ROWS, OTHERS), EMBEDDED):
        before, after = leak.text.split(f" {texts[leak.source]} ")
        assert any(before.endswith(one) for one in OTHERS)
        assert any(after.startswith(one) for one in OTHERS)


def test_a_short_row_gives_copies_apart() -> None:
    """Seven words: verbatim and rewritten, under names of their own, and nothing else."""
    leaks = one_row("seven words are not enough to judge")
    assert [leak.kind for leak in leaks] == [VERBATIM + SHORT, PUNCTUATION + SHORT]
    assert all(leak.is_short for leak in leaks)


def test_a_row_too_short_to_cut_is_not_cut() -> None:
    """Of nine words 80% are seven: no truncation, but all other kinds."""
    kinds = [leak.kind for leak in one_row("these nine words are just too few to cut")]
    assert TRUNCATED not in kinds
    assert {VERBATIM, PUNCTUATION, SWAPS, EMBEDDED, DISGUISE} == set(kinds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!?",
        "x" * 5_000,
        "\u7535\u6c60\u53ea\u80fd\u7528\u56db\u4e2a\u5c0f\u65f6\u5c31\u6ca1\u7535\u4e86",
        "\U0001f600 " * 20,
    ],
)
def test_odd_rows_are_planted_or_left_out_but_stop_nothing(text: str) -> None:
    """No words, one long word, ideographs without spaces, emoji."""
    kinds = {leak.kind for leak in one_row(text)}
    judged = len(tokens(text)) >= 8
    assert (VERBATIM in kinds) == judged
    assert (VERBATIM + SHORT in kinds) != judged


def test_without_other_texts_nothing_is_buried_or_swapped() -> None:
    """Copies, rewritten and cut rows need no others."""
    kinds = {leak.kind for leak in planted_leaks(ROWS, [])}
    assert {VERBATIM, PUNCTUATION, TRUNCATED} <= kinds
    assert not kinds & {SWAPS, EMBEDDED}


def test_paraphrases_point_at_their_originals() -> None:
    """One leak a pair, its source the id under which the original is sealed."""
    pairs = paraphrase_pairs()[:3]
    assert [(leak.kind, leak.text, leak.source) for leak in paraphrase_leaks(pairs)] == [
        (PARAPHRASE, pair.paraphrase, pair_id(pair)) for pair in pairs
    ]
