"""The quarantine's file: its owner's alone, its key kept, its rows those of the last call."""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb
import polars as pl
import pytest

from careful_assets.errors import HomeUnusable
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.quarantine import ROWS, Quarantine, text_digest
from careful_assets.warehouse.tables import read


def rows(*ids: str) -> pl.DataFrame:
    """Rows of these ids."""
    data = [(one, f"write to {one}@example.org", ["email"], "d" * 64) for one in ids]
    return pl.DataFrame(data, schema=ROWS, orient="row")


def stored(quarantine: Quarantine) -> pl.DataFrame:
    """What lies in the file."""
    with connect(quarantine.path, read_only=True) as con:
        return read(con, "quarantine.rows").sort("row_id")


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    """One that does not exist yet."""
    return Quarantine(tmp_path / "quarantine" / "tickets.duckdb")


def test_the_file_is_its_owners_alone(quarantine: Quarantine) -> None:
    """File 0600 in a folder 0700, from the first call on and after each."""
    for _ in range(2):
        quarantine.key()
        quarantine.keep(rows("a"))
        assert stat.S_IMODE(quarantine.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(quarantine.path.parent.stat().st_mode) == 0o700


def test_nothing_to_keep_makes_no_file(quarantine: Quarantine) -> None:
    """A dataset whose cell refuses no personal data has no quarantine."""
    quarantine.keep(rows())
    assert quarantine.count() == 0
    assert not quarantine.path.exists()


def test_the_key_is_drawn_once_and_is_its_own(quarantine: Quarantine, tmp_path: Path) -> None:
    """Digests stay comparable within a quarantine and say nothing without it."""
    key = quarantine.key()
    quarantine.keep(rows("a"))
    assert quarantine.key() == key
    assert len(key) == 32
    other = Quarantine(tmp_path / "other" / "tickets.duckdb").key()
    assert text_digest(key, "a text") == text_digest(key, "a text") != text_digest(other, "a text")


def test_the_last_call_decides_what_is_kept(quarantine: Quarantine) -> None:
    """Rows that are no candidates any more go, known ones keep the time at which they came, new ones get theirs."""
    quarantine.keep(rows("a", "b"))
    before = dict(stored(quarantine).select("row_id", "quarantined_at").iter_rows())
    quarantine.keep(rows("b", "c"))
    after = dict(stored(quarantine).select("row_id", "quarantined_at").iter_rows())
    assert set(after) == {"b", "c"}
    assert after["b"] == before["b"] < after["c"]
    assert quarantine.count() == 2
    once = stored(quarantine)
    quarantine.keep(rows("c", "b"))
    assert stored(quarantine).equals(once)


def test_a_file_that_a_killed_stage_left_without_tables_holds_nothing(quarantine: Quarantine) -> None:
    """It is counted as empty, and the next call fills it."""
    quarantine.path.parent.mkdir()
    with connect(quarantine.path):
        pass
    assert quarantine.count() == 0
    quarantine.keep(rows("a"))
    assert quarantine.count() == 1


def test_what_cannot_be_kept_changes_nothing(quarantine: Quarantine) -> None:
    """A row id that comes twice is refused as a whole, and no message quotes a text."""
    quarantine.keep(rows("a"))
    with pytest.raises(duckdb.ConstraintException) as caught:
        quarantine.keep(rows("b", "b"))
    assert "example.org" not in str(caught.value)
    assert stored(quarantine)["row_id"].to_list() == ["a"]


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    """Where a file stands in the way, the error says what to do."""
    (tmp_path / "quarantine").write_text("in the way", encoding="utf-8")
    with pytest.raises(HomeUnusable, match="CAREFUL_HOME"):
        Quarantine(tmp_path / "quarantine" / "tickets.duckdb").key()
