"""What is left of a retired release: what can still be audited, and nothing that could be loaded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from careful_assets.provenance.release_files import is_retired, read_tombstone
from careful_assets.release.folder import differences, folder_digest, read_manifest
from careful_assets.release.tombstone import Retirement, bury
from careful_assets.release.versions import version_after_retired
from careful_assets_tests.life.arrange import Life, failures_of

_KEPT = {"manifest.json", "DATA_CARD.md", "TOMBSTONE.json"}


def _retirement(life: Life) -> Retirement:
    folder = life.release_folder()
    content = read_manifest(folder)["content_digest"]
    return Retirement("1.0.0", content, folder_digest(folder), datetime(2026, 1, 2, tzinfo=UTC), "it was wrong")


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_data_goes_and_digests_stay(copied_life: Life) -> None:
    """Manifest and card stay as they were; the tombstone says version, why, when, and the digests of what went."""
    folder, one = copied_life.release_folder(), _retirement(copied_life)
    manifest = read_manifest(folder)
    bury(folder, one)
    bury(folder, one)
    assert _names(folder) == _KEPT
    assert read_manifest(folder) == manifest
    told = read_tombstone(folder)
    assert told["gone"] == {name: manifest["files"][name] for name in told["gone"]}
    assert set(told["gone"]) == {"rows.parquet", "provenance.parquet", "rejects.parquet", "canaries.parquet"}
    assert (told["version"], told["status"], told["why"]) == ("1.0.0", "retired", "it was wrong")
    assert (told["content_digest"], told["folder_digest"]) == (one.content_digest, one.folder_digest)
    assert differences(folder) == []


def test_a_kill_after_the_tombstone_is_finished(copied_life: Life) -> None:
    """A folder with a tombstone is retired, whatever else lies in it; burying it again takes that away."""
    folder, one = copied_life.release_folder(), _retirement(copied_life)
    rows = (folder / "rows.parquet").read_bytes()
    bury(folder, one)
    (folder / "rows.parquet").write_bytes(rows)
    (folder / ".TOMBSTONE.json.making").write_text("{", encoding="utf-8")
    assert is_retired(folder)
    assert any("rows.parquet is there" in line for line in differences(folder))
    bury(folder, one)
    assert _names(folder) == _KEPT


@pytest.mark.parametrize("name", ["manifest.json", "DATA_CARD.md", "TOMBSTONE.json"])
def test_a_changed_tombstone_is_seen(copied_life: Life, name: str) -> None:
    """Manifest, card and tombstone are held against the folder's digest of before."""
    folder = copied_life.release_folder()
    bury(folder, _retirement(copied_life))
    text = (folder / name).read_text(encoding="utf-8")
    changed = text.replace("rows.parquet", "Rows.parquet") if name == "TOMBSTONE.json" else f"{text} "
    (folder / name).write_text(changed, encoding="utf-8")
    assert differences(folder) != []


def test_a_folder_that_is_gone_gets_a_tombstone(copied_life: Life, tmp_path: Path) -> None:
    """So that nothing restores it."""
    bury(tmp_path / "1.0.0", _retirement(copied_life))
    assert _names(tmp_path / "1.0.0") == {"TOMBSTONE.json"}


def test_a_release_that_people_retired_does_not_come_back(copied_life: Life) -> None:
    """The same content again is refused, and says why; nothing is written and the folder stays as it is."""
    life = copied_life
    bury(life.release_folder(), _retirement(life))
    life.sql("update release.releases set status = 'retired', retired_because = 'it was wrong'")
    result = life.materialize("release")
    assert not result.success
    assert "it was wrong" in failures_of(result)[0]
    assert _names(life.home.releases(life.dataset)) == {"1.0.0"}
    assert _names(life.release_folder()) == _KEPT


def test_the_version_after_a_retired_one() -> None:
    """Its rows are not there to compare with: the next is a new major version."""
    assert version_after_retired("3.2.0") == "4.0.0"
