"""The demo's source: real reviews with twenty ratings each, fetched once and held to their digest."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from careful_assets.anchors.sources.opening import open_source
from careful_assets.anchors.sources.reading import wanted_columns
from careful_assets.anchors.sources.rows import anchor_rows, finish
from careful_assets.anchors.sources.vader_reviews import label_of
from careful_assets.card.anchors import VaderReviews
from careful_assets.catalogue import load_dataset
from careful_assets.errors import StageFailed
from careful_assets.expectations.contract import Contract
from careful_assets_tests.life.arrange import PACKAGED


@pytest.fixture(scope="module")
def declared() -> VaderReviews:
    """The demo card's source."""
    found = load_dataset(PACKAGED / "card.yaml").card.anchors.source
    assert isinstance(found, VaderReviews)
    return found


@pytest.fixture(scope="module")
def anchors(anchor_cache: Path, declared: VaderReviews) -> pl.DataFrame:
    """All of the source's anchors, read as the stage reads them."""
    reading = open_source(declared, anchor_cache, anchor_cache)
    assert reading.votes is not None
    labels = load_dataset(PACKAGED / "card.yaml").card.anchors.labels
    (batch,) = reading.batches(wanted_columns(reading.mapping, [reading.votes]))
    rows = anchor_rows(batch, reading.mapping, labels, reading.faults, reading.votes)
    finish(reading.faults, labels, rows.height, set(rows["label"].to_list()))
    assert reading.digest == declared.sha256
    return rows


def test_the_demo_source_holds_what_its_card_says(anchors: pl.DataFrame) -> None:
    """3,708 sentences in 300 reviews with twenty ratings each, and the label counts that the card's comments give."""
    assert anchors.height == anchors["key"].n_unique() == 3708
    assert anchors["group"].n_unique() == 300
    assert Counter(anchors["label"].to_list()) == {
        "very_negative": 259, "negative": 959, "neutral": 765, "positive": 990, "very_positive": 735,
    }  # fmt: skip
    assert anchors["votes"].list.len().unique().to_list() == [20]
    assert anchors["votes"].explode().is_between(-4, 4).all()
    assert not any("\ufeff" in text or not text.strip() for text in anchors["text"])


def test_ratings_and_labels_agree(anchors: pl.DataFrame) -> None:
    """Each row's label follows from the mean of its own twenty votes, to the rounding of the source's means."""
    for key, label, votes in anchors.select("key", "label", "votes").iter_rows():
        mean = sum(votes) / 20
        assert label in {label_of(mean - 0.001), label_of(mean), label_of(mean + 0.001)}, key


def test_the_demo_contract_holds(anchor_cache: Path, declared: VaderReviews) -> None:
    """The packaged suite is met by the real rows, each expectation by 3,708 of them."""
    contract = Contract(PACKAGED / "expectations.json")
    reading = open_source(declared, anchor_cache, anchor_cache)
    contract.need_columns(reading.columns)
    for batch in reading.batches(contract.columns):
        contract.check(batch)
    findings = contract.findings()
    assert findings["passed"].all(), findings.filter(~pl.col("passed"))["detail"].to_list()
    assert findings["checked"].unique().to_list() == [3708]
    assert contract.failing().is_empty()


@pytest.mark.parametrize(
    ("mean", "label"),
    [
        (-4, "very_negative"), (-2.01, "very_negative"), (-2, "negative"), (-0.51, "negative"), (-0.5, "neutral"),
        (0, "neutral"), (0.5, "neutral"), (0.51, "positive"), (2, "positive"), (2.01, "very_positive"),
        (4, "very_positive"),
    ],
)  # fmt: skip
def test_labels_are_cut_where_the_card_says(mean: float, label: str) -> None:
    """Very negative lies below -2, negative below -0.5, neutral up to 0.5, positive up to 2, very positive above."""
    assert label_of(mean) == label


def test_another_distribution_is_refused(tmp_path: Path, anchor_cache: Path, declared: VaderReviews) -> None:
    """A digest that no distribution has is told, with requirement and digest; what was fetched is not kept."""
    wrong = declared.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(StageFailed, match=r"could not fetch vaderSentiment==0\.5 with sha256 0{64}") as caught:
        open_source(wrong, tmp_path, tmp_path)
    assert "Check the package index" in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_damaged_cache_is_not_believed(tmp_path: Path, anchor_cache: Path, declared: VaderReviews) -> None:
    """A cached distribution is held to its digest each time; a damaged one is fetched again."""
    (kept,) = (anchor_cache / "anchors").glob("*.zip")
    (tmp_path / "anchors").mkdir()
    copy = tmp_path / "anchors" / kept.name
    shutil.copyfile(kept, copy)
    copy.write_bytes(copy.read_bytes()[:-1])
    (batch,) = open_source(declared, tmp_path, tmp_path).batches(["text"])
    assert batch.height == 3708
    assert copy.read_bytes() == kept.read_bytes()
