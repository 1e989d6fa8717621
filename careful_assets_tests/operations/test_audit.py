"""`careful audit` tells from a release's folder alone who made its rows, and first whether it can be believed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from careful_assets.errors import MalformedInput
from careful_assets.operations.audit import audit_release
from careful_assets.operations.records.audit_text import audited_text
from careful_assets.release.content import content_digest
from careful_assets.release.files import MANIFEST, RECORDS, ROWS, file_sha256
from careful_assets.release.folder import folder_digest, write_folder
from careful_assets.release.rows import Contents
from careful_assets.release.tombstone import Retirement, bury
from careful_assets_tests.cli.projects import careful
from careful_assets_tests.house.test_light_imports import loaded_by
from careful_assets_tests.operations import planted

HOLDS, DOES_NOT_HOLD, REFUSED, MALFORMED = 0, 1, 2, 3
MADE = [planted.digest(f"made {number}") for number in range(4)]
REAL = [planted.digest(f"real {number}") for number in range(2)]


def record(number: int, **changed: Any) -> dict[str, Any]:
    """The record of a generated row: four rows of two requests, whose first row Ada looked at."""
    return {
        "row_id": MADE[number], "request_id": planted.digest(f"request {number // 2}"), "ordinal": number % 2,
        "label_source": "judge", "prompt_id": "plain", "prompt_sha256": planted.PROMPT, "rendered_prompt": "Write.",
        "generator_id": "writer", "generator_family": "writers", "generator_digest": planted.WRITER,
        "generator_revision": None, "params": "{}", "seed": 10 * (number // 2), "parent_ids": [REAL[0]],
        "reviewer": "ada" if number == 0 else None, "review": "agreed" if number == 0 else None,
        "reviewed_at": planted.WHEN if number == 0 else None,
    } | changed  # fmt: skip


def release(folder: Path, records: list[dict[str, Any]] | None = None, without: tuple[str, ...] = ()) -> Path:
    """A release's folder, whole, with those records and without those columns of them."""
    frame = pl.DataFrame(records or [record(number) for number in range(4)]).drop(*without).sort("row_id")
    origins = [*((row_id, "generated") for row_id in MADE), *((row_id, "real") for row_id in REAL)]
    rows = pl.DataFrame(
        [
            {"row_id": row_id, "text": "t", "label": "bad", "split": "train", "origin": origin}
            for row_id, origin in origins
        ]
    ).sort("row_id")
    manifest = {
        "name": "reviews", "version": "1.0.0", "content_digest": content_digest(rows, frame), "rows": {"real": 2},
        "label_sources": [],
    }  # fmt: skip
    write_folder(folder / "1.0.0", Contents(rows, frame, rows.clear()), manifest, "A card.")
    return folder / "1.0.0"


def test_each_row_is_told_by_who_made_it(tmp_path: Path) -> None:
    """Origin, generator, prompt, own seed and reviewer of each row, and how many there are of each."""
    report = audit_release(release(tmp_path))
    assert (report["exit_code"], report["differences"]) == (HOLDS, [])
    audited = report["audited"]
    rows = {row["row_id"]: row for row in audited["rows"]}
    assert set(rows) == {*MADE, *REAL}
    assert [rows[row_id]["seed"] for row_id in MADE] == [0, 1, 10, 11]
    assert rows[MADE[0]] == {
        "row_id": MADE[0], "origin": "generated", "generator_id": "writer", "prompt_sha256": planted.PROMPT, "seed": 0,
        "reviewer": "ada",
    }  # fmt: skip
    assert rows[REAL[0]]["origin"] == "real"
    assert rows[REAL[0]]["generator_id"] is None
    assert (audited["real"], audited["generated"]) == (2, 4)
    assert [(row["generator_id"], row["rows"]) for row in audited["by_generator"]] == [("writer", 4)]
    assert [(row["first"], row["last"], row["rows"]) for row in audited["seeds"]] == [(0, 11, 4)]
    assert [(row["reviewer"], row["rows"]) for row in audited["by_reviewer"]] == [("ada", 1), (None, 3)]
    told = audited_text(report)
    assert told.startswith("HOLDS")
    assert "ada: agreed" in told
    assert "nobody" in told


def test_a_folder_without_reviews_has_no_reviewer(tmp_path: Path) -> None:
    """Folders of before reviews were recorded are told as reviewed by nobody."""
    report = audit_release(release(tmp_path, without=("reviewer", "review", "reviewed_at")))
    assert [(row["reviewer"], row["rows"]) for row in report["audited"]["by_reviewer"]] == [(None, 4)]
    assert report["exit_code"] == HOLDS


def test_rows_without_a_whole_record_are_named(tmp_path: Path) -> None:
    """A row whose record is gone, and one whose prompt is, are named with what is missing; the audit does not hold."""
    records = [record(0, rendered_prompt=""), record(1), record(2, generator_digest=None)]
    report = audit_release(release(tmp_path, records))
    assert report["exit_code"] == DOES_NOT_HOLD
    missing = {row["row_id"]: row["missing"] for row in report["audited"]["incomplete"]}
    assert missing[MADE[0]] == ["rendered_prompt"]
    assert missing[MADE[2]] == ["generator_digest"]
    assert {"prompt_sha256", "seed", "request_id"} <= set(missing[MADE[3]])
    assert MADE[1] not in missing
    assert "INCOMPLETE" in audited_text(report)


def test_rows_of_unknown_origin_are_counted_apart(tmp_path: Path) -> None:
    """A row that came without provenance is told as that, and not as one whose record was lost."""
    unknown = {"generator_family": "unknown", "generator_id": "unknown", "prompt_sha256": "", "rendered_prompt": ""}
    report = audit_release(release(tmp_path, [record(0, **unknown), *(record(number) for number in (1, 2, 3))]))
    assert (report["exit_code"], report["audited"]["incomplete"]) == (HOLDS, [])
    assert report["audited"]["unknown_origin"] == [MADE[0]]
    assert "came without provenance" in audited_text(report)


@pytest.mark.parametrize("damage", ["changed", "missing", "garbled", "added", "forged"])
def test_a_folder_that_is_not_as_released_says_so_first(tmp_path: Path, damage: str) -> None:
    """Any change of a file gives exit code 1 and comes before all that the folder claims."""
    folder = release(tmp_path)
    if damage == "changed":
        pl.read_parquet(folder / ROWS).with_columns(label=pl.lit("good")).write_parquet(folder / ROWS)
    elif damage == "missing":
        (folder / RECORDS).unlink()
    elif damage == "garbled":
        (folder / ROWS).write_bytes(b"PAR1 not")
    elif damage == "added":
        (folder / "more.txt").write_text("more", encoding="utf-8")
    else:  # the manifest was made to fit the file, the content digest was not
        pl.read_parquet(folder / ROWS).with_columns(label=pl.lit("good")).write_parquet(folder / ROWS)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest["files"][ROWS] = file_sha256(folder / ROWS)
        (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    report = audit_release(folder)
    assert report["exit_code"] == DOES_NOT_HOLD
    assert report["differences"]
    assert audited_text(report).startswith("DOES NOT HOLD")


def test_a_tombstone_tells_when_and_why(tmp_path: Path) -> None:
    """A retired release is told from its manifest, with the day and the reason, and gives exit code 2."""
    folder = release(tmp_path)
    bury(folder, Retirement("1.0.0", "c", folder_digest(folder), planted.WHEN, "A person asked."))
    report = audit_release(folder)
    assert (report["exit_code"], report["differences"]) == (REFUSED, [])
    assert audited_text(report).startswith("RETIRED 2026-03-04T05:06:07+00:00: A person asked.")
    (folder / MANIFEST).unlink()
    assert audit_release(folder)["exit_code"] == REFUSED


@pytest.mark.parametrize("bad", ["nowhere", "file", "empty", "no JSON", "other JSON", "no rows"])
def test_what_is_no_release_is_malformed(tmp_path: Path, bad: str) -> None:
    """Neither a missing folder nor one with another manifest is audited; the fault names the place."""
    folder = tmp_path / "folder"
    if bad == "file":
        folder.write_text("no folder", encoding="utf-8")
    elif bad != "nowhere":
        folder.mkdir()
        texts = {"no JSON": "{", "other JSON": "[1]", "no rows": '{"files": {}, "content_digest": ""}'}
        if bad in texts:
            (folder / MANIFEST).write_text(texts[bad], encoding="utf-8")
    with pytest.raises(MalformedInput, match="folder") as refused:
        audit_release(folder)
    assert refused.value.exit_code == MALFORMED


def test_the_command_needs_nothing_but_the_folder(tmp_path: Path) -> None:
    """Outside of any project, without a home: the document and the exit code."""
    alone = tmp_path / "elsewhere"
    shutil.move(release(tmp_path), alone)
    done = careful("audit", alone, "--json", cwd=tmp_path)
    assert done.returncode == HOLDS
    assert len(json.loads(done.stdout)["audited"]["rows"]) == 6
    (alone / "more.txt").write_text("more", encoding="utf-8")
    assert careful("audit", alone, cwd=tmp_path).returncode == DOES_NOT_HOLD
    assert careful("audit", alone / "nowhere", cwd=tmp_path).returncode == MALFORMED
    assert not list(tmp_path.rglob(".careful"))


@pytest.mark.parametrize("command", ["trace", "find", "audit"])
def test_lookups_load_neither_dagster_nor_pandas(tmp_path: Path, command: str) -> None:
    """What only looks something up starts quickly: DuckDB is asked so that it does not load pandas."""
    project, home = planted.project(tmp_path)
    arguments = {
        "trace": ["careful", "trace", planted.KEPT], "find": ["careful", "find", "--prompt", "plain"],
        "audit": ["careful", "audit", str(release(tmp_path))],
    }[command]  # fmt: skip
    code = f"import sys\nsys.argv = {arguments!r}\nfrom careful_assets.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert not error.code"
    loaded = loaded_by(code, project, home.root)
    assert "dagster" not in loaded
    if command == "trace":
        assert "pandas" not in loaded
