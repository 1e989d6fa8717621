"""The canary of a release: in the folder and its manifest, and neither a row nor part of the content."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from careful_assets.provenance.release_content import content_digest
from careful_assets.provenance.release_tables import read_tables
from careful_assets.provenance.released import released
from careful_assets.release.folder import differences, folder_digest, read_leaves, read_manifest, write_folder
from careful_assets.release.planting import canary_rows, planted
from careful_assets.release.tombstone import Retirement, bury
from careful_assets.text.canaries import parsed
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets_tests.release.contents import CONTENTS, RECORDS, ROWS, manifest
from careful_assets_tests.warehouse.vault_fixtures import Place, rows


@pytest.fixture
def registry(tmp_path: Path) -> CanaryRegistry:
    place = Place.at(tmp_path / "home")
    place.seal(rows([f"sealed text number {n} bad" for n in range(12)]))
    return CanaryRegistry(place.vault, place.warehouse, "run-6")


def write(registry: CanaryRegistry, target: Path) -> Path:
    canaries = planted(registry, "1.0.0")
    told = manifest() | {"canaries": [{"digest": one.digest, "text": one.text} for one in canaries]}
    write_folder(target, CONTENTS, told, "# Reviews\n", canary_rows(canaries, ROWS))
    return target


def test_it_lies_beside_the_rows_and_counts_nowhere(registry: CanaryRegistry, tmp_path: Path) -> None:
    """The folder is whole; rows, records, leaves and content digest are those of the same release without one."""
    folder = write(registry, tmp_path / "1.0.0")
    assert differences(folder) == []
    found = pl.read_parquet(folder / "canaries.parquet")
    assert found.schema == ROWS.schema
    assert found["origin"].to_list() == ["canary"]
    told = read_manifest(folder)
    assert told["canaries"] == [{"digest": found["row_id"][0], "text": found["text"][0]}]
    assert parsed(found["text"][0]).text == found["text"][0]
    assert set(told["files"]) >= {"canaries.parquet", "rows.parquet"}
    assert told["content_digest"] == content_digest(ROWS, RECORDS)
    assert read_tables(folder)[0].equals(ROWS)
    assert list(read_leaves(folder)) == ROWS["row_id"].to_list()
    assert released(folder).rows.height == ROWS.height


def test_a_folder_that_is_written_again_is_the_same(registry: CanaryRegistry, tmp_path: Path) -> None:
    """The same canary of the same version: the same bytes, and another version has another canary."""
    first, again = (folder_digest(write(registry, tmp_path / name)) for name in ("a", "b"))
    assert first == again
    assert planted(registry, "1.1.0")[0].text != planted(registry, "1.0.0")[0].text


def test_data_read_by_a_pattern_holds_it(registry: CanaryRegistry, tmp_path: Path) -> None:
    """Whoever reads every file with a row's columns takes the canary along, told by its origin."""
    folder = write(registry, tmp_path / "1.0.0")
    found = [pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    taken = pl.concat([frame for frame in found if frame.columns == ROWS.columns])
    assert taken.height == ROWS.height + 1
    assert taken.filter(origin="canary").height == 1


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_canary_that_is_gone_or_changed_is_seen(registry: CanaryRegistry, tmp_path: Path, damage: str) -> None:
    """It is a file of the manifest like any other."""
    path = write(registry, tmp_path / "1.0.0") / "canaries.parquet"
    if damage == "gone":
        path.unlink()
    else:
        pl.read_parquet(path).with_columns(text=pl.lit("harmless")).write_parquet(path)
    assert len(differences(path.parent)) == 1


def test_what_is_left_of_a_retired_release_tells_its_digest(registry: CanaryRegistry, tmp_path: Path) -> None:
    """The file goes; manifest and tombstone stay, and are whole."""
    folder = write(registry, tmp_path / "1.0.0")
    digest = planted(registry, "1.0.0")[0].digest
    content = read_manifest(folder)["content_digest"]
    bury(folder, Retirement("1.0.0", content, folder_digest(folder), datetime(2026, 1, 2, tzinfo=UTC), "it was wrong"))
    assert not (folder / "canaries.parquet").exists()
    assert differences(folder) == []
    stone = json.loads((folder / "TOMBSTONE.json").read_text(encoding="utf-8"))
    assert "canaries.parquet" in stone["gone"]
    assert digest in (folder / "manifest.json").read_text(encoding="utf-8")


def test_folders_of_before_there_were_canaries_stay_whole(tmp_path: Path) -> None:
    """Nothing demands one of them."""
    write_folder(tmp_path / "1.0.0", CONTENTS, manifest(), "# Reviews\n")
    assert differences(tmp_path / "1.0.0") == []
    assert not (tmp_path / "1.0.0" / "canaries.parquet").exists()
