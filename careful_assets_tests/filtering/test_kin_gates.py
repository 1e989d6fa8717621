"""Gates that hold a row against its parents, the anchors and other rows: planted truths, brute force, real rows."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.anchors.sources.opening import open_source
from careful_assets.anchors.sources.reading import wanted_columns
from careful_assets.anchors.sources.rows import anchor_rows
from careful_assets.card.anchors import VaderReviews
from careful_assets.card.profiles import base_profile
from careful_assets.catalogue import load_dataset
from careful_assets.filtering.gate import ANCHORS, Beside, Decision
from careful_assets.filtering.gates import GATES
from careful_assets.text.embedders.tfidf_svd import TfidfSvd
from careful_assets.text.normalize import tokens
from careful_assets.text.personal_data.finder import kinds_in
from careful_assets_tests.filtering.frames import WordBag, anchors_of, candidates_of, sentences
from careful_assets_tests.life.arrange import PACKAGED

MINE = ("seed_echo", "novelty", "personal_data", "invented_names", "semantic_duplicate")
PROFILE = {one.gate: one.threshold for one in base_profile("rare_class.training").gates}


def test_planted_echoes_of_parents_are_all_found_and_nothing_else() -> None:
    """200 rows of which more than half is a parent's, and 200 of their own words: all of the first and none else."""
    rng = random.Random(11)
    seeds, own = sentences(40, seed=21), sentences(400, seed=22)
    beside = anchors_of(seeds, ids=[f"a{i:02}" for i in range(40)])
    texts, parents, source = [], [], []
    for place in range(200):
        shown = sorted(rng.sample(range(40), 8))
        echoed = rng.choice(shown)
        words = seeds[echoed].split()
        own_words = own[place].split()[: len(words) // 3]
        texts.append(" ".join([*own_words, *words]) if place % 2 else " ".join([*words, *own_words]))
        parents.append([f"a{i:02}" for i in shown])
        source.append(f"a{echoed:02}")
    texts += own[200:]
    parents += [parents[place] for place in range(200)]
    rows = candidates_of(texts, ids=[f"c{i:03}" for i in range(400)], parents=parents)
    decisions = GATES["seed_echo"].judge(rows, beside, PROFILE["seed_echo"])
    assert [decision.matched_row_id for decision in decisions[:200]] == source
    assert {decision.reason for decision in decisions[:200]} == {"echoes_parent"}
    assert all(decision.passed for decision in decisions[200:])


def test_every_writing_of_a_parent_counts() -> None:
    """An anchor that changed is shown as it was in earlier rounds: an echo of the older text is one, too."""
    old, new = sentences(2, seed=5)
    vintages = [
        {"row_id": "a", "text": text, "label": "x", "group_id": "g", "split": "exemplar"} for text in (old, new)
    ]
    beside = Beside(pl.DataFrame(vintages, schema=ANCHORS).sort("row_id", "text"))
    rows = candidates_of([old, new], parents=[["a"], ["a"]])
    assert [one.matched_row_id for one in GATES["seed_echo"].judge(rows, beside, 400)] == ["a", "a"]


def test_a_megabyte_beside_its_parents_is_decided() -> None:
    """A row of a megabyte that repeats a parent for ever is an echo of it, whether the parent is short or long."""
    seed = "no end to this sentence is in sight, "
    rows = candidates_of([seed * 27_000], parents=[["a0"]])
    for parent in (seed, seed * 800):
        (decision,) = GATES["seed_echo"].judge(rows, anchors_of([parent]), 400)
        assert decision.reason == "echoes_parent"


FEW = st.lists(st.text("abc ", min_size=14, max_size=24), max_size=8)


def nearest_of_all(texts: list[str], real: list[str], threshold: float) -> list[str | None]:
    """What each row is refused for by comparing it with everything that stands: the quadratic search."""
    vectors = WordBag().embed([*real, *texts]).astype(np.float64)
    cosines = np.rint(vectors @ vectors.T * 1e6) / 1e6
    long_enough = [len(tokens(text)) >= 8 for text in [*real, *texts]]
    names = [f"a{i}" for i in range(len(real))] + [f"c{i}" for i in range(len(texts))]
    stands = [one for one in range(len(real)) if long_enough[one]]
    expected: list[str | None] = []
    for place in range(len(real), len(names)):
        best = max(stands, key=lambda other: (cosines[place, other], -other), default=None)
        if long_enough[place] and best is not None and cosines[place, best] >= threshold:
            expected.append(names[best])
            continue
        expected.append(None)
        if long_enough[place]:
            stands.append(place)
    return expected


@settings(max_examples=150, deadline=None)
@given(FEW, FEW, st.sampled_from([0.5, 0.85, 1.0]))
def test_semantic_duplicates_equal_a_comparison_of_all_pairs(texts: list[str], real: list[str], least: float) -> None:
    """Blocks and their order change nothing: the same rows stand, and the nearest of them is named."""
    texts, real = ([" ".join(text.replace(" ", "")) for text in some] for some in (texts, real))
    decisions = GATES["semantic_duplicate"].judge(candidates_of(texts), anchors_of(real), least)
    assert [decision.matched_row_id for decision in decisions] == nearest_of_all(texts, real, least)


def test_the_embedder_stands_beside_each_score() -> None:
    """Which embedder it was, and its state, is the evidence of a refusal; rows in other words pass."""
    seeds = sentences(60, seed=31)
    embedder = TfidfSvd(seeds)
    beside = Beside(anchors_of(seeds).anchors, lambda: embedder)
    shuffled = " ".join(sorted(seeds[7].split()))
    rows = candidates_of([shuffled, *sentences(5, seed=32)])
    first, *others = GATES["semantic_duplicate"].judge(rows, beside, 0.85)
    assert (first.reason, first.matched_row_id) == ("means_anchor", "a7")
    assert first.evidence == f"embedder tfidf_svd {embedder.digest[:8]}"
    assert first.score == pytest.approx(1, abs=1e-5)
    assert all(decision.passed for decision in others)


def test_later_rounds_are_judged_after_earlier_ones() -> None:
    """Of two rows that say the same the one that the sort puts first stands, in each gate that compares rows."""
    one, *_ = sentences(1, seed=41)
    rows = candidates_of([one, one], ids=["zz", "aa"]).with_columns(round=pl.Series([1, 2], dtype=pl.Int32))
    for name in ("novelty", "semantic_duplicate"):
        first, second = GATES[name].judge(rows.sort("round", "row_id"), anchors_of([]), PROFILE[name])
        assert first.passed
        assert second.matched_row_id == "zz"


@pytest.fixture(scope="module")
def real(anchor_cache: Path) -> pl.DataFrame:
    """The demo's 3,708 real sentences as anchors."""
    card = load_dataset(PACKAGED / "card.yaml").card.anchors
    assert isinstance(card.source, VaderReviews)
    reading = open_source(card.source, anchor_cache, anchor_cache)
    assert reading.votes is not None
    (batch,) = reading.batches(wanted_columns(reading.mapping, [reading.votes]))
    rows = anchor_rows(batch, reading.mapping, card.labels, reading.faults, reading.votes)
    return rows.select(row_id="key", text="text", label="label", group_id="group", split=pl.lit("train"))


def test_real_rows_pass_as_if_they_were_generated(real: pl.DataFrame) -> None:
    """A third of the reviews, held out, each row with eight others of its label as parents: every gate refuses at
    most 1% at the profile's threshold.
    """
    groups = sorted(real["group_id"].unique())
    held = real["group_id"].is_in(random.Random(1).sample(groups, len(groups) // 3))
    anchors, rows = real.filter(~held).sort("row_id"), real.filter(held).sort("row_id")
    by_label = {label: anchors.filter(pl.col("label") == label)["row_id"].to_list() for label in set(real["label"])}
    rng = random.Random(2)
    candidates = candidates_of(
        rows["text"].to_list(),
        ids=rows["row_id"].to_list(),
        parents=[rng.sample(by_label[label], 8) for label in rows["label"]],
        personal_data=[kinds_in(text) for text in rows["text"]],
    )
    beside = Beside(anchors, lambda: TfidfSvd(anchors["text"].to_list()))
    for name in MINE:
        refused = [one for one in GATES[name].judge(candidates, beside, PROFILE[name]) if not one.passed]
        assert len(refused) <= 0.01 * rows.height, f"{name}: {_reasons(refused)} of {rows.height}"


def _reasons(decisions: list[Decision]) -> list[str | None]:
    return [decision.reason for decision in decisions]
