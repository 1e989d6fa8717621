"""Near copies by bands: each step against its definition, and the components against counting every candidate pair."""

from __future__ import annotations

import random
from math import comb

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text import buckets, minhash
from careful_assets.text.buckets import Buckets
from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.minhash import (
    BANDS,
    ROWS,
    Bands,
    candidate_pairs,
    near_components,
    overlaps,
    representatives,
    verified,
)
from careful_assets.text.near import near_components as exact_components
from careful_assets.text.normalize import normalize
from careful_assets.text.shingles import ShingleSets
from careful_assets_tests.text.test_near import (
    THRESHOLDS,
    components_by_walking,
    kindred_texts,
    near_by_counting,
    templates,
)

ANY_TEXTS = st.lists(st.text(max_size=40).map(normalize), max_size=8)


def pairs_of(left: np.ndarray, right: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(left.tolist(), right.tolist(), strict=True))


def agreeing(bands: Bands, first: int = 0) -> list[tuple[int, int]]:
    """All pairs with an equal hash in one band, the second from `first` on, by looking at each pair."""
    numbers = bands.numbers.tolist()
    return [
        (numbers[a], numbers[b])
        for a in range(len(numbers))
        for b in range(a + 1, len(numbers))
        if numbers[b] >= first and (bands.hashes[:, a] == bands.hashes[:, b]).any()
    ]


def joined(texts: list[str] | pl.Series, thousandths: int = 700) -> list[int]:
    flat = FlatTexts.of(texts)
    return near_components(flat, Buckets(flat), thousandths).tolist()


@settings(deadline=None)
@given(ANY_TEXTS, st.integers(0, 3))
def test_a_buffer_holds_the_texts(texts, skipped):
    """From a list and from a series, a slice of one too: the same bytes between the same offsets."""
    for flat, expected in (
        (FlatTexts.of(texts), texts),
        (FlatTexts.of(pl.Series(texts, dtype=pl.String)), texts),
        (FlatTexts.of(pl.Series(texts, dtype=pl.String)[skipped:]), texts[skipped:]),
    ):
        own = [flat.data[a:b].tobytes().decode() for a, b in zip(flat.offsets, flat.offsets[1:], strict=False)]
        assert own == expected
        assert len(flat) == len(expected)


@settings(deadline=None)
@given(ANY_TEXTS)
def test_shingles_have_one_definition(texts):
    """The kernel cuts UTF-8 into the very hashes that `ShingleSets.of` makes of the strings; surrogates and all."""
    from careful_assets.text.minhash_kernel import cut

    texts = [*texts, "\ud800 alone", "\U0010ffff\U00010000é字ab"]
    flat, sets = FlatTexts.of(texts), ShingleSets.of(texts)
    for i in range(len(texts)):
        out = np.zeros(max(1, flat.sizes[i]), dtype=np.uint64)
        found = cut(flat.data, flat.offsets[i], flat.offsets[i + 1], out)
        assert (
            np.unique(out[:found].view(np.int64)).tolist()
            == sets.hashes[sets.offsets[i] : sets.offsets[i + 1]].tolist()
        )


def test_bands_are_pinned():
    """The stated permutations and digests: bands are kept from round to round, so that they may never change."""

    def mixed(bits: int) -> int:
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
        return bits ^ bits >> 31

    drawn = [mixed((k + 1) * 0x9E3779B97F4A7C15 % 2**64) for k in range(BANDS * (ROWS + 1))]
    for text in ("near copies are found by bands of minima", "ab"):
        shingles = ShingleSets.of([text]).hashes.tolist()
        expected = []
        for band in range(BANDS):
            digest = drawn[BANDS * ROWS + band]
            for bits in drawn[band * ROWS : (band + 1) * ROWS]:
                digest = mixed(
                    (digest + min(((bits % 2**32 | 1) * x + (bits >> 32)) % 2**32 for x in shingles)) % 2**64
                )
            expected.append(digest - 2**64 if digest >= 2**63 else digest)
        assert Bands.of(FlatTexts.of([text])).hashes[:, 0].tolist() == expected
    assert Bands.of(FlatTexts.of(["phone"])).hashes[0, 0] == -8058705960776567909


@settings(deadline=None)
@given(kindred_texts(), st.integers(0, 5), st.integers(0, BANDS))
def test_bands_do_not_hang_on_their_company(texts, first, cut_at):
    """A text's bands are the same alone, among others, and made in two parts; texts without shingles have none."""
    flat = FlatTexts.of(texts)
    first = min(first, len(texts))
    whole = Bands.of(flat)
    assert whole.numbers.tolist() == [i for i, text in enumerate(texts) if text]
    for i, number in enumerate(whole.numbers.tolist()):
        assert Bands.of(FlatTexts.of([texts[number]])).hashes[:, 0].tolist() == whole.hashes[:, i].tolist()
    parts = [Bands.of(flat, bands=some).hashes for some in (range(cut_at), range(cut_at, BANDS))]
    assert np.concatenate(parts).tolist() == whole.hashes.tolist()
    grown = Bands.of(flat, first).after(Bands.of(FlatTexts.of(texts[:first])))
    assert (grown.numbers.tolist(), grown.hashes.tolist()) == (whole.numbers.tolist(), whole.hashes.tolist())


@settings(deadline=None)
@given(kindred_texts(), st.data())
def test_overlaps_are_counted(texts, data):
    """Shared and all shingles of any pairs, as the sets say; repeated ones count once."""
    texts = [*texts, "abcabcabcabc", "abcabcabcabcabc", "bcabcaaaaaaaaa", "a", ""]
    pairs = data.draw(st.lists(st.tuples(*[st.sampled_from(range(len(texts)))] * 2), max_size=20))
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    shared, union = overlaps(FlatTexts.of(texts), left, right)
    sets = ShingleSets.of(texts)
    own = [set(sets.hashes[sets.offsets[i] : sets.offsets[i + 1]].tolist()) for i in range(len(texts))]
    counted = [(len(own[i] & own[j]), len(own[i] | own[j])) for i, j in pairs]
    assert pairs_of(shared, union) == counted
    near = verified(FlatTexts.of(texts), left, right, 700)
    assert list(zip(*(column.tolist() for column in near), strict=True)) == [
        (*pair, *counts)
        for pair, counts in zip(pairs, counted, strict=True)
        if counts[0] * 1000 >= 700 * max(1, counts[1])
    ]


@settings(deadline=None)
@given(kindred_texts(), st.integers(0, 30))
def test_candidates_share_a_band(texts, first):
    """The buckets hand out exactly the pairs that agree in a band, one of the two new."""
    flat = FlatTexts.of(texts)
    bands = Bands.of(flat)
    assert pairs_of(*candidate_pairs(Buckets(flat, bands, first), len(texts))) == agreeing(bands, first)
    assert pairs_of(*candidate_pairs(Buckets(flat, first=first), len(texts))) == agreeing(bands, first)


@settings(deadline=None, max_examples=100)
@given(kindred_texts(), THRESHOLDS)
def test_components_are_those_of_verified_candidates(texts, thousandths):
    """Skipping pairs within a component changes nothing: each text's smallest reachable index, by brute force."""
    near = near_by_counting(texts, thousandths)
    verified = {pair for pair in agreeing(Bands.of(FlatTexts.of(texts))) if pair in near}
    both_ways = verified | {(j, i) for i, j in verified}
    assert joined(texts, thousandths) == components_by_walking(len(texts), both_ways)


@settings(deadline=None, max_examples=60)
@given(kindred_texts(), THRESHOLDS, st.integers(0, 30))
def test_a_later_round_joins_what_one_round_joins(texts, thousandths, first):
    """New texts against the standing bands and components of older ones: the components of all texts at once."""
    first = min(first, len(texts))
    older = FlatTexts.of(texts[:first])
    standing, known = Bands.of(older), near_components(older, Buckets(older), thousandths)
    flat = FlatTexts.of(texts)
    bands = Bands.of(flat, first).after(standing)
    root = near_components(flat, Buckets(flat, bands, first), thousandths, known)
    assert root.tolist() == joined(texts, thousandths)


def test_a_later_round_tries_no_old_pairs(monkeypatch):
    """One new row against 3,000 of five templates: only pairs with the new row are counted."""
    tried = counted_pairs(monkeypatch)
    texts = templates(random.Random(8), 3_000)
    flat = FlatTexts.of([*texts, texts[5] + " again"])
    near_components(flat, Buckets(flat, first=3_000), known=np.arange(3_001))
    assert sum(len(right) for _, right in tried) > 0
    assert all((right == 3_000).all() for _, right in tried)


def counted_pairs(monkeypatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """All pairs that will be counted."""
    tried = []
    monkeypatch.setattr(minhash, "overlaps", lambda texts, i, j: (tried.append((i, j)), overlaps(texts, i, j))[1])
    return tried


def test_templates_stay_cheap(monkeypatch):
    """20,000 rows of one template (200 million near pairs), and as many equal ones: under three counts a row."""
    tried = counted_pairs(monkeypatch)
    rng = random.Random(2)
    orders = [
        f"your order {rng.randrange(10**5):05d} has been shipped and will be with you in three days"
        for _ in range(20_000)
    ]
    texts = [text for order in orders for text in (order, "the same words over and over again")]
    assert joined(texts) == [0, 1] * 20_000
    assert 0 < sum(len(left) for left, _ in tried) < 3 * len(texts)


def test_parts_are_bounded(monkeypatch):
    """However large a bucket of rows that stay apart: pairs come some at a time, and none is left out."""
    rng = random.Random(4)
    texts = ["of one beginning " + "".join(rng.choices("abcdefghij", k=60)) for _ in range(300)]
    flat = FlatTexts.of(texts)
    one_band = np.tile(np.where(np.arange(300) % 3 == 0, 7, 8), (BANDS, 1))
    whole = pairs_of(*candidate_pairs(Buckets(flat, Bands(np.arange(300), one_band)), 300))
    assert len(whole) == comb(100, 2) + comb(200, 2)
    monkeypatch.setattr(buckets, "_PAIRS_AT_ONCE", 500)
    found = Buckets(flat, Bands(np.arange(300), one_band[:1]))
    sizes = [len(left) for left, _ in found.pairs(np.arange(300))]
    assert len(sizes) > 40
    assert max(sizes) <= 500
    assert pairs_of(*candidate_pairs(found, 300)) == whole


def test_few_bands_at_once_give_the_same(monkeypatch):
    """Memory bounded by making bands two at a time, and hashing in parts: the same components."""
    texts = templates(random.Random(8), 500)
    whole = joined(texts)
    monkeypatch.setattr(buckets, "_HASHES_AT_ONCE", 1)
    monkeypatch.setattr(minhash, "_BYTES_AT_ONCE", 1 << 10)
    assert joined(texts) == whole
    assert 20 < len(set(whole)) < 480


@pytest.mark.parametrize(("shared", "pairs"), [(70, 4_000), (40, 4_000)])
def test_candidates_come_as_often_as_stated(shared, pairs):
    """Pairs of exactly that similarity, unrelated to each other: 1 - (1 - s^5)^25 of them, give or take 5 sigma."""
    rng = np.random.default_rng(11)
    codes = rng.integers(0x20000, 0x2FFFF, size=(pairs, 104))
    # The first 74 (44) code points of one text are the beginning of the other: that many, less 4, of 100 shingles.
    texts = [text for row in codes for text in ("".join(map(chr, row)), "".join(map(chr, row[: shared + 4])))]
    left, right = candidate_pairs(Buckets(FlatTexts.of(texts)), len(texts))
    found = int(((left % 2 == 0) & (right == left + 1)).sum())
    expected = 1 - (1 - (shared / 100) ** ROWS) ** BANDS
    assert abs(found - pairs * expected) < 5 * (pairs * expected * (1 - expected)) ** 0.5
    assert len(left) - found < 10


def test_recall_against_the_exact_search():
    """20,000 rows of 110 characters, 15% near copies: at least 99% of the rows with a neighbour, none without."""
    rows = corpus(20_000)
    exact, ours = exact_components(ShingleSets.of(rows)), np.array(joined(rows))
    assert recall(exact, ours) >= 0.99
    # Whatever is joined is joined by exact pairs alone: no component of ours reaches over two of theirs.
    assert (exact[ours] == exact).all()


@pytest.mark.soak
def test_recall_against_the_exact_search_at_length():
    """The same with 100,000 rows for 20,000: some 24,000 rows with a neighbour bound the recall to ± 0.002."""
    rows = corpus(100_000)
    exact, ours = exact_components(ShingleSets.of(rows)), np.array(joined(rows))
    assert recall(exact, ours) >= 0.99
    assert (exact[ours] == exact).all()


def corpus(n: int) -> list[str]:
    """Made-up words; 15% copies of earlier rows with one to three words exchanged."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnoprstuvwz", k=rng.randint(2, 9))) for _ in range(8_000)]
    rows: list[str] = []
    for _ in range(n):
        own = rng.choice(rows).split(" ") if rows and rng.random() < 0.15 else rng.choices(words, k=17)
        if rows:
            own = [rng.choice(words) if rng.random() < 0.12 else word for word in own]
        rows.append(" ".join(own)[:110].strip())
    return rows


def recall(exact: np.ndarray, ours: np.ndarray) -> float:
    """Of the texts with a near copy, those that have one by ours."""
    has, found = (np.bincount(root, minlength=len(root))[root] > 1 for root in (exact, ours))
    assert has.sum() > len(exact) // 10
    return float((has & found).sum() / has.sum())


@pytest.mark.parametrize(
    ("shared", "more", "thousandths", "near"),
    [
        (7, 3, 700, True), (69, 31, 700, False), (70, 30, 700, True), (699, 301, 700, False), (700, 300, 700, True),
        (70, 30, 701, False), (999, 1, 999, True), (999, 1, 1000, False), (50, 0, 1000, True),
    ],
)  # fmt: skip
def test_thresholds_are_met_exactly(shared, more, thousandths, near):
    """`shared` of `shared + more` shingles in common, in one bucket: in at the threshold, out just below it."""
    rng = random.Random(5)
    text = "".join(chr(code) for code in rng.sample(range(0x4E00, 0x9FFF), shared + more + 4))
    flat = FlatTexts.of([text, text[: shared + 4]])
    together = Bands(np.arange(2), np.zeros((BANDS, 2), dtype=np.int64))
    assert near_components(flat, Buckets(flat, together), thousandths).tolist() == [0, 0 if near else 1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-2, 2)), max_size=12))
def test_the_least_priority_represents(texts):
    """Of each component the least priority stands for all, the smallest index among equals."""
    clusters = [cluster for cluster, _ in texts]
    root = np.array([clusters.index(cluster) for cluster in clusters], dtype=np.int64)
    expected = [
        min((priority, i) for i, (other, priority) in enumerate(texts) if other == cluster)[1] for cluster in clusters
    ]
    assert representatives(root, [priority for _, priority in texts]).tolist() == expected


def test_large_and_odd_texts():
    """A megabyte beside a single character; no texts at all; texts without shingles resemble nothing."""
    rng = random.Random(6)
    large = "".join(rng.choices("abcdefghij ", k=10**6))
    assert joined(["x", large, "", "y", large[:-50_000], "x", ""]) == [0, 1, 2, 3, 1, 0, 6]
    assert joined([]) == []
    assert joined(["", ""]) == [0, 1]


def test_what_cannot_be_asked_is_refused():
    """Similarities outside of 1 to 1000 thousandths, texts that are none, and what does not fit together."""
    flat = FlatTexts.of(["abc"])
    for thousandths in (0, 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            verified(flat, np.arange(1), np.arange(1), thousandths)
        with pytest.raises(ValueError, match="1 to 1000"):
            near_components(flat, Buckets(flat), thousandths)
    for texts in (pl.Series(["abc", None]), pl.Series([1]), ["abc", None], [b"abc"]):
        with pytest.raises(TypeError):
            FlatTexts.of(texts)
    with pytest.raises(TypeError, match="large strings"):
        FlatTexts.of_arrow(pa.array(["abc"]))
    with pytest.raises(ValueError, match="smaller numbers"):
        Bands.of(flat).after(Bands.of(flat))
    with pytest.raises(ValueError, match="smaller numbers"):
        Bands.of(flat, 1).after(Bands.of(flat, bands=range(3)))
    with pytest.raises(ValueError, match="1 texts"):
        representatives(np.arange(1), [1, 2])
