"""How much is found: planted records, look-alikes, and real sentences."""

from __future__ import annotations

import pytest

from careful_assets.anchors.sources.vader_reviews import read_vader_reviews
from careful_assets.catalogue import load_dataset
from careful_assets.text.personal_data.finder import find
from careful_assets.text.personal_data.planted import planted, recall_by_kind
from careful_assets.text.personal_data.spans import KINDS
from careful_assets_tests.life import arrange

# The least that a change may leave: what stands now, with one more miss. Checksums and fixed forms miss little;
# names and addresses are told by lists, and miss what no list holds.
LEAST = {
    "email": 20, "phone": 22, "card": 22, "iban": 22, "national_id": 27, "account_number": 20, "address": 21,
    "name": 23, "ip_address": 6,
}  # fmt: skip


@pytest.fixture(scope="module")
def recall():
    return {row["kind"]: row for row in recall_by_kind().iter_rows(named=True)}


@pytest.mark.parametrize("kind", KINDS)
def test_recall_does_not_fall(recall, kind):
    """Planted records of every kind are found as often as stated, with the interval that their number leaves."""
    row = recall[kind]
    assert row["found"] >= LEAST[kind]
    assert 0 <= row["low"] <= row["recall"] <= row["high"] <= 1
    assert row["planted"] >= 8


def test_few_lookalikes_are_taken_for_personal_data(recall):
    """Of prices, versions, part numbers, months and makes at most three are mistaken."""
    assert sum(row["false_alarms"] for row in recall.values()) <= 3
    assert sum(row["lookalikes"] for row in recall.values()) >= 60


def test_planted_spans_hold_the_record():
    """The benchmark itself is right: the marks are gone, and spans begin and end with the record."""
    for one in planted():
        assert "⟦" not in one.text
        assert "⟧" not in one.text
        assert one.is_lookalike or one.record.strip() == one.record != ""


def test_real_reviews_are_left_alone(anchor_cache):
    """In 3,708 real review sentences two pieces are found, both rightly: an e-mail address and a singer."""
    source = load_dataset(arrange.PACKAGED / "card.yaml").card.anchors.source
    reading = read_vader_reviews(source, anchor_cache)
    texts = [text for batch in reading.batches(["text"]) for text in batch["text"]]
    assert len(texts) == 3708
    found = sorted(text[one.start : one.end] for text in texts for one in find(text))
    assert found == ["customerservice@apexdigital.com", "tom jones"]
