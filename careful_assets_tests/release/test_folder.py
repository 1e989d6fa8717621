"""The release folder: there whole or not at all, and every kind of tampering is found."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from careful_assets.errors import HomeUnusable, StageFailed
from careful_assets.provenance.release_content import content_digest
from careful_assets.release.folder import differences, folder_digest, read_leaves, read_manifest, write_folder
from careful_assets.release.rows import Contents
from careful_assets_tests.release.contents import CONTENTS, RECORDS, REJECTS, ROWS, manifest

FILES = {"rows.parquet", "provenance.parquet", "rejects.parquet", "manifest.json", "DATA_CARD.md"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "releases" / "1.0.0"
    write_folder(target, CONTENTS, manifest(), "# Reviews\n")
    return target


def left_in(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_what_was_written_reads_back(folder: Path) -> None:
    """The five files hold what they were given, and the folder is as its manifest says."""
    assert {path.name for path in folder.iterdir()} == FILES
    assert pl.read_parquet(folder / "rows.parquet").equals(ROWS)
    assert pl.read_parquet(folder / "provenance.parquet").equals(RECORDS)
    assert set(read_manifest(folder)["files"]) == FILES - {"manifest.json"}
    assert differences(folder) == []
    assert list(read_leaves(folder)) == ROWS["row_id"].to_list()


def test_the_same_release_has_the_same_digest(folder: Path, tmp_path: Path) -> None:
    """Written twice, a release is the same to the byte; the name of its folder does not count."""
    other = tmp_path / "elsewhere" / "copy"
    assert write_folder(other, CONTENTS, manifest(), "# Reviews\n") == folder_digest(folder)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "DATA_CARD.md").write_text("# Better\n"), "DATA_CARD.md was changed"),
        (lambda folder: (folder / "rows.parquet").unlink(), "rows.parquet is missing"),
        (lambda folder: (folder / "notes.txt").write_text("hello"), "notes.txt is not in the manifest"),
        (lambda folder: (folder / ".hidden").write_text("hello"), ".hidden is not in the manifest"),
        (lambda folder: ROWS.head(3).write_parquet(folder / "rows.parquet"), "rows.parquet was changed"),
        (lambda folder: (folder / "rejects.parquet").write_bytes(b""), "rejects.parquet was changed"),
        (lambda folder: (folder / "provenance.parquet").write_bytes(b"garbage"), "provenance.parquet was changed"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.json"),
    ],
)
def test_each_kind_of_tampering_is_found(folder: Path, damage: Any, told: str) -> None:
    """A file changed, gone or added, and a manifest that is gone or is none, is each named."""
    before = folder_digest(folder)
    damage(folder)
    found = differences(folder)
    assert any(told in line for line in found), found
    assert folder_digest(folder) != before


def test_folders_in_place_of_files_are_found(folder: Path) -> None:
    """A folder where a file should be, or where nothing should be, is found like any other change."""
    (folder / "rows.parquet").unlink()
    (folder / "rows.parquet").mkdir()
    (folder / "extra").mkdir()
    assert differences(folder) == ["extra is not in the manifest", "rows.parquet was changed"]


def test_files_changed_together_with_the_manifest_are_found(folder: Path) -> None:
    """Rows changed with a manifest made to fit them no longer give the content digest, nor the folder's digest."""
    before = folder_digest(folder)
    changed = ROWS.with_columns(text=pl.lit("harmless"))
    other = Contents(changed, RECORDS, REJECTS)
    forged = folder.parent / "forged"
    write_folder(forged, other, manifest(), "# Reviews\n")
    assert differences(forged) == ["the rows do not give the content digest"]
    whole = manifest(other)
    assert whole["content_digest"] == content_digest(changed, RECORDS)
    fitting = folder.parent / "fitting"
    assert write_folder(fitting, other, whole, "# Reviews\n") != before


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """Where nothing stands, that is the difference."""
    assert differences(tmp_path / "9.9.9") == ["9.9.9 is missing"]


def test_a_release_is_never_written_over(folder: Path) -> None:
    """A second release of one version is refused, and the first stays as it was."""
    before = folder_digest(folder)
    other = Contents(ROWS.head(1), RECORDS.clear(), REJECTS)
    with pytest.raises(StageFailed, match="stands already"):
        write_folder(folder, other, manifest(other), "# Other\n")
    assert folder_digest(folder) == before
    assert {path.name for path in folder.parent.iterdir()} == {"1.0.0"}


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A manifest that is no JSON, met when three files are already written, leaves neither folder nor leftovers."""
    target = tmp_path / "releases" / "1.0.0"
    with pytest.raises(TypeError):
        write_folder(target, CONTENTS, {**manifest(), "made_at": object()}, "# Reviews\n")
    assert left_in(tmp_path) == []
    assert not target.exists()


@pytest.mark.parametrize("call", range(6))
def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Whichever file the disk refuses to take to safety, the target stays absent and the message says what to do."""
    calls, real = iter(range(100)), os.fsync

    def full(handle: int) -> None:
        if next(calls) == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    target = tmp_path / "releases" / "1.0.0"
    with pytest.raises(HomeUnusable, match="free space there"):
        write_folder(target, CONTENTS, manifest(), "# Reviews\n")
    if call < 5:
        assert left_in(tmp_path) == []
    else:  # the last sync is that of the folder above, once the whole release stands in it
        assert differences(target) == []


_WRITES = """
import resource, signal, sys
from pathlib import Path
from careful_assets.errors import HomeUnusable
from careful_assets.release.folder import write_folder
from careful_assets_tests.release.contents import CONTENTS, manifest
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_folder(Path(sys.argv[1]), CONTENTS, manifest(), "# Reviews\\n" * 2000)
except HomeUnusable as error:
    print(error)
"""


@pytest.mark.parametrize("most_bytes", [0, 100, 8000])
def test_files_that_may_not_grow_leave_nothing(tmp_path: Path, most_bytes: int) -> None:
    """A file system that takes only so many bytes of a file is told as such, whichever file it refuses."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    target = tmp_path / "releases" / "1.0.0"
    command = [sys.executable, "-c", _WRITES, str(target), str(most_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "free space there" in done.stdout
    assert left_in(tmp_path) == []


def test_leftovers_of_a_killed_run_are_cleared(tmp_path: Path) -> None:
    """What a killed run left half made is removed by the next one, and other releases are not touched."""
    target = tmp_path / "releases" / "1.0.0"
    left = target.parent / ".making-0123"
    left.mkdir(parents=True)
    (left / "rows.parquet").write_bytes(b"half")
    write_folder(target, CONTENTS, manifest(), "# Reviews\n")
    write_folder(target.parent / "1.1.0", CONTENTS, manifest(), "# Reviews\n")
    assert {path.name for path in target.parent.iterdir()} == {"1.0.0", "1.1.0"}
    assert differences(target) == []


def test_the_manifest_is_plain_sorted_json(folder: Path) -> None:
    """The manifest's keys are sorted, and it ends with a line end: two of them can be compared by eye."""
    text = (folder / "manifest.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
