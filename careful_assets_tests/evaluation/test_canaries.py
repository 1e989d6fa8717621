"""Candidates and foreign files that hold a canary are leaks; a search that failed is told, and nothing is clean."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets.evaluation.canaries import held_by_file, leaks_of
from careful_assets.evaluation.detecting import DETECTORS, LEAKS
from careful_assets.text import canaries as workshop
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.connections import connect
from careful_assets_tests.warehouse.vault_fixtures import Place, rows


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place.at(tmp_path)
    place.seal(rows([f"sealed text number {n} bad" for n in range(12)]))
    return place


def registry(place: Place) -> CanaryRegistry:
    return CanaryRegistry(place.vault, place.warehouse, "run-5")


def frames(*texts: str) -> list[pl.DataFrame]:
    return [pl.DataFrame({"row_id": [f"c{number}"], "text": [text]}) for number, text in enumerate(texts)]


def test_each_sets_canary_and_the_releases_are_found(place: Place) -> None:
    """A leak names the set or the release, the canary's digest, and scores 1 of 1; the detector saw every row."""
    release = registry(place).register("release", "1.0.0", workshop)
    registry(place).register("sealed_set", "field_v1", workshop)
    inner = dict(place.inside("canaries").select("name", "text").iter_rows())["field_v1"]
    leaks, runs = leaks_of(
        registry(place), ["anchors", "field_v1"], frames("clean", str(release.text).upper(), f"so {inner}"), "state", {}
    )
    assert leaks.schema == pl.Schema(LEAKS)
    assert runs.schema == pl.Schema(DETECTORS)
    told = leaks.select("row_id", "set_name", "detector", "score", "threshold").rows()
    assert told == [("c1", "release 1.0.0", "canary", 1.0, 1.0), ("c2", "field_v1", "canary", 1.0, 1.0)]
    assert leaks["eval_row_digest"][0] == release.digest
    run = runs.row(0, named=True)
    assert (run["ran"], run["rows_seen"], run["flagged"], run["sealed_rows"]) == (True, 3, 2, 2)
    assert inner not in leaks.write_ndjson()


def test_every_named_set_has_its_canary_once(place: Place) -> None:
    """Registered when a set is first seen, and the same one ever after."""
    for _ in range(2):
        leaks_of(registry(place), ["anchors", "other"], frames("clean"), "state", {})
    assert place.inside("canaries").select("place", "name").sort("name").rows() == [
        ("sealed_set", "anchors"), ("sealed_set", "other"),
    ]  # fmt: skip


def test_a_release_whose_canary_the_vault_lost_is_told(place: Place) -> None:
    """A canary that a release carries and the registry does not have: the search is none, and names the release."""
    kept = registry(place).register("release", "1.0.0", workshop)
    carried = {"1.0.0": [kept.digest], "1.1.0": []}
    assert leaks_of(registry(place), ["anchors"], frames("clean"), None, carried)[1]["ran"].all()
    with connect(place.vault) as con:
        con.execute("delete from sealed.canaries where place = 'release'")
    leaks, runs = leaks_of(registry(place), ["anchors"], frames(str(kept.text)), None, carried)
    assert leaks.is_empty()
    assert not runs["ran"].any()
    assert "canary of release 1.0.0 no more" in runs["cause"][0]


def test_what_fails_did_not_run(tmp_path: Path, place: Place) -> None:
    """An empty vault, rows that break off, and rows without text: no leaks, no clean verdict, and a cause."""
    empty = Place.at(tmp_path / "empty")

    def broken():
        yield frames("clean")[0]
        raise RuntimeError("a row's text")

    for one, offered in (
        (registry(empty), frames("clean")),
        (registry(place), broken()),
        (registry(place), [pl.DataFrame({"row_id": ["a"]})]),
    ):
        leaks, runs = leaks_of(one, ["anchors"], offered, None, {})
        run = runs.row(0, named=True)
        assert leaks.is_empty()
        assert not run["ran"]
        assert run["cause"]
        assert "a row's text" not in run["cause"]


def test_a_foreign_file_is_searched_or_refused(place: Place, tmp_path: Path) -> None:
    """Rows that hold a canary are told; without a vault there is no answer."""
    release = registry(place).register("release", "1.0.0", workshop)
    assert held_by_file(registry(place), frames("clean", f"x {release.text}"))["row_id"].to_list() == ["c1"]
    with pytest.raises(StageFailed, match="nothing sealed yet"):
        held_by_file(registry(Place.at(tmp_path / "empty")), frames("clean"))
