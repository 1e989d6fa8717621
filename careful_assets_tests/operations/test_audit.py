"""`careful audit` tells from a release's folder alone who made its rows, and first whether it can be believed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from careful_assets.errors import MalformedInput
from careful_assets.operations.audit import audit_release
from careful_assets.operations.records.audit_text import audited_text
from careful_assets.provenance.release_files import MANIFEST, RECORDS, ROWS, TOMBSTONE, TOMBSTONE_FORMAT, file_sha256
from careful_assets.release.folder import folder_digest, write_folder
from careful_assets.release.rows import Contents
from careful_assets.release.tombstone import Retirement, bury
from careful_assets_tests.cli.projects import careful
from careful_assets_tests.house.test_light_imports import loaded_by
from careful_assets_tests.operations import planted
from careful_assets_tests.release.contents import manifest

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


def release(
    folder: Path, records: list[dict[str, Any]] | None = None, without: tuple[str, ...] = (), **told: Any
) -> Path:  # fmt: skip
    """A release's folder, whole, with those records, without those columns of them, and `told` in its manifest."""
    frame = pl.DataFrame(records or [record(number) for number in range(4)]).drop(*without).sort("row_id")
    origins = [*((row_id, "generated") for row_id in MADE), *((row_id, "real") for row_id in REAL)]
    rows = pl.DataFrame(
        [
            {"row_id": row_id, "text": "t", "label": "bad", "split": "train", "origin": origin}
            for row_id, origin in origins
        ]
    ).sort("row_id")
    contents = Contents(rows, frame, rows.clear())
    write_folder(folder / "1.0.0", contents, manifest(contents) | told, "A card.")
    return folder / "1.0.0"


def forged(folder: Path, tables: Mapping[str, pl.DataFrame], told: Mapping[str, Any]) -> Path:
    """The folder with other tables and other words in its manifest, which was made to fit the files."""
    document = json.loads((folder / MANIFEST).read_text(encoding="utf-8")) | told
    for name, frame in tables.items():
        frame.write_parquet(folder / name)
        document["files"][name] = file_sha256(folder / name)
    (folder / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    return folder


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
    records = [record(0, **unknown), *(record(number) for number in (1, 2, 3))]
    file = {"file_name": "old.jsonl", "file_digest": planted.digest("old"), "rows": 1}
    report = audit_release(release(tmp_path, records, inherited=[file]))
    assert (report["exit_code"], report["audited"]["incomplete"]) == (HOLDS, [])
    assert report["audited"]["unknown_origin"] == [MADE[0]]
    assert "came without provenance" in audited_text(report)


@pytest.mark.parametrize("counts", [[], [2], [0]])
def test_unknown_origin_excuses_only_what_the_manifest_tells_of(tmp_path: Path, counts: list[int]) -> None:
    """A row called unknown that came in no file on record is named, and its missing prompt with it."""
    unknown = {"generator_family": "unknown", "prompt_sha256": "", "rendered_prompt": ""}
    files = [{"file_name": "old.jsonl", "file_digest": "d", "rows": rows} for rows in counts]
    records = [record(0, **unknown), *(record(number) for number in (1, 2, 3))]
    report = audit_release(release(tmp_path, records, inherited=files))
    assert report["exit_code"] == DOES_NOT_HOLD
    assert "1 rows are of unknown origin" in report["differences"][0]
    assert report["audited"]["incomplete"][0]["missing"] == ["prompt_sha256", "rendered_prompt"]


@pytest.mark.parametrize("what", ["rows", "records", "stray", "lacking", "of a real row"])
def test_each_row_stands_once_with_one_record(tmp_path: Path, what: str) -> None:
    """Rows doubled with false text, doubled or stray records and lost ones are named, though all digests fit."""
    folder = release(tmp_path)
    rows, records = pl.read_parquet(folder / ROWS), pl.read_parquet(folder / RECORDS)
    if what == "rows":
        forged(folder, {ROWS: pl.concat([rows.with_columns(text=pl.lit("false")), rows])}, {})
    elif what == "records":
        forged(
            folder, {RECORDS: pl.concat([records, records.head(1).with_columns(rendered_prompt=pl.lit("other"))])}, {}
        )
    elif what == "lacking":
        forged(folder, {RECORDS: records.head(3)}, {})
    else:
        key = REAL[1] if what == "of a real row" else "f" * 64
        forged(folder, {RECORDS: pl.concat([records, records.head(1).with_columns(row_id=pl.lit(key))])}, {})
    report = audit_release(folder)
    told = {
        "rows": "6 ids stand on several rows", "records": "1 ids stand on several records",
        "lacking": "1 generated rows have no record", "stray": "1 records in provenance.parquet are of no generated",
        "of a real row": "1 records in provenance.parquet are of no generated",
    }[what]  # fmt: skip
    assert report["exit_code"] == DOES_NOT_HOLD
    assert any(told in line for line in report["differences"]), report["differences"]
    assert told in audited_text(report)


@pytest.mark.parametrize(
    "told",
    [
        {"rows": {"real": 6, "generated": 0}},
        {"labels": [{"label": "bad", "origin": "real", "rows": 6}]},
        {"label_sources": [{"label_source": "person", "rows": 4}]},
        {"reviewed_rows": 4},
    ],
    ids=lambda told: next(iter(told)),
)
def test_what_the_manifest_counts_is_held_to_the_rows(tmp_path: Path, told: dict[str, Any]) -> None:
    """Counts that were changed in the manifest are named; those that fit are not."""
    folder = release(tmp_path, reviewed_rows=1)
    assert audit_release(folder)["exit_code"] == HOLDS
    report = audit_release(forged(folder, {}, told))
    assert report["differences"] == [f"manifest.json counts {next(iter(told))} otherwise than the rows do"]
    assert report["exit_code"] == DOES_NOT_HOLD


def test_an_audit_says_which_digest_covers_what(tmp_path: Path) -> None:
    """Reviews and prompts rest on a manifest that nobody signed, and the report says so."""
    told = audited_text(audit_release(release(tmp_path)))
    assert "by the content digest: row_id, text, label, split, origin, generator_digest" in told
    assert "in the manifest, unsigned: prompts, votes, reviews, rejects, all else" in told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 200_000, "too deep"),
        ('{"a":' * 200 + "1" + "}" * 200, "too deep"),
        ('{"name": "\\ud800x"}', "half of a character"),
        ('{"n": ' + "1" * 5000 + "}", "no JSON"),
        ("\x00", "no JSON"),
        ("\ufeff{}", "no JSON"),
    ],
    ids=["deep", "deep objects", "surrogate", "huge number", "NUL", "BOM"],
)
@pytest.mark.parametrize("name", [MANIFEST, "TOMBSTONE.json"])
def test_hostile_json_is_malformed(tmp_path: Path, name: str, text: str, said: str) -> None:
    """No manifest and no tombstone, however made, ends in anything but one sentence that names the file once."""
    folder = release(tmp_path)
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(MalformedInput, match=said) as refused:
        audit_release(folder)
    assert str(refused.value).count(name) == 1
    assert str(refused.value).count(str(folder)) == 1


@pytest.mark.parametrize(
    "told",
    [
        {"name": 1}, {"version": ["1"]}, {"title": {}}, {"rows": []}, {"rows": {"real": "2", "generated": 4}},
        {"rows": {"real": -1, "generated": True}}, {"labels": None}, {"labels": [1]}, {"label_sources": [{"rows": 1}]},
        {"label_sources": [{"label_source": [], "rows": 4}]}, {"inherited": [{}]}, {"reviewed_rows": "1"},
        {"content_digest": 1}, {"files": {"rows.parquet": None}}, {"files": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_of_other_types_is_malformed(tmp_path: Path, told: dict[str, Any]) -> None:
    """What a folder is held against is looked at before it is used."""
    with pytest.raises(MalformedInput, match=r"manifest\.json is no release's manifest"):
        audit_release(forged(release(tmp_path), {}, told))


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        (ROWS, "origin", [1] * 6), (ROWS, "row_id", [*range(6)]), (ROWS, "text", [["t"]] * 6),
        (RECORDS, "generator_digest", [1] * 4), (RECORDS, "generator_family", [["x"]] * 4),
        (RECORDS, "seed", [[1]] * 4), (RECORDS, "seed", ["1"] * 4), (RECORDS, "params", [{"a": 1}] * 4),
        (RECORDS, "parent_ids", ["x"] * 4), (RECORDS, "rendered_prompt", [1] * 4), (RECORDS, "reviewed_at", [1] * 4),
    ],
)  # fmt: skip
def test_columns_of_another_type_are_malformed(tmp_path: Path, table: str, column: str, values: list[Any]) -> None:
    """A table is looked at before it is read; the sentence names file and column."""
    folder = release(tmp_path)
    frame = pl.read_parquet(folder / table).with_columns(pl.Series(column, values))
    with pytest.raises(MalformedInput, match=f"{table} is no release's: {column} has the type"):
        audit_release(forged(folder, {table: frame}, {}))


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        (ROWS, "label", [None] * 6), (ROWS, "row_id", [None] * 6), (ROWS, "origin", ["x"] * 6),
        (RECORDS, "row_id", [None] * 4), (RECORDS, "seed", [None] * 4), (RECORDS, "seed", [2**63 - 1] * 4),
        (RECORDS, "ordinal", [2**40] * 4), (RECORDS, "parent_ids", [[]] * 4),
        (RECORDS, "reviewer", ["a\x00\x1b[2J"] * 4),
    ],
)  # fmt: skip
def test_odd_values_do_not_hold(tmp_path: Path, table: str, column: str, values: list[Any]) -> None:
    """They are told as they are, without anything that a terminal would obey."""
    folder = release(tmp_path, reviewed_rows=1)
    frame = pl.read_parquet(folder / table).with_columns(pl.Series(column, values))
    report = audit_release(forged(folder, {table: frame}, {}))
    # The place among a request's answers is all that no digest but the file's covers.
    assert report["exit_code"] == (HOLDS if column == "ordinal" else DOES_NOT_HOLD)
    assert audited_text(report).replace("\n", "").isprintable()
    json.dumps(report, ensure_ascii=False, default=str).encode()


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "folder", "lacks a column"])
def test_tables_that_are_none_are_malformed_where_the_digests_fit(tmp_path: Path, damage: str) -> None:
    """A manifest made to fit a file that is no table does not help it."""
    folder = release(tmp_path)
    path, whole = folder / RECORDS, (folder / RECORDS).read_bytes()
    if damage == "lacks a column":
        forged(folder, {RECORDS: pl.read_parquet(path).drop("params")}, {})
    else:
        path.write_bytes({"garbage": b"PAR1 not PAR1", "empty": b"", "cut": whole[: len(whole) // 2]}.get(damage, b""))
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        forged(folder, {}, {"files": document["files"] | {RECORDS: file_sha256(path)}})
    if damage == "folder":
        path.unlink()
        path.mkdir()
        assert audit_release(folder)["exit_code"] == DOES_NOT_HOLD
        return
    with pytest.raises(MalformedInput, match=r"provenance\.parquet (cannot be read|is no release's)"):
        audit_release(folder)


def test_nothing_of_a_folder_reaches_the_terminal_as_it_is(tmp_path: Path) -> None:
    """Name, version, reviewer, review, ids, a file's name and a tombstone's words are printed without controls."""
    bad = "\x1b]0;x\x07\x9b2J\u202e"
    records = [record(0, reviewer=bad, review=bad, generator_id=bad, prompt_id=bad, label_source=bad)]
    records += [record(number) for number in (1, 2, 3)]
    folder = release(tmp_path, records, name=bad, version=bad, title=bad)
    (folder / f"{bad}.txt").write_text("x", encoding="utf-8")
    (folder / os.fsdecode(b"\xff\x1b.txt")).write_text("x", encoding="utf-8")
    report = audit_release(folder)
    json.dumps(report, ensure_ascii=False).encode()
    assert report["exit_code"] == DOES_NOT_HOLD
    assert audited_text(report).replace("\n", "").isprintable()
    stone = {"format": TOMBSTONE_FORMAT, "gone": {}, "retired_at": bad, "why": bad}
    (folder / TOMBSTONE).write_text(json.dumps(stone), encoding="utf-8")
    assert audited_text(audit_release(folder)).replace("\n", "").isprintable()


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
