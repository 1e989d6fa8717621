"""`careful trace` tells the whole record of a row, and says of an erased one that it was erased."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from careful_assets.operations.records.lookups import UnknownRow
from careful_assets.operations.records.trace_text import trace_text
from careful_assets.operations.trace import trace_row
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets_tests.benchmarks.tracing import build, incomplete, some_rows
from careful_assets_tests.cli.projects import careful
from careful_assets_tests.operations import planted
from careful_assets_tests.operations.planted import DATASET


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Home]:
    """The planted project and home. Read them, never write."""
    return planted.project(tmp_path_factory.mktemp("traced"))


def traced(place: tuple[Path, Home], row_id: str) -> dict[str, Any]:
    project, home = place
    return trace_row(home, [DATASET], row_id, {DATASET: project / "cards" / DATASET / "card.yaml"})


def test_a_generated_row_tells_everything(place: tuple[Path, Home]) -> None:
    """Prompt with its file, generator, seed, parents, gates, votes, reviews, leak check, runs and releases."""
    story = traced(place, planted.KEPT)
    assert story["prompt"]["sha256"] == planted.PROMPT
    assert story["prompt"]["file"] == "unchanged"
    assert Path(story["prompt"]["path"]).read_text(encoding="utf-8") == planted.TEMPLATE
    assert (story["request"]["generator_digest"], story["request"]["seed"]) == (planted.WRITER, 10)
    assert [(parent["row_id"], parent["origin"]) for parent in story["parents"]] == [(planted.SHOWN, "real")]
    assert [row["gate"] for row in story["decisions"]] == ["format"]
    assert [row["judge"] for row in story["votes"]] == ["one"]
    assert [(row["reviewer"], row["decision"]) for row in story["reviews"]] == [("ada", "agreed")]
    assert [(row["detector"], row["ran"]) for row in story["leak_check"]["detectors"]] == [
        ("exact", True), ("ngram", False)
    ]  # fmt: skip
    assert story["leak_check"]["of_these_candidates"]
    assert [row["mix_id"] for row in story["training_runs"]] == ["mix1"]
    assert [(row["version"], row["status"]) for row in story["releases"]] == [
        ("1.0.0", "retired"), ("2.0.0", "active"), ("10.0.0", "active")
    ]  # fmt: skip
    told = trace_text(story)
    for word in ("the file is still that one", "ada agreed", "exact v1 found nothing among 9 sealed rows",
                 "ngram v1 DID NOT RUN", "mix1",
                 "1.0.0 RETIRED 2026-03-04 05:06:07+00:00: A person asked."):  # fmt: skip
        assert word in told


def test_a_terminal_gets_no_control_characters(place: tuple[Path, Home]) -> None:
    """What a generator or a source wrote cannot steer the terminal, and a long prompt is cut there and nowhere else."""
    story = traced(place, planted.KEPT)
    told = trace_text(story)
    assert "\x1b" in story["parents"][0]["text"]
    assert not [letter for letter in told.replace("\n", "") if not letter.isprintable()]
    assert told.count("Write like these:") == 12
    assert "719 characters, 40 lines" in told
    assert story["request"]["rendered_prompt"].count("Write like these:") == 40


@pytest.mark.parametrize(
    ("row", "held"),
    [
        (planted.KEPT, {"anchor"}), (planted.REFUSED, {"anchor", "seed"}), (planted.GRANDCHILD, {"anchor"}),
        (planted.OTHER, set()), (planted.SHOWN, {"anchor"}), (planted.UNSHOWN, set()),
    ],
)  # fmt: skip
def test_exclusions_that_hold_a_row_are_told(place: tuple[Path, Home], row: str, held: set[str]) -> None:
    """By seed, and by ancestors at any depth; one that was withdrawn holds nothing."""
    story = traced(place, row)
    assert {one["kind"] for one in story["exclusions"]} == held
    assert ("EXCLUDED" in trace_text(story)) == bool(held)


def test_a_real_row_tells_what_was_made_from_it(place: tuple[Path, Home]) -> None:
    """Descendants of all generations are counted and named."""
    story = traced(place, planted.SHOWN)
    assert story["descendants"]["rows"] == 4
    assert set(story["descendants"]["row_ids"]) == {planted.KEPT, planted.REFUSED, planted.GRANDCHILD, planted.STRUCK}
    assert "4 generated rows" in trace_text(story)


def test_an_inherited_row_tells_file_and_line(place: tuple[Path, Home]) -> None:
    """A row of family `unknown` names the file and the line that it came from, and no prompt."""
    story = traced(place, planted.INHERITED)
    assert story["prompt"] is None
    assert [(row["file_name"], row["line"]) for row in story["inherited"]] == [("training_v3.jsonl", 7)]
    assert "line 7 of training_v3.jsonl" in trace_text(story)


def test_a_struck_row_keeps_its_text_to_itself(place: tuple[Path, Home]) -> None:
    """The text of kin of a sealed row is in neither form; that it was found is."""
    story = traced(place, planted.STRUCK)
    assert f"Text {planted.STRUCK[:4]}" not in json.dumps(story, default=str)
    assert "FOUND KIN" in trace_text(story)


def test_a_row_of_an_earlier_generation_is_traced_from_its_record(tmp_path: Path) -> None:
    """The warehouse's record with text, and votes, review and rendered prompt from the release's folder."""
    place = planted.project(tmp_path)
    planted.turn_over(place[1])
    story = traced(place, planted.KEPT[:16])
    assert story["candidate"]["text"] == "t"
    assert (story["request"]["seed"], story["request"]["rendered_prompt"]) == (10, "Write like these: one")
    assert story["prompt"]["file"] == "unchanged"
    assert [(vote["judge"], vote["label"]) for vote in story["votes"]] == [("one", "bad")]
    assert [row["reviewer"] for row in story["reviews"]] == ["ada"]
    assert story["label"]["label_source"] == "judge"
    assert {one["kind"] for one in story["exclusions"]} == {"anchor"}
    assert len(story["releases"]) == 3
    told = trace_text(story)
    for word in ("row of reviews of an earlier generation", "prompt from release 2.0.0", "one: bad", "ada agreed"):
        assert word in told
    (parent,) = traced(place, planted.GRANDCHILD)["parents"]
    assert (parent["origin"], parent["text"]) == ("generated", "t")


@pytest.mark.parametrize("how", ["missing", "damaged", "retired"])
def test_what_no_folder_has_is_said_to_be_gone(tmp_path: Path, how: str) -> None:
    """Without a readable folder the record still tells prompt, generator and seed, and what is gone."""
    place = planted.project(tmp_path)
    planted.turn_over(place[1], folder=how != "missing")
    folder = place[1].releases(DATASET) / "2.0.0"
    if how == "damaged":
        (folder / "provenance.parquet").write_bytes(b"no Parquet")
    if how == "retired":
        (folder / "TOMBSTONE.json").write_text("{}", encoding="utf-8")
    story = traced(place, planted.KEPT)
    assert (story["request"]["rendered_prompt"], story["votes"]) == (None, [])
    assert story["request"]["generator_digest"] == planted.WRITER
    assert "votes and rendered prompt are gone" in trace_text(story)


def test_what_let_a_row_in_is_told_after_it_was_taken_out(tmp_path: Path) -> None:
    """A row that has lost its label since, and that a release still holds, shows the release's label, votes, review."""
    place = planted.project(tmp_path)
    record = {"row_id": planted.KEPT, "label_source": "judge"}
    planted.release_folder(place[1], record)
    assert traced(place, planted.KEPT)["released"] is None
    with connect(place[1].warehouse(DATASET)) as con:
        for table in ("votes", "labels", "reviews"):
            con.execute(f"delete from labeling.{table}")
    story = traced(place, planted.KEPT)
    assert story["released"]["version"] == "2.0.0"
    told = trace_text(story)
    for word in ("let in by", "release 2.0.0: label bad, judge", "vote one: bad", "review ada agreed"):
        assert word in told


def test_an_erased_record_is_told_as_erased(tmp_path: Path) -> None:
    """A record whose request was erased is refused as any erased row is."""
    place = planted.project(tmp_path)
    planted.turn_over(place[1])
    with connect(place[1].warehouse(DATASET)) as con:
        planted.add(con, "provenance.erased", {"erasure_id": "erasure1", "kind": "request", "item": planted.REQUEST})
    with pytest.raises(UnknownRow, match="was erased from reviews by erasure erasure1"):
        traced(place, planted.KEPT)


def test_a_row_of_a_fitted_model_is_held_by_any_exemplar(tmp_path: Path) -> None:
    """It is said to have learned from all of them, and an exclusion of one holds it; a stand-in seed is no seed."""
    place = planted.project(tmp_path)
    with connect(place[1].warehouse(DATASET)) as con:
        con.execute(f"update generation.requests set generator_family = 'ngram' where request_id = '{planted.THIRD}'")
        con.execute("update filtering.exclusions set item = '0..0' where kind = 'seed'")
        con.execute(f"update generation.candidates set personal_data = ['email'] where row_id = '{planted.OTHER}'")
    story = traced(place, planted.OTHER)
    assert {one["item"] for one in story["exclusions"]} == {planted.SHOWN}
    assert "from every row that was an exemplar" in trace_text(story)
    assert "masked     email" in trace_text(story)
    assert traced(place, planted.SHOWN)["descendants"]["rows"] == 5
    inherited = traced(place, planted.INHERITED)
    assert (inherited["request"]["seed"], inherited["exclusions"]) == (None, [])


def test_a_damaged_dataset_does_not_stop_a_trace(tmp_path: Path) -> None:
    """It is named on stderr, and only a row that no other has is refused for it."""
    _, home = planted.project(tmp_path)
    home.warehouse("broken").touch()
    assert "cannot read" in trace_row(home, ["broken", DATASET], planted.KEPT)["skipped"]["broken"]
    with pytest.raises(UnknownRow, match="broken could not be looked into: cannot read"):
        trace_row(home, ["broken", DATASET], "0" * 64)


def test_a_changed_template_is_told(tmp_path: Path) -> None:
    """A template edited since, gone, or of another prompt than the card names is told as that."""
    place = planted.project(tmp_path)
    template = place[0] / "cards" / DATASET / "prompts" / "plain.jinja"
    assert traced(place, planted.OTHER)["prompt"]["file"] == "unknown"
    template.write_text("Other words", encoding="utf-8")
    assert traced(place, planted.KEPT)["prompt"]["file"] == "changed"
    template.unlink()
    story = traced(place, planted.KEPT)
    assert story["prompt"]["file"] == "missing"
    assert "not there any more" in trace_text(story)


def test_an_erased_row_is_told_as_erased(place: tuple[Path, Home]) -> None:
    """Exit code 2, with the day, the erasure and its receipt."""
    project, home = place
    done = careful("trace", planted.ERASED[:12], cwd=project, CAREFUL_HOME=str(home.root))
    assert done.returncode == 2
    for word in (planted.ERASED, "erasure1", "2026-03-04 05:06:07 UTC", '{"rows": 3}'):
        assert word in done.stderr


def test_a_row_of_two_datasets_needs_a_dataset(tmp_path: Path) -> None:
    """Where two datasets share a real row, the command says so, and --dataset decides."""
    project, home = planted.project(tmp_path)
    other = home.warehouse("copied")
    other.write_bytes(home.warehouse(DATASET).read_bytes())
    with pytest.raises(UnknownRow, match="several datasets: reviews, copied; name one with --dataset"):
        trace_row(home, [DATASET, "copied"], planted.SHOWN)
    done = careful("trace", planted.SHOWN, "--dataset", DATASET, cwd=project, CAREFUL_HOME=str(home.root))
    assert done.returncode == 0


def test_records_are_complete_at_scale(tmp_path: Path) -> None:
    """Every traced row of a made-up warehouse has its whole record: of 4,000 here, of a million in the benchmark."""
    home = Home(tmp_path)
    build(home.warehouse(DATASET), 4_000)
    for row_id in some_rows(home.warehouse(DATASET), 5):
        assert incomplete(trace_row(home, [DATASET], row_id[:20])) == []
