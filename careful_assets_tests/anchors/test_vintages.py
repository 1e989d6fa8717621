"""Refreshing anchors: ids and sides never move, the vault never shrinks, each change is listed, silence is refused."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from careful_assets.card.anchors import Split
from careful_assets.errors import Refused, StageFailed
from careful_assets.text import near_texts
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import read
from careful_assets_tests.anchors.changing import World, small
from careful_assets_tests.anchors.conftest import LIMITS
from careful_assets_tests.anchors.readings import Readings, crossings

_WAYS = {"e": "exactly", "b": "by bands"}


def expected_changes(before: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> Counter[str]:
    """What a person would list who has both files."""
    both = before.keys() & now.keys()
    return Counter(
        added=len(now.keys() - before.keys()),
        removed=len(before.keys() - now.keys()),
        relabelled=sum(before[one]["label"] != now[one]["label"] for one in both),
        reworded=sum(before[one]["text"] != now[one]["text"] for one in both),
        regrouped=sum(before[one]["review"] != now[one]["review"] for one in both),
    )


def follow(root: Path, seed: int, ways: str) -> int:
    """Read a changing source once a letter and hold every reading to the promises; how many rows were set aside.

    The letters of `ways` say how near copies are found: e, exactly, as among few texts; b, by bands, as among many.
    """
    with pytest.MonkeyPatch.context() as patch:
        return _follow(
            root, seed, [partial(patch.setattr, near_texts, "EXACT_TEXTS", LIMITS[_WAYS[way]]) for way in ways]
        )


def _follow(root: Path, seed: int, ways: list[Callable[[], None]]) -> int:
    world, readings = World(random.Random(seed)), Readings(root)
    for _ in range(90):
        world.add()
    before, sides, sealed = {}, {}, {}
    for vintage, set_way in enumerate(ways, 1):
        set_way()
        if vintage > 1:
            before = dict(world.rows)
            world.refresh()
        made = readings.read(world.rows.values(), vintage)
        rows = readings.everything()
        # The vault is monotone, and what was sealed stands.
        now_sealed = dict(readings.sealed_rows().select("row_id", pl.struct("text", "label", "group_id")).iter_rows())
        assert now_sealed.items() >= sealed.items()
        # No row, and no group, moves; a row may only be set aside, when its text changed, and then stays so.
        now_sides = dict(rows.filter(pl.col("split") != "aside").select("row_id", "split").iter_rows())
        moved = {one for one in now_sides.keys() & sides.keys() if now_sides[one] != sides[one]}
        assert moved == set()
        by_group = rows.filter(pl.col("split") != "aside").group_by("group_id").agg(pl.col("split").n_unique())
        assert by_group["split"].max() == 1
        # No text and no near copy crosses.
        assert crossings(rows.select("text", "split").rows()) == []
        # Each change is listed, once.
        listed = Counter(readings.table("anchors.changes").filter(pl.col("vintage") == vintage)["change"].to_list())
        listed.pop("set_aside", None)
        assert +listed == +(expected_changes(before, world.rows) if vintage > 1 else Counter())
        # Nothing is lost: what the source holds lies open, or is sealed.
        present = readings.open_rows().height + made_sealed(readings)
        assert present == len(world.rows)
        if vintage % 3 == 0:
            assert readings.read(world.rows.values(), vintage).data_version == made.data_version, "reading it again"
        sealed, sides = now_sealed, sides | now_sides
    changes = readings.table("anchors.changes")
    return changes.filter(pl.col("change") == "set_aside").height


def made_sealed(readings: Readings) -> int:
    """Rows of the newest vintage that lie in the vault."""
    return int(readings.table("anchors.sources").sort("vintage")["sealed_rows"][-1])


@pytest.mark.parametrize("ways", ["eee", "bb", pytest.param("ebbe", marks=pytest.mark.soak)])
def test_refreshes_move_nothing(tmp_path: Path, ways: str) -> None:
    """Refreshes with additions, copies, bridges, relabels, rewordings and removals keep every promise.

    So they do where near copies are found by bands, and where a dataset outgrows the exact search or shrinks back. Ten
    refreshes, of five sources, run as a soak test.
    """
    assert follow(tmp_path, 5, ways) > 0, "no row bridged: the test would show less than it says"


@pytest.mark.soak
@pytest.mark.parametrize("ways", ["e" * 11, "b" * 11, "eebbbeebbbe"])
@pytest.mark.parametrize("seed", range(5))
def test_ten_refreshes_move_nothing(tmp_path: Path, seed: int, ways: str) -> None:
    """Ten refreshes, for two to four, of each of five sources, for one, keep every promise."""
    assert follow(tmp_path, seed, ways) > 0


@pytest.mark.parametrize("ways", ["be", "eb"])
def test_near_copies_are_found_across_ways(
    tmp_path: Path, first_readings: Callable[[str], Readings], ways: str
) -> None:
    """Rows sealed in either way, that the source dropped, draw their near copies into the vault in the other way."""
    readings = first_readings(_WAYS[ways[0]]).copy(tmp_path / "read")
    sealed = readings.sealed_rows()["text"].to_list()
    shingled = _shingles(readings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_texts, "EXACT_TEXTS", LIMITS[_WAYS[ways[1]]])
        rest = [row for row in small() if row["text"] not in sealed[:3]]
        copies = [
            {"id": f"c{n}", "review": f"copy{n}", "text": f"{text}s", "label": "bad"} for n, text in enumerate(sealed)
        ]
        readings.read([*rest, *copies], vintage=2)
    assert (shingled == 0) == (ways[0] == "b")
    assert {row["text"] for row in copies} <= set(readings.sealed_rows()["text"].to_list())
    assert crossings(readings.everything().select("text", "split").rows()) == []


def _shingles(readings: Readings) -> int:
    with connect(readings.home.vault("phone_reviews"), read_only=True) as con:
        return read(con, "sealed.fingerprints").filter(kind="shingle").height


def test_a_changed_source_needs_a_new_vintage(small_readings: Readings) -> None:
    """The same vintage with other rows is refused, with both digests and the remedy; nothing changes."""
    readings = small_readings
    before = readings.table("anchors.history").sort("row_id", "vintage")
    with pytest.raises(
        Refused, match=r"changed without a new vintage: vintage 1 was read with sha256 \w{64}, and is \w{64}"
    ):
        readings.read(small()[1:])
    assert readings.table("anchors.history").sort("row_id", "vintage").equals(before)
    readings.read(small()[1:], vintage=2)


def test_vintages_go_up_by_one(small_readings: Readings) -> None:
    """A vintage that was left behind, or one that leaves some out, is refused with the number that would do."""
    readings = small_readings
    readings.read(small(), vintage=2)
    for vintage in (1, 4):
        said = rf"anchors.vintage is {vintage}, the last one that was read is 2.*Set it to 3"
        with pytest.raises(Refused, match=said):
            readings.read(small(), vintage=vintage)


def test_a_later_vintage_may_be_the_first_here(tmp_path: Path) -> None:
    """A fresh home reads the source at whatever vintage the card has."""
    readings = Readings(tmp_path)
    readings.read(small(), vintage=3)
    assert readings.table("anchors.changes").is_empty()


def test_shares_change_with_a_vintage_only(small_readings: Readings) -> None:
    """Other shares within a vintage are refused; with the next one they hold for new groups, and move no old one."""
    readings = small_readings
    all_sealed = Split(salt="s", exemplar=1, train=1, holdout=1, vault=97)
    with pytest.raises(Refused, match=r"anchors.split changed within vintage 1.*set anchors.vintage to 2"):
        readings.read(small(), split=all_sealed)
    before = dict(readings.open_rows().select("row_id", "split").iter_rows())
    fresh = [row | {"id": f"n{row['id']}", "review": f"n{row['id']}", "text": row["text"][::-1]} for row in small()]
    readings.read([*small(), *fresh], vintage=2, split=all_sealed)
    after = dict(readings.open_rows().select("row_id", "split").iter_rows())
    assert before.items() <= after.items()
    assert len(after) - len(before) < 10


def test_the_salt_never_changes(small_readings: Readings) -> None:
    """Another salt is refused in this vintage and in the next: ids hang on it."""
    readings = small_readings
    other = Split(salt="other", exemplar=25, train=30, holdout=20, vault=25)
    for vintage in (1, 2):
        with pytest.raises(Refused, match=r"split.salt is 'other', vintage 1 was dealt out with 's'.*never move"):
            readings.read(small(), vintage=vintage, split=other)


def test_a_vault_that_was_lost_is_sealed_to_its_state_alone(small_readings: Readings) -> None:
    """A deleted vault is made again from the same source; from another one it is refused."""
    readings = small_readings
    readings.home.vault("phone_reviews").unlink()
    with pytest.raises(StageFailed, match="is gone, and the rows offered now are not those"):
        readings.read(small()[10:], vintage=2)
    readings.read(small())


def test_drift_is_measured_against_the_vintage_before(small_readings: Readings) -> None:
    """Labels, lengths and words that move, and rows that go, are measured; an equal vintage has not moved at all."""
    readings = small_readings
    assert readings.table("anchors.drift").is_empty()
    readings.read(small(), vintage=2)
    second = readings.table("anchors.drift").select("name", "value").sort("name").rows()
    assert second == [
        ("labels", 0.0), ("lengths", 0.0), ("removed", 0.0), ("vocabulary", 0.0),
    ]  # fmt: skip
    world = World(random.Random(9))
    for number in range(60):
        world.add(group=f"new{number}", text=f"entirely other words {number} " * 9)
    readings.read([row | {"id": f"x{row['id']}"} for row in world.rows.values()], vintage=3)
    third = readings.table("anchors.drift").filter(pl.col("vintage") == 3)
    drift = dict(third.select("name", "value").iter_rows())
    assert drift["removed"] == 1.0
    assert drift["vocabulary"] > 0.9
    assert drift["lengths"] > 0.9
    assert drift["labels"] < 0.3
