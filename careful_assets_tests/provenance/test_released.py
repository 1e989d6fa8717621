"""A release is read from its folder only where the folder is whole, stands, and is the one that was meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets.provenance.release_files import MANIFEST, RECORDS, ROWS, file_sha256
from careful_assets.provenance.released import released, released_batches
from careful_assets.release.folder import folder_digest, read_manifest, write_folder
from careful_assets.release.tombstone import Retirement, bury
from careful_assets_tests.release.contents import CONTENTS, manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "releases" / "1.0.0"
    write_folder(target, CONTENTS, manifest(), "# Reviews\n")
    return target


def _renamed(folder: Path, files: dict[str, Any]) -> None:
    """The manifest with other digests of files: whoever changes a file can change these, too."""
    told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    told["files"] |= files
    (folder / MANIFEST).write_text(json.dumps(told), encoding="utf-8")


def _bury(folder: Path) -> None:
    content = read_manifest(folder)["content_digest"]
    day = datetime(2026, 1, 2, tzinfo=UTC)
    bury(folder, Retirement("1.0.0", content, folder_digest(folder), day, "it was\nwrong"))


def _exchange_rows(folder: Path, rows: pl.DataFrame) -> None:
    rows.write_parquet(folder / ROWS)
    _renamed(folder, {ROWS: file_sha256(folder / ROWS)})


def _exchange_bytes(folder: Path, data: bytes) -> None:
    (folder / ROWS).write_bytes(data)
    _renamed(folder, {ROWS: file_sha256(folder / ROWS)})


def _folder_for_rows(folder: Path) -> None:
    (folder / ROWS).unlink()
    (folder / ROWS).mkdir()


def test_a_whole_folder_is_read(folder: Path) -> None:
    """Manifest, rows and records come as they were written; the content digest that was promised is held to them."""
    found = released(folder, manifest()["content_digest"])
    assert found.rows.equals(CONTENTS.rows)
    assert found.records.select(CONTENTS.records.columns).equals(CONTENTS.records)
    assert found.manifest["name"] == "reviews"


def test_batches_give_every_row_once_and_in_order(folder: Path) -> None:
    """Streamed by three rows, the file gives its rows in its order, and no batch is larger."""
    parts = list(released_batches(folder, ["row_id", "text"], 3))
    assert [part.height for part in parts] == [3, 1]
    assert pl.concat(parts).equals(CONTENTS.rows.select("row_id", "text"))


_HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "rows gone": (lambda folder: (folder / ROWS).unlink(), "rows.parquet cannot be read: there is no such file"),
    "rows changed": (lambda folder: CONTENTS.rows.head(3).write_parquet(folder / ROWS), "rows.parquet was changed"),
    "rows torn": (lambda folder: (folder / ROWS).write_bytes((folder / ROWS).read_bytes()[:-9]), "was changed"),
    "a folder for rows": (_folder_for_rows, "no such file"),
    "rows not named": (lambda folder: (folder / MANIFEST).write_text('{"files":{},"content_digest":""}'), "not name"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), "manifest.json cannot be read"),
    "no JSON": (lambda folder: (folder / MANIFEST).write_text("{"), "no JSON"),
    "a list": (lambda folder: (folder / MANIFEST).write_text("[]"), "holds no object"),
    "deep": (lambda folder: (folder / MANIFEST).write_text("[" * 10**5), "too deep"),
    "half a character": (lambda folder: (folder / MANIFEST).write_text('{"a":"\\ud800"}'), "half of a character"),
    "digests that are none": (lambda folder: _renamed(folder, {ROWS: 7}), "a file's digest is no text"),
    "garbage, as the manifest says": (lambda folder: _exchange_bytes(folder, b"x"), "no whole Parquet file"),
    "rows without texts": (lambda folder: _exchange_rows(folder, CONTENTS.rows.drop("text")), "it lacks text"),
    "texts that are numbers": (
        lambda folder: _exchange_rows(folder, CONTENTS.rows.with_columns(text=pl.lit(1))),
        "text has the type Int32",
    ),
    "retired": (_bury, r"it was retired on 2026-01-02 \(it was wrong\)"),
    "a tombstone that is none": (lambda folder: (folder / "TOMBSTONE.json").write_text("{}"), "is no tombstone"),
}


@pytest.mark.parametrize("kind", _HOSTILE)
def test_a_folder_that_is_not_whole_is_refused_with_words(folder: Path, kind: str) -> None:
    """Missing, changed, torn, hostile and retired: both ways of reading refuse before they give a row."""
    damage, told = _HOSTILE[kind]
    damage(folder)
    for read in (lambda: released(folder), lambda: next(released_batches(folder, ["row_id", "text"], 3))):
        with pytest.raises(StageFailed, match=told) as caught:
            read()
        assert str(caught.value).startswith("release 1.0.0 cannot be used: ")
        assert "it smokes" not in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: CONTENTS.records.head(1).write_parquet(folder / RECORDS), "provenance.parquet was changed"),
        (lambda folder: _exchange_rows(folder, CONTENTS.rows.head(3)), "the rows do not give the content digest"),
        (lambda folder: _exchange_rows(folder, pl.concat([CONTENTS.rows] * 2)), "4 ids stand on several rows"),
    ],
)
def test_rows_and_records_are_held_to_the_content_digest(folder: Path, damage: Any, told: str) -> None:
    """Rows that were exchanged together with their file's digest do not give the content digest."""
    damage(folder)
    with pytest.raises(StageFailed, match=told):
        released(folder)


def test_another_content_and_another_place_are_refused(folder: Path) -> None:
    """What was promised is held to, and a folder that is not there is told as such."""
    with pytest.raises(StageFailed, match=r"its content digest is \w{16}\.\.\., not f{16}\.\.\."):
        released(folder, "f" * 64)
    for path in (folder.parent / "2.0.0", folder / ROWS):
        with pytest.raises(StageFailed, match="there is no such folder"):
            released(path)
