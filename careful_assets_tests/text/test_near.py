"""Shingle sets, and near copies found by them, against counting every pair."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text import near as near_joining
from careful_assets.text import near_filters
from careful_assets.text.near import near_components, near_pairs
from careful_assets.text.ngrams import character_shingles
from careful_assets.text.normalize import normalize
from careful_assets.text.shingles import ShingleSets

THRESHOLDS = st.sampled_from([1, 250, 500, 700, 701, 900, 999, 1000])
LETTERS = "abcdeé字\U0001f600\U00020000 "
EDIT = st.tuples(st.integers(0, 80), st.sampled_from(["insert", "delete", "replace"]), st.sampled_from(LETTERS))


def edited(text: str, edits: list[tuple[int, str, str]]) -> str:
    for place, kind, letter in edits:
        at = place % (len(text) + 1)
        text = text[:at] + ("" if kind == "delete" else letter) + text[at + (kind != "insert") :]
    return normalize(text)


@st.composite
def kindred_texts(draw: st.DrawFn) -> list[str]:
    """Up to 30 normal forms, most of them a few edits away from one of a few base texts; some short, some empty."""
    bases = draw(st.lists(st.text(LETTERS, max_size=60), min_size=1, max_size=3))
    made = st.builds(edited, st.sampled_from(bases), st.lists(EDIT, max_size=4))
    return draw(st.lists(made | st.text(LETTERS, max_size=6).map(normalize), max_size=30))


def near_by_counting(texts: list[str], thousandths: int) -> set[tuple[int, int]]:
    """All near pairs, both ways, from sets of strings."""
    sets = [character_shingles(text) for text in texts]
    return {
        (i, j)
        for i, first in enumerate(sets)
        for j, second in enumerate(sets)
        if i != j and first and second and len(first & second) * 1000 >= thousandths * len(first | second)
    }


def components_by_walking(n: int, pairs: set[tuple[int, int]]) -> list[int]:
    """The smallest index that each text can reach."""
    smallest = list(range(n))
    while True:
        after = [min([smallest[i], *(smallest[j] for j in range(n) if (i, j) in pairs)]) for i in range(n)]
        if after == smallest:
            return smallest
        smallest = after


@given(st.lists(st.text(max_size=40).map(normalize), max_size=8))
def test_sets_hold_one_hash_a_shingle(texts):
    """As many hashes as `character_shingles` finds, ascending; equal shingles and no others share one."""
    sets = ShingleSets.of(texts)
    shingles = [character_shingles(text) for text in texts]
    own = [sets.hashes[sets.offsets[i] : sets.offsets[i + 1]] for i in range(len(texts))]
    assert [len(hashes) for hashes in own] == [len(found) for found in shingles] == sets.sizes.tolist()
    assert all((np.diff(hashes.astype(object)) > 0).all() for hashes in own)
    for i, j in np.ndindex(len(texts), len(texts)):
        assert len(np.intersect1d(own[i], own[j])) == len(shingles[i] & shingles[j])


def test_hashes_are_pinned():
    """The stated hash: vaults keep fingerprints, so that it may never change."""

    def mixed(bits: int) -> int:
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
        return bits ^ bits >> 31

    def hashed(shingle: str) -> int:
        codes = [*(ord(letter) + 1 for letter in shingle), 0, 0, 0, 0][:5]
        head, tail = (sum(code << 21 * k for k, code in enumerate(part)) for part in (codes[:3], codes[3:]))
        bits = mixed((mixed(head) + tail) % 2**64)
        return bits - 2**64 if bits >= 2**63 else bits

    for shingle in ("phone", "a", "ab", "\U0001f600字é a", "\U0010ffff" * 5):
        assert ShingleSets.of([shingle]).hashes.tolist() == [hashed(shingle)]
    assert ShingleSets.of(["phone"]).hashes.tolist() == [2857911115777431715]


def test_a_shingle_has_one_hash_wherever_it_stands():
    """Neither its place in the text, nor the other texts, nor the parts that texts are cut up in move it."""
    rng = random.Random(3)
    texts = ["".join(rng.choices(LETTERS[:-1], k=rng.choice([0, 1, 4, 5, 60, 400]))) for _ in range(20_000)]
    many = ShingleSets.of(texts)
    assert len(many.hashes) > 1 << 20
    for i in [*rng.sample(range(len(texts)), 300), len(texts) - 1]:
        alone = ShingleSets.of(pl.Series([texts[i]]))
        assert many.hashes[many.offsets[i] : many.offsets[i + 1]].tolist() == alone.hashes.tolist()


def test_a_frame_has_a_row_a_shingle():
    """Ids beside hashes, for a table; as many ids as texts."""
    sets = ShingleSets.of(["abcdef", "", "ab"])
    frame = sets.frame([70, 80, 90])
    assert frame.schema == {"ref": pl.Int64, "hash": pl.Int64}
    assert frame.rows() == list(zip([70, 70, 90], sets.hashes.tolist(), strict=True))
    with pytest.raises(ValueError, match="3 texts"):
        sets.frame([1, 2])


@settings(deadline=None, max_examples=150)
@given(kindred_texts(), THRESHOLDS)
def test_components_are_those_of_counting(texts, thousandths):
    """Each text's smallest reachable index, as by brute force."""
    expected = components_by_walking(len(texts), near_by_counting(texts, thousandths))
    assert near_components(ShingleSets.of(texts), thousandths).tolist() == expected


@settings(deadline=None)
@given(kindred_texts(), THRESHOLDS, st.data())
def test_pairs_are_those_of_counting(texts, thousandths, data):
    """All near pairs between two sets of indices, ascending, none with itself."""
    indices = st.lists(st.sampled_from(range(len(texts))), max_size=20) if texts else st.just([])
    asked, among = data.draw(indices), data.draw(indices)
    i, j = near_pairs(ShingleSets.of(texts), asked, among, thousandths)
    near = near_by_counting(texts, thousandths)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == sorted(
        (a, b) for a, b in near if a in asked and b in among
    )


@settings(deadline=None, max_examples=50)
@given(kindred_texts(), st.randoms(use_true_random=False))
def test_the_order_of_texts_does_not_count(texts, rng):
    """Shuffled texts fall into the same components."""
    places = list(range(len(texts)))
    rng.shuffle(places)
    root = near_components(ShingleSets.of(texts))
    shuffled = near_components(ShingleSets.of([texts[place] for place in places]))
    together = {frozenset(np.flatnonzero(root == leader).tolist()) for leader in root}
    assert {frozenset(places[k] for k in np.flatnonzero(shuffled == leader)) for leader in shuffled} == together


@pytest.mark.parametrize(
    ("shared", "more", "thousandths", "near"),
    [
        (7, 3, 700, True), (69, 31, 700, False), (70, 30, 700, True), (699, 301, 700, False), (700, 300, 700, True),
        (70, 30, 701, False), (1, 2, 333, True), (1, 2, 334, False), (1, 1, 500, True), (1, 1, 501, False),
        (999, 1, 999, True), (999, 1, 1000, False), (50, 0, 1000, True), (1, 999, 1, True), (1, 1000, 1, False),
    ],
)  # fmt: skip
def test_thresholds_are_met_exactly(shared, more, thousandths, near):
    """`shared` of `shared + more` shingles in common: in at the threshold, out just below it, asked both ways."""
    rng = random.Random(5)
    text = "".join(chr(code) for code in rng.sample(range(0x4E00, 0x9FFF), shared + more + 4))
    sets = ShingleSets.of([text, text[: shared + 4]])
    assert sets.sizes.tolist() == [shared + more, shared]
    assert near_components(sets, thousandths).tolist() == [0, 0 if near else 1]
    assert near_pairs(sets, [0], [1], thousandths)[0].tolist() == ([0] if near else [])


def test_larger_corpora_are_joined_as_counted(monkeypatch):
    """1,000 rows of five templates, worked on in many parts: the components are those of all pairs."""
    for module in (near_filters, near_joining):
        monkeypatch.setattr(module, "AT_ONCE", 1 << 14)
    texts = templates(random.Random(8), 1_000)
    sets = ShingleSets.of(texts)
    everything = range(len(texts))
    i, j = near_pairs(sets, everything, everything)
    own = [set(sets.hashes[sets.offsets[k] : sets.offsets[k + 1]].tolist()) for k in everything]
    counted = [(a, b) for a in everything[:150] for b in everything
               if a != b and len(own[a] & own[b]) * 1000 >= 700 * len(own[a] | own[b])]  # fmt: skip
    assert [pair for pair in zip(i.tolist(), j.tolist(), strict=True) if pair[0] < 150] == counted
    neighbours: dict[int, list[int]] = {}
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        neighbours.setdefault(a, []).append(b)
    expected: dict[int, int] = {}
    for leader in everything:
        waiting = [] if leader in expected else [leader]
        while waiting:
            text = waiting.pop()
            if text not in expected:
                expected[text] = leader
                waiting += neighbours.get(text, [])
    assert near_components(sets).tolist() == [expected[k] for k in everything]
    assert 20 < len(set(expected.values())) < 950


def templates(rng: random.Random, n: int) -> list[str]:
    """Texts of five templates whose slots are from all alike to near the threshold."""
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 9))) for _ in range(300)]
    frames = [" ".join(rng.choices(words, k=12)) for _ in range(5)]
    made = []
    for _ in range(n):
        frame, slots = rng.choice(frames), rng.randint(0, 3)
        made.append(f"{frame[:30]} {' '.join(rng.choices(words, k=slots))} {rng.randint(0, 99999)}{frame[30:]}")
    return made


@pytest.fixture
def work(monkeypatch):
    """How many pairs were tried by their digests, and how many were counted."""
    done = {"possible": 0, "near": 0}

    def counting(name, method):
        def counted(self, i, j):
            done[name] += len(i)
            return method(self, i, j)

        return counted

    for name in done:
        monkeypatch.setattr(near_filters.Pairs, name, counting(name, getattr(near_filters.Pairs, name)))
    return done


def test_templates_stay_cheap(work):
    """10,000 rows of one template (50 million near pairs) are one component after fewer than five counts a row."""
    rng = random.Random(2)
    texts = [
        f"your order {rng.randrange(100_000):05d} has been shipped and will be with you in three days"
        for _ in range(10_000)
    ]
    assert not near_components(ShingleSets.of(texts)).any()
    assert 0 < work["near"] < 50_000
    assert work["possible"] < 1_000_000


def test_equal_texts_are_not_tried(work):
    """Copies of two texts are joined without a single pair of them being tried, other than the two."""
    texts = ["one text that stands here often", "and one of another kind"] * 2_000
    assert near_components(ShingleSets.of(texts)).tolist() == [0, 1] * 2_000
    assert work["possible"] <= 1


def test_texts_without_shingles_resemble_nothing():
    """Empty texts are not joined with each other; no texts give no components."""
    assert near_components(ShingleSets.of(["", "ab", "", "ab"])).tolist() == [0, 1, 2, 1]
    assert near_components(ShingleSets.of([])).tolist() == []
    assert near_pairs(ShingleSets.of(["", ""]), [0], [1])[0].tolist() == []


def test_what_cannot_be_asked_is_refused():
    """Similarities outside of 1 to 1000 thousandths, indices of no text, and texts that are none."""
    sets = ShingleSets.of(["abc"])
    for thousandths in (0, 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            near_components(sets, thousandths)
        with pytest.raises(ValueError, match="1 to 1000"):
            near_pairs(sets, [0], [0], thousandths)
    for indices in ([-1], [1]):
        with pytest.raises(IndexError, match="1 texts"):
            near_pairs(sets, indices, [0])
    with pytest.raises(TypeError):
        ShingleSets.of(pl.Series(["abc", None]))
