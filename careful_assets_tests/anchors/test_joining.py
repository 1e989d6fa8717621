"""No text and no near copy stands on two sides: in the demo, and in sources built to break it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from careful_assets.anchors.splits import edges_of, point_of
from careful_assets.card.anchors import Split
from careful_assets.errors import StageFailed
from careful_assets.text import near_texts
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import read
from careful_assets_tests.anchors.readings import Readings, crossings
from careful_assets_tests.life.arrange import Life


@pytest.fixture(scope="module")
def demo(finished_life: Life) -> pl.DataFrame:
    """All rows of the demo with their split, the sealed ones as no grant would show them."""
    with connect(finished_life.home.vault(finished_life.dataset), read_only=True) as con:
        sealed = read(con, "sealed.rows").with_columns(split=pl.lit("vault"))
    columns = ["row_id", "text", "group_id", "split"]
    return pl.concat([finished_life.table("anchors.rows").select(columns), sealed.select(columns)])


def test_no_text_and_no_near_copy_crosses_in_the_demo(demo: pl.DataFrame) -> None:
    """By brute force over all 3,708 rows, no two of Jaccard similarity 0.7 or more lie in different splits."""
    assert demo.height == 3708
    assert crossings(demo.select("text", "split").rows()) == []


def test_without_joining_they_would(demo: pl.DataFrame, finished_life: Life) -> None:
    """Each review dealt out by itself, texts and near copies cross from the vault to other splits."""
    split = finished_life.loaded.card.anchors.split
    edges = edges_of(split)

    def alone(group: str) -> str:
        point = point_of(group, split.salt)
        return next((name for name, edge in edges.items() if point < edge), "vault")

    rows = [(text, alone(group)) for text, group in demo.select("text", "group_id").iter_rows()]
    assert any("vault" in pair for pair in crossings(rows, threshold=1.0)), "equal texts"
    assert any("vault" in pair for pair in crossings(rows)), "near copies"


def sentences(count: int, copies: int) -> list[dict[str, str]]:
    """Rows of groups of their own; of the first `copies`, each has a near copy in a further group."""
    words = ["battery", "screen", "charger", "camera", "speaker", "button", "cable", "strap", "manual", "lens"]
    rows = []
    for n in range(count):
        text = f"{words[n % 10]} {words[n // 10 % 10]} number {n * 7919} failed after {n * 104729} hours of use"
        rows.append({"id": f"r{n}", "review": f"g{n}", "text": text, "label": ("bad", "fair", "good")[n % 3]})
        if n < copies:
            near = {"id": f"n{n}", "review": f"n{n}", "text": f"{text} too"}
            rows.append(rows[-1] | near)
    return rows


@pytest.mark.parametrize("way", ["exactly", "by bands"])
def test_exact_joining_leaves_near_copies_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """With `join: exact` near copies do cross, which the page says; with `join: near` none does, which it says too."""
    if way == "by bands":
        monkeypatch.setattr(near_texts, "EXACT_TEXTS", 0)
    shares = {"salt": "s", "exemplar": 15, "train": 35, "holdout": 20, "vault": 30}
    found = {}
    for join in ("exact", "near"):
        readings = Readings(tmp_path / join, split=Split(**shares, join=join))
        made = readings.read(sentences(60, copies=30))
        found[join] = crossings(readings.everything().select("text", "split").rows())
        assert ("near copies were not looked for" in made.metadata["joined groups"]) == (join == "exact")
        missed = "about one pair in a hundred of similarity 0.7 is missed" in made.metadata["joined groups"]
        assert missed == (join == "near" and way == "by bands")
    assert found["near"] == []
    assert found["exact"]


def test_too_many_texts_for_near_joining_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More texts than can be compared are refused with the way out, not compared in part."""
    monkeypatch.setattr("careful_assets.anchors.grouping.NEAR_TEXTS", 50)
    monkeypatch.setattr(near_texts, "EXACT_TEXTS", 20)
    with pytest.raises(StageFailed, match=r"60 different texts are more than can be compared.*\(50\).*join to exact"):
        Readings(tmp_path).read(sentences(60, copies=0))


@pytest.mark.parametrize("groups", [1, 60])
def test_one_group_and_as_many_groups_as_rows(tmp_path: Path, groups: int) -> None:
    """One group for all rows is refused where it leaves no ruler; rows that are each a group are dealt out."""
    rows = [row | {"review": f"g{n % groups}"} for n, row in enumerate(sentences(60, copies=0))]
    readings = Readings(tmp_path)
    if groups == 1:
        with pytest.raises(StageFailed, match="no evaluation rows were offered and none are sealed"):
            readings.read(rows)
    else:
        readings.read(rows)
        assert set(readings.everything()["split"].to_list()) == {"exemplar", "train", "holdout", "vault"}
