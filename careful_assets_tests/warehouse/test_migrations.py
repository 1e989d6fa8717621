"""Migrations: each applied once and whole, and a warehouse of a newer version is not touched."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets.provenance.stages import TABLES
from careful_assets.warehouse import migrations
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.tables import append, read


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one migration in place of the package's own."""
    folder = tmp_path / "steps"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("create table t (a integer); insert into t values (1);")
    monkeypatch.setattr(migrations, "_FOLDER", folder)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.duckdb"


def applied(path: Path) -> list[int]:
    with connect(path, read_only=True) as con:
        return sorted(read(con, "provenance.schema_version")["version"])


def test_a_new_warehouse_has_every_stages_tables(path: Path) -> None:
    """All tables that the stages own are there, empty."""
    migrate(path)
    with connect(path, read_only=True) as con:
        for tables in TABLES.values():
            for table in tables:
                frame = read(con, table.name)
                assert frame.is_empty()
                assert table.volatile <= set(frame.columns)


def test_each_migration_is_applied_once(path: Path, steps: Path) -> None:
    """Migrating again changes nothing; a new step is applied to what stands, and its number and time are noted."""
    migrate(path)
    migrate(path)
    assert applied(path) == [1]
    (steps / "0002_second.sql").write_text("alter table t add column b integer default 7;")
    migrate(path)
    migrate(path)
    assert applied(path) == [1, 2]
    with connect(path, read_only=True) as con:
        assert read(con, "t").rows() == [(1, 7)]
        assert read(con, "provenance.schema_version")["applied_at"].null_count() == 0


def test_a_failing_migration_leaves_the_warehouse_as_it_was(path: Path, steps: Path) -> None:
    """A step that fails in the middle is undone, and with it those of the same go before it."""
    migrate(path)
    (steps / "0002_second.sql").write_text("insert into t values (2);")
    (steps / "0003_third.sql").write_text("insert into t values (3); select * from nowhere;")
    with pytest.raises(Exception, match="nowhere"):
        migrate(path)
    assert applied(path) == [1]
    (steps / "0003_third.sql").write_text("insert into t values (3);")
    migrate(path)
    assert applied(path) == [1, 2, 3]
    with connect(path, read_only=True) as con:
        assert sorted(read(con, "t")["a"]) == [1, 2, 3]


def test_a_newer_warehouse_is_not_touched(path: Path, steps: Path) -> None:
    """A file that a newer version wrote is refused, with what to install, and stays as it is."""
    migrate(path)
    with connect(path) as con:
        newer = read(con, "provenance.schema_version").with_columns(version=pl.lit(9, pl.Int32))
        append(con, "provenance.schema_version", newer)
    with pytest.raises(StageFailed, match=r"schema version 9, this careful-assets knows 1: install the newer version"):
        migrate(path)
    assert applied(path) == [1, 9]


def test_migrations_are_numbered_without_gaps() -> None:
    """The package's steps are 0001, 0002 and so on: the version is how many were applied."""
    names = sorted(step.name for step in migrations._FOLDER.glob("*.sql"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
