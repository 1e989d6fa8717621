"""CAREFUL_HOME: where everything lies, and the proof that it can be written."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from careful_assets.errors import HomeUnusable
from careful_assets.warehouse.home import Home, explained


def test_the_environment_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CAREFUL_HOME decides; without it, or where it is empty, the home is `.careful` in the project."""
    for unset in (None, ""):
        if unset is None:
            monkeypatch.delenv("CAREFUL_HOME", raising=False)
        else:
            monkeypatch.setenv("CAREFUL_HOME", unset)
        assert Home.of(tmp_path).root == tmp_path / ".careful"
    monkeypatch.setenv("CAREFUL_HOME", str(tmp_path / "elsewhere"))
    assert Home.of(tmp_path).root == tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAREFUL_HOME", "here")
    assert Home.of(tmp_path / "project").root == tmp_path / "here"


def test_a_home_is_made_once_and_kept(tmp_path: Path) -> None:
    """Preparing makes the folders, private ones for their owner alone, leaves no probe, and may be repeated."""
    home = Home(tmp_path / "deep" / "home").prepare()
    (home.journal("d")).write_text("kept", encoding="utf-8")
    home.prepare()
    assert home.journal("d").read_text(encoding="utf-8") == "kept"
    assert {path.name for path in home.root.iterdir()} == {
        "warehouse",
        "vault",
        "quarantine",
        "journal",
        "intake",
        "releases",
        "cache",
        "dagster",
    }
    for private in ("vault", "quarantine", "journal"):
        assert stat.S_IMODE((home.root / private).stat().st_mode) == 0o700


def test_datasets_have_files_of_their_own(tmp_path: Path) -> None:
    """No two datasets, and no two kinds of file of one dataset, share a path."""
    home = Home(tmp_path)
    kinds = (home.warehouse, home.vault, home.quarantine, home.journal, home.releases)
    paths = [where(dataset) for dataset in ("a", "b") for where in kinds]
    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(tmp_path) for path in paths)


def test_a_home_below_a_file_is_refused(tmp_path: Path) -> None:
    """Where a file stands in the way, it is named, and stays as it was."""
    (tmp_path / "file").write_text("taken", encoding="utf-8")
    with pytest.raises(HomeUnusable, match="set CAREFUL_HOME to another folder") as caught:
        Home(tmp_path / "file").prepare()
    assert str(tmp_path / "file") in str(caught.value)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "taken"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free space there"), (errno.EDQUOT, "free space there"), (errno.EFBIG, "free space there"),
        (errno.EACCES, "make it writable"), (errno.EROFS, "make it writable"),
    ],
)  # fmt: skip
def test_refusals_of_the_system_are_explained(tmp_path: Path, number: int, remedy: str) -> None:
    """A full disk asks for space, anything else for rights; both name the file and say that records are kept."""
    with pytest.raises(HomeUnusable, match=remedy) as caught, explained(tmp_path):
        raise OSError(number, os.strerror(number), str(tmp_path / "file"))
    assert str(tmp_path / "file") in str(caught.value)
    assert "Everything recorded so far is kept" in str(caught.value)


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    """What is no refusal of the system is not dressed up as one."""
    with pytest.raises(KeyError), explained(tmp_path):
        raise KeyError("a defect")
