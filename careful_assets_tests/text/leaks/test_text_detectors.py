"""The text detectors: planted truths by kind, and each against counting by hand."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash, MinHashLSH, MinHashLSHEnsemble
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text.leaks.containment import LONGER, ContainmentDetector
from careful_assets.text.leaks.exact import ExactDetector
from careful_assets.text.leaks.near import MISS, NearDuplicateDetector
from careful_assets.text.leaks.ngrams import MOST_DOCUMENTS, MOST_SHARE, NgramDetector
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Detector
from careful_assets.text.leaks.scan import LeakScan
from careful_assets.text.ngrams import character_shingles
from careful_assets.text.normalize import normalize, tokens
from careful_assets_tests.benchmarks.near_joining import Corpus

SEALED = (
    "The battery of this camera lasts two days if you switch the screen off, which I never do.",
    "I sent it back after a week because the lens cap kept falling off and nobody answered me.",
    "Good.",
    "",
)
ODD = [
    "",
    "a",
    "  ",
    "\U0001f600" * 30,
    "שלום " * 12,
    "!!! ... ---",
    "don't 'n' rock''n",
    "東京タワー は a'漢'b",
    "x\x1cy\x00z",
]
ALL = [
    ExactDetector(), NgramDetector(8, 300, []), NgramDetector(13, 300, []), NearDuplicateDetector(500),
    ContainmentDetector(700),
]  # fmt: skip
LETTERS = st.lists(st.sampled_from(["aa", "ab", "ba", "é", "bb", "a'b", "漢", "."]), max_size=24).map(" ".join)


def series(texts: list[str] | tuple[str, ...]) -> pl.Series:
    return pl.Series("text", list(texts), dtype=pl.String)


def found(detector: Detector, sealed: list[str] | tuple[str, ...], asked: list[str]) -> dict[int, tuple[int, ...]]:
    """By row: sealed row, shared, of, start, stop."""
    answer = detector.index(Prepared(series(sealed))).find(Prepared(series(asked)))
    assert (np.diff(answer.asked) > 0).all()
    assert (answer.score == answer.shared * 1000 // answer.of).all()
    columns = (answer.asked, answer.sealed, answer.shared, answer.of, answer.start, answer.stop)
    return {row[0]: tuple(row[1:]) for row in zip(*(column.tolist() for column in columns), strict=True)}


@settings(deadline=None)
@given(st.lists(st.text(max_size=30) | st.text("aB'9 ._-\t\n\x1c\x00|`", max_size=30) | LETTERS, max_size=6))
def test_texts_are_made_ready_as_normalize_and_tokens_do(texts: list[str]) -> None:
    """Normal forms, words and where they lie, in batches of ASCII and other texts."""
    texts = [text.encode("utf-8", "ignore").decode() for text in texts] + ODD
    rows = Prepared(series(texts))
    bounds = rows.normal.offsets.tolist()
    forms = [rows.normal.data[a:b].tobytes().decode() for a, b in pairwise(bounds)]
    assert forms == [normalize(text) for text in texts]
    words = rows.words
    hashes: dict[str, int] = {}
    for number, text in enumerate(texts):
        own = range(words.offsets[number], words.offsets[number + 1])
        assert [forms[number][words.starts[k] : words.stops[k]] for k in own] == tokens(text)
        for k, word in zip(own, tokens(text), strict=True):
            assert hashes.setdefault(word, int(words.hashes[k])) == words.hashes[k]
    assert len(set(hashes.values())) == len(hashes)
    assert rows.word_counts.tolist() == [len(tokens(text)) for text in texts]


@pytest.mark.parametrize(
    ("detector", "leak", "start"),
    [
        (ExactDetector(), SEALED[0], 0),
        (ExactDetector(), SEALED[0].upper() + " \n", 0),
        (ExactDetector(), "GOOD .", None),
        (NgramDetector(8, 300, []), "They wrote: " + SEALED[0], 11),
        (NgramDetector(13, 300, []), "They wrote: " + SEALED[0], 11),
        (NgramDetector(8, 300, []), " ".join(SEALED[1].split()[:12]), 0),
        (NearDuplicateDetector(500), SEALED[1].replace("week", "month"), None),
        (NearDuplicateDetector(500), "GOOD .", None),
        (ContainmentDetector(700), "Something else was said here. " * 9 + SEALED[0] + " And on it went." * 9, None),
        (ContainmentDetector(700), "x " * 400 + SEALED[1].replace("lens", "le"), None),
    ],
)  # fmt: skip
def test_planted_leaks_are_found(detector: Detector, leak: str, start: int | None) -> None:
    """Each kind by its detector, with the sealed row, and where it lies; the clean row beside it is not."""
    clean = "Quite another text about a kettle that whistles far too early every morning."
    answer = found(detector, SEALED, [clean, leak])
    assert list(answer) == [1]
    sealed = SEALED[answer[1][0]]
    assert len(set(tokens(sealed)) & set(tokens(leak))) * 2 >= len(set(tokens(sealed)))
    if start is not None:
        assert answer[1][3] == start


def test_the_span_of_a_contained_row_is_where_it_stands() -> None:
    """Start and stop are characters of the normal form, in which letters of two bytes count once."""
    text = "É" * 50 + " " + SEALED[0] + " " + "ü" * 60 + " one two three four five six seven"
    (_, shared, of, start, stop) = found(ContainmentDetector(700), SEALED, [text])[0]
    assert shared == of
    assert normalize(text)[start:stop] == normalize(SEALED[0])


def test_what_many_documents_hold_flags_nothing() -> None:
    """A disclaimer in more documents than a few weighs nothing, in sealed or reference rows; a rare text does."""
    boiler = "this text was written by a customer who may have been paid for it in kind"
    sealed = [f"{boiler} and row number {k} says something of its own k{k} l{k} m{k} n{k}" for k in range(2)]
    few = found(NgramDetector(8, 300, []), sealed, [boiler])
    many = found(NgramDetector(8, 300, [series([boiler] * MOST_DOCUMENTS)]), sealed, [boiler, sealed[1]])
    assert list(few) == [0]
    assert list(many) == [1]
    assert many[1][0] == 1


def shared_grams(sealed: list[str], row: str, size: int) -> list[tuple[int, int]]:
    """By sealed row: the weight shared, and the lesser weight."""

    def grams(text: str) -> set[tuple[str, ...]]:
        words = tokens(text)
        return (
            {tuple(words[k : k + size]) for k in range(len(words) - size + 1)}
            if len(words) >= SHORTEST_JUDGED
            else set()
        )

    sets = [grams(text) for text in sealed]

    def weight(gram: tuple[str, ...]) -> int:
        df = sum(gram in one for one in sets)
        if df > max(MOST_DOCUMENTS, len(sealed) // MOST_SHARE):
            return 0
        return round(math.log(1 + len(sealed) / max(1, df)) * 1_000_000)

    own = grams(row)
    return [(sum(map(weight, one & own)), min(sum(map(weight, one)), sum(map(weight, own)))) for one in sets]


@settings(deadline=None)
@given(st.lists(LETTERS, max_size=6), st.lists(LETTERS, max_size=6), st.sampled_from([3, 8]))
def test_ngrams_against_counting(sealed: list[str], asked: list[str], size: int) -> None:
    """The weights by hand, the best sealed row, and no other row."""
    asked = asked + [f"{one} {other}" for one, other in zip(sealed, asked, strict=False)]
    answer = found(NgramDetector(size, 300, []), sealed, asked)
    for row, text in enumerate(asked):
        pairs = shared_grams(sealed, text, size)
        passing = [(-both / of, place) for place, (both, of) in enumerate(pairs) if both and both * 1000 >= 300 * of]
        assert (row in answer) == bool(passing)
        if passing:
            place = min(passing)[1]
            assert answer[row][:3] == (place, *pairs[place])


@settings(deadline=None)
@given(st.lists(LETTERS, max_size=8), st.lists(LETTERS, max_size=8), st.sampled_from([1, 300, 500, 501, 900, 1000]))
def test_near_copies_against_counting(sealed: list[str], asked: list[str], threshold: int) -> None:
    """At any threshold: what is found is counted exactly, reaches it, and equal sets are found, the first of them."""
    answer = found(NearDuplicateDetector(threshold), sealed, asked + sealed)
    sets = [character_shingles(text) for text in sealed]
    for row, text in enumerate(asked + sealed):
        own = character_shingles(text)
        if row in answer:
            place, shared, of = answer[row][:3]
            assert (shared, of) == (len(own & sets[place]), len(own | sets[place]))
            assert shared * 1000 >= threshold * of
        if own and own in sets:
            assert answer[row][0] == sets.index(own)


def test_near_copies_are_missed_once_in_a_thousand_times() -> None:
    """Of 1,500 pairs that lie just above the threshold, no more are missed than promised, and three deviations."""
    corpus = Corpus(11)
    sealed = [corpus._sentence() for _ in range(1_500)]
    rows, near = [], []
    for text in sealed:
        words, own = text.split(), character_shingles(text)
        # Its words are replaced from behind for as long as it stays near.
        for count in range(1, len(words)):
            row = " ".join([*words[:-count], *corpus._sentence().split()[:count]])
            other = character_shingles(row)
            if len(own & other) * 2 < len(own | other):
                break
            last, like = row, len(own & other) / len(own | other)
        rows.append(last)
        near.append(like)
    assert 0.5 <= min(near) <= sum(near) / len(near) <= 0.58
    missed = len(rows) - len(found(NearDuplicateDetector(500), sealed, rows))
    assert missed <= len(rows) * MISS + 3 * math.sqrt(len(rows) * MISS)


def windowed(sealed: str, row: str) -> tuple[int, int]:
    """The most shingles of a sealed row in a window of its length, and how many it has."""
    form, own = normalize(row), normalize(sealed)
    cut = [form[k : k + 5] for k in range(max(1, len(form) - 4))]
    width, members = max(1, len(own) - 4), character_shingles(sealed)
    return max(len(members & set(cut[k : k + width])) for k in range(max(1, len(cut) - width + 1))), len(members)


@settings(deadline=None)
@given(st.lists(LETTERS, max_size=6), st.lists(LETTERS, max_size=6), st.sampled_from([300, 700, 1000]))
def test_no_contained_row_is_missed(sealed: list[str], asked: list[str], threshold: int) -> None:
    """Against counting every window of every pair."""
    asked = asked + [f"{one} {other} {one} {other}" for one, other in zip(asked, sealed, strict=False)]
    answer = found(ContainmentDetector(threshold), sealed, asked)
    judged = [len(tokens(text)) >= SHORTEST_JUDGED for text in sealed]
    for row, text in enumerate(asked):
        pairs = [windowed(one, text) for one in sealed]
        passing = [
            (-both / of, k) for k, (both, of) in enumerate(pairs)
            if judged[k] and len(tokens(text)) >= SHORTEST_JUDGED
            and len(normalize(text)) * 1000 >= len(normalize(sealed[k])) * LONGER and both * 1000 >= threshold * of
        ]  # fmt: skip
        assert (row in answer) == bool(passing)
        if passing:
            place = min(passing)[1]
            assert answer[row][:3] == (place, *pairs[place])


def minhash(text: str) -> MinHash:
    made = MinHash(num_perm=128)
    made.update_batch([shingle.encode() for shingle in character_shingles(text)])
    return made


def test_datasketch_finds_no_leak_that_is_missed() -> None:
    """MinHashLSH for near copies and LSH Ensemble for containment propose; what holds up by counting is found."""
    corpus = Corpus(3)
    sealed = [corpus._sentence() for _ in range(60)]
    parts = [" ".join(row.split()[2:-1]) for row in sealed]
    long = [f"{corpus._sentence()} {part} {corpus._sentence()}" for part in parts]
    asked = [*(corpus._copy(row) for row in sealed), *parts, *long]
    near, holding = MinHashLSH(threshold=0.5, num_perm=128), MinHashLSHEnsemble(threshold=0.7, num_perm=128)
    signatures = [(k, minhash(row), len(character_shingles(row))) for k, row in enumerate(asked)]
    for k, signature, _ in signatures:
        near.insert(k, signature)
    holding.index(signatures)
    copies, contained = found(NearDuplicateDetector(500), sealed, asked), found(ContainmentDetector(700), sealed, asked)
    for row in sealed:
        own = character_shingles(row)
        for k in near.query(minhash(row)):
            other = character_shingles(asked[k])
            assert k in copies or len(own & other) * 2 < len(own | other)
        for k in holding.query(minhash(row), len(own)):
            assert k < 120 or k in contained or windowed(row, asked[k])[0] * 10 < 7 * len(own)
    assert len(copies) > 100
    assert len(contained) > 40
    assert min(contained) >= 120  # those before are no longer than sealed rows, and asked about none


@pytest.mark.parametrize("detector", ALL, ids=lambda one: one.name)
def test_odd_texts_and_an_empty_sealed_side(detector: Detector) -> None:
    """Texts without words, of one token, of a megabyte, right to left: an answer; no sealed rows or rows: none."""
    rows = [*ODD, "word " * 200_000, SEALED[0] + " tail" * 200_000, "ä" * 500_000]
    assert found(detector, [], rows) == {}
    assert found(detector, rows, []) == {}
    answer = found(detector, [*SEALED, *ODD], rows)
    if detector.name == "containment":
        assert answer[len(ODD) + 1][:1] == (0,)


@pytest.mark.parametrize("detector", ALL, ids=lambda one: one.name)
def test_an_answer_hangs_on_no_other_row(detector: Detector) -> None:
    """Asked together, one by one or in another order, rows get the same; templates of thousands of rows end, too."""
    corpus = Corpus(5)
    sealed = [corpus._sentence() for _ in range(200)] + [
        f"Dear customer {k}, your order number {k * 7919} has left our warehouse and will be with you soon"
        for k in range(3000)
    ]  # fmt: skip
    asked = [corpus._copy(random.Random(k).choice(sealed)) for k in range(300)]
    index = detector.index(Prepared(series(sealed)))
    whole, mirrored = index.find(Prepared(series(asked))), index.find(Prepared(series(asked[::-1])))
    names = ("sealed", "score", "shared", "of", "start", "stop")
    assert (whole.asked == len(asked) - 1 - mirrored.asked[::-1]).all()
    for name in names:
        assert (getattr(whole, name) == getattr(mirrored, name)[::-1]).all()
    for k in range(0, 300, 30):
        alone = index.find(Prepared(series([asked[k]])))
        place = np.flatnonzero(whole.asked == k)
        assert [getattr(alone, name).tolist() for name in names] == [
            getattr(whole, name)[place].tolist() for name in names
        ]


def test_a_text_that_is_none_stops_the_scan() -> None:
    """A null among the rows is an error, not a clean row."""
    frame = pl.DataFrame({"row_id": ["a"], "text": pl.Series([None], dtype=pl.String)})
    with pytest.raises(TypeError, match="null"):
        LeakScan(ALL, 60).run(series(SEALED), [frame])
