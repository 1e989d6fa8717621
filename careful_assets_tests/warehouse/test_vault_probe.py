"""Leak detection against the sealed rows: truths planted by hand, and brute force."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.errors import StageFailed
from careful_assets.text import near_texts
from careful_assets.warehouse.vault_near import Near
from careful_assets_tests.warehouse.vault_fixtures import Place, hash64, ngrams, rows

SEALED = ["a b c d e f", "good phone", "one", "the cable broke after a week"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place.at(tmp_path_factory.mktemp("home"))
    place.seal(rows(SEALED))
    return place


def exact(texts):
    return pl.DataFrame({"row_id": list(texts), "hash": [hash64(text) for text in texts.values()]})


def grams(texts):
    pairs = [(row_id, one) for row_id, text in texts.items() for one in ngrams(text)]
    return pl.DataFrame(pairs, schema={"row_id": pl.String, "hash": pl.Int64}, orient="row")


def test_exact_finds_equal_texts_alone(place):
    """A candidate with a sealed row's text is a leak; a near one, or an n-gram of one, is none."""
    leaks = place.probe.find_leaks("exact", exact({"x": "good phone", "y": "good phones", "z": "one", "part": "a b"}))
    assert leaks.drop("eval_row_digest").rows() == [("x", 1000, 1, 1), ("z", 1000, 1, 1)]
    assert leaks["eval_row_digest"].n_unique() == 2


def test_ngram_threshold_holds_at_its_boundary(place):
    """Three of five n-grams are found at 600 thousandths and not at 601."""
    asked = grams({"x": "a b c d q r"})
    found = place.probe.find_leaks("ngram", asked, 600)
    assert found.select("row_id", "score", "shared", "of").rows() == [("x", 600, 3, 5)]
    assert place.probe.find_leaks("ngram", asked, 601).is_empty()


def test_containment_counts_by_the_shorter_side(place):
    """A sealed row quoted within a long candidate is found, and a fragment of one, too."""
    long = "they wrote the cable broke after a week and then some more words came after it"
    asked = grams({"long": long, "part": "cable broke after"})
    found = place.probe.find_leaks("ngram", asked, 1000)
    assert found.select("row_id", "shared", "of").rows() == [("long", 5, 5), ("part", 2, 2)]


def test_rows_without_ngrams_are_never_flagged(place):
    """A one-word sealed row, a candidate with null hashes and an empty question flag nothing."""
    nulls = pl.DataFrame({"row_id": ["one", "two"], "hash": [None, None]}, schema_overrides={"hash": pl.Int64})
    assert place.probe.find_leaks("ngram", nulls, 1).is_empty()
    empty = place.probe.find_leaks("ngram", nulls[:0], 1)
    assert empty.columns == ["row_id", "eval_row_digest", "score", "shared", "of"]
    assert empty.is_empty()


def test_repeated_hashes_count_once(place):
    """N-grams are compared as sets: a candidate that repeats one gains nothing by it."""
    asked = grams({"x": "a b c d q r"})
    assert place.probe.find_leaks("ngram", pl.concat([asked] * 3), 600)["shared"].to_list() == [3]
    assert place.probe.find_leaks("ngram", pl.concat([asked] * 3), 601).is_empty()


WORDS = st.lists(st.sampled_from("abcde"), min_size=0, max_size=7).map(" ".join)


@settings(max_examples=12, deadline=None)
@given(texts=st.lists(WORDS, min_size=1, max_size=6), t=st.integers(1, 1000))
def test_ngram_leaks_equal_brute_force(brute_place, texts, t):
    """Every pair at or over the threshold is found, and no other."""
    candidates = {f"c{place}": text for place, text in enumerate(texts)}
    expected = []
    for row_id, text in candidates.items():
        for sealed in BRUTE:
            shared, least = len(ngrams(text) & ngrams(sealed)), min(len(ngrams(text)), len(ngrams(sealed)))
            if least and shared * 1000 >= t * least:
                expected.append((row_id, shared * 1000 // least, shared, least))
    found = brute_place.probe.find_leaks("ngram", grams(candidates), t)
    assert sorted(found.drop("eval_row_digest").rows()) == sorted(expected)
    assert found.select("row_id", "eval_row_digest").is_duplicated().sum() == 0


BRUTE = ["a b c d e", "a a a", "b c", "e d c b a", "d"]


@pytest.fixture(scope="module")
def brute_place(tmp_path_factory):
    place = Place.at(tmp_path_factory.mktemp("brute"))
    place.seal(rows(BRUTE))
    return place


def test_digests_are_keyed_by_vault(tmp_path):
    """Two vaults with equal rows have one registry state and different digests; one vault is constant."""
    asked = exact({"x": "good phone"})
    digests, states = [], set()
    for name in ("a", "b"):
        place = Place.at(tmp_path / name)
        states.add(place.seal(rows(SEALED)).registry_state)
        twice = [place.probe.find_leaks("exact", asked)["eval_row_digest"][0] for _ in range(2)]
        assert twice[0] == twice[1]
        digests.append(twice[0])
    assert len(states) == 1
    assert digests[0] != digests[1]
    assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in digests)


def test_every_question_is_an_opening(tmp_path):
    """A question leaves an opening with detector, threshold and counts; counting the sealed rows leaves none."""
    place = Place.at(tmp_path)
    sealed = place.seal(rows(SEALED))
    place.probe.find_leaks("ngram", grams({"x": "good phone", "y": "no such thing"}), 700)
    assert place.probe.sealed_rows() == 4
    assert place.openings().height == 2
    last = place.openings().row(-1, named=True)
    assert (last["stage"], last["grant_name"], last["operation"]) == ("evaluation", "VaultProbe", "find_leaks")
    assert (last["rows"], last["registry_state"], last["run_id"]) == (4, sealed.registry_state, "run-2")
    detail = {"outcome": "done", "detector": "ngram", "candidates": 2, "containment_thousandths": 700, "pairs": 1}
    assert json.loads(last["detail"]) == detail


def test_missing_vault_says_what_to_do(tmp_path):
    """Without a vault both the probe and the scorer say that nothing is sealed; no file comes to be."""
    place = Place.at(tmp_path)
    for ask in (
        place.probe.sealed_rows,
        lambda: place.probe.find_leaks("exact", exact({"x": "y"})),
        lambda: place.scorer.score({"m": ["cat"]}, ["praise"]),
    ):
        with pytest.raises(StageFailed, match="nothing sealed yet; materialize anchors first"):
            ask()
    assert not place.vault.exists()


def test_malformed_questions_are_refused(place):
    """An unknown detector, a threshold out of range and float hashes are named."""
    asked = exact({"x": "good phone"})
    with pytest.raises(StageFailed, match="no leak detector 'minhash'"):
        place.probe.find_leaks("minhash", asked)
    with pytest.raises(StageFailed, match="give 1 to 1000"):
        place.probe.find_leaks("ngram", asked, 0)
    with pytest.raises(StageFailed, match="hash is Float64"):
        place.probe.find_leaks("exact", asked.cast({"hash": pl.Float64}))


def test_near_copies_of_sealed_rows_are_found(place):
    """The sealed row that a text is most similar to, by digest; what resembles none is not named."""
    texts = {
        "x": "the cable broke after a weak",
        "y": "The CABLE  broke after a week",
        "z": "something else altogether",
    }
    asked = pl.DataFrame({"row_id": list(texts), "text": list(texts.values())})
    found = place.probe.find_near([asked[:2], asked[2:]], Near(700, near_texts))
    assert found.select("row_id", "shared", "of").rows() == [("x", 22, 26), ("y", 24, 24)]
    exact_digest = place.probe.find_leaks("exact", exact({"s": SEALED[3]}))["eval_row_digest"].to_list()
    assert found["eval_row_digest"].unique().to_list() == exact_digest
    assert place.probe.find_near([], Near(700, near_texts)).is_empty()
    opening = place.openings().filter(pl.col("operation") == "find_near").row(0, named=True)
    assert json.loads(opening["detail"])["pairs"] == 2
    with pytest.raises(StageFailed, match=r"to careful_assets\.text\.near_texts alone"):
        Near(700, json)
