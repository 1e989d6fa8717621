"""The questions of a refreshed source, in both ways of searching, against every pair looked at."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.text import minhash, near_texts
from careful_assets.text.flat_texts import FlatTexts
from careful_assets.text.minhash import Bands
from careful_assets.text.ngrams import character_shingles
from careful_assets.text.normalize import normalize
from careful_assets_tests.text.test_minhash import agreeing
from careful_assets_tests.text.test_near import (
    THRESHOLDS,
    components_by_walking,
    kindred_texts,
    near_by_counting,
)

WAYS = st.sampled_from([100_000, 0])


@contextmanager
def searching(limit: int) -> Iterator[io.BufferedRandom]:
    """A file to search in; up to `limit` texts exactly."""
    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_texts, "EXACT_TEXTS", limit)
        yield file


def batches(texts: list[str]) -> list[pl.Series]:
    """The texts in two series, and an empty one."""
    half = len(texts) // 2
    return [pl.Series(part, dtype=pl.String) for part in (texts[:half], [], texts[half:])]


def findable(texts: list[str], thousandths: int, limit: int) -> set[tuple[int, int]]:
    """Both ways round, the pairs of near copies that a search of this kind finds; alone or in whatever company."""
    normal = [normalize(text) for text in texts]
    near = set(near_by_counting(normal, thousandths))
    if limit == 0:
        near &= set(agreeing(Bands.of(FlatTexts.of(normal))))
    return near | {(j, i) for i, j in near}


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=20).map(normalize), max_size=4), max_size=4), st.integers(0, 2))
def test_a_file_holds_the_texts_of_all_batches(parts: list[list[str]], skipped: int) -> None:
    """Of whole series and slices, in order, also when the file is closed; nothing at all is no fault."""
    with tempfile.TemporaryFile() as file:
        flat = FlatTexts.kept_in(file, (pl.Series(part, dtype=pl.String)[skipped:] for part in parts))
    ends = zip(flat.offsets, flat.offsets[1:], strict=False)
    assert [flat.data[a:b].tobytes().decode() for a, b in ends] == [text for part in parts for text in part[skipped:]]


@settings(deadline=None)
@given(kindred_texts(), THRESHOLDS, WAYS)
def test_clusters_are_components(texts: list[str], thousandths: int, limit: int) -> None:
    """Each text's smallest reachable index over all pairs that can be found."""
    with searching(limit) as file:
        found = near_texts.clusters(batches(texts), file, thousandths).tolist()
    assert found == components_by_walking(len(texts), findable(texts, thousandths, limit))


@settings(deadline=None)
@given(kindred_texts(), THRESHOLDS, WAYS, st.integers(0, 30))
def test_joined_counts_every_fresh_pair(texts: list[str], thousandths: int, limit: int, first: int) -> None:
    """Components of the pairs with a fresh text; exactly, those of known texts among themselves as well."""
    first = min(first, len(texts))
    pairs = {pair for pair in findable(texts, thousandths, limit) if limit or max(pair) >= first}
    with searching(limit) as file:
        found = near_texts.joined(batches(texts[:first]), batches(texts[first:]), file, thousandths)
    assert found.tolist() == components_by_walking(len(texts), pairs)


@settings(deadline=None)
@given(kindred_texts(), THRESHOLDS, WAYS, st.integers(0, 30))
def test_resembling_is_by_known_texts_alone(texts: list[str], thousandths: int, limit: int, first: int) -> None:
    """An asked text is found if a known one is its near copy; a near copy of a near copy is not."""
    first = min(first, len(texts))
    pairs = findable(texts, thousandths, limit)
    with searching(limit) as file:
        found = near_texts.resembling(batches(texts[:first]), batches(texts[first:]), file, thousandths)
    assert found.tolist() == [any((i, j) in pairs for j in range(first)) for i in range(first, len(texts))]


@settings(deadline=None)
@given(kindred_texts(), THRESHOLDS, WAYS, st.integers(0, 30), st.data())
def test_bridging_is_to_another_side(
    texts: list[str], thousandths: int, limit: int, first: int, data: st.DataObject
) -> None:
    """A fresh text is found if a near copy of it, standing or fresh, is of another side."""
    first = min(first, len(texts))
    sides = data.draw(st.lists(st.integers(0, 2), min_size=len(texts), max_size=len(texts)))
    pairs = findable(texts, thousandths, limit)
    with searching(limit) as file:
        found = near_texts.bridging(
            batches(texts[:first]), batches(texts[first:]), np.array(sides, dtype=np.int64), file, thousandths
        )
    assert found.tolist() == [
        any((i, j) in pairs and sides[i] != sides[j] for j in range(len(texts))) for i in range(first, len(texts))
    ]


def test_templates_stay_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """4,000 rows of one template against 4,000 sealed ones (16 million near pairs): under three counts a row."""
    tried: list[int] = []
    overlaps = minhash.overlaps
    monkeypatch.setattr(minhash, "overlaps", lambda texts, i, j: (tried.append(len(i)), overlaps(texts, i, j))[1])
    orders = [
        f"your order {n * 7919 % 100_000:05d} has been shipped and is with you in three days" for n in range(8_000)
    ]
    with searching(0) as file:
        assert near_texts.resembling(batches(orders[:4_000]), batches(orders[4_000:]), file, 700).all()
    assert 4_000 <= sum(tried) < 3 * 4_000


def test_texts_are_compared_in_their_normal_form() -> None:
    """However a copy is written, it is one; without any text nothing is found, and nothing fails."""
    for limit in (100_000, 0):
        with searching(limit) as file:
            found = near_texts.resembling(
                batches(["\u201cThe  SCREEN\u201d died after a week"]),
                batches(['"the screen" died after a week']),
                file,
                1000,
            )
        assert found.tolist() == [True]
        for known, asked, answer in ((["abcdef"], [], []), ([], ["abcdef", "abcdef"], [False, False]), ([], [], [])):
            with searching(limit) as file:
                assert near_texts.resembling(batches(known), batches(asked), file, 700).tolist() == answer


@settings(max_examples=60, deadline=None)
@given(kindred_texts(), kindred_texts(), THRESHOLDS)
def test_the_most_alike_is_the_one_that_counting_finds(known: list[str], asked: list[str], thousandths: int) -> None:
    """Of the known texts the most similar, of equally similar ones the first; none but near copies are named. What the
    bands do not propose may be missed, so only texts are held to it that share enough of them.
    """
    with searching(0) as file:
        best, shared, union = near_texts.most_alike(batches(known), batches(asked), file, thousandths)
    for text, found, both, either in zip(asked, best.tolist(), shared.tolist(), union.tolist(), strict=True):
        own = character_shingles(text)
        counted = [(len(own & other), len(own | other)) for other in map(character_shingles, known)]
        near = [(s / u, -place) for place, (s, u) in enumerate(counted) if s and s * 1000 >= thousandths * u]
        if found >= 0:
            assert counted[found] == (both, either)
            assert (both / either, -found) in near
        if near and max(near)[0] >= 0.95:
            assert -max(near)[1] == found
