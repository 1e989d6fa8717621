"""`careful rejudge` as a person meets it, and `careful trace` on a row that a gate refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from careful_assets.operations.records.trace_text import trace_text
from careful_assets.operations.trace import trace_row
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import NAME, careful, make_project
from careful_assets_tests.house.test_light_imports import loaded_by
from careful_assets_tests.life.arrange import Life
from careful_assets_tests.life.damage import LEAK_COLUMNS

HOLDS, DOES_NOT_HOLD, REFUSED, USAGE = 0, 1, 2, 64
LOOSER = ("--gate", "near_duplicate", "--threshold", "0.8")
# The planted reviews are of one mould: what compares their wording or sense refuses real ones, too.
OVERRIDES = "".join(f"{{gate: {gate}, threshold: 1, reason: A test.}}, " for gate in ("novelty", "semantic_duplicate"))
# A candidate, and an anchor that it is made to resemble.
_ROW, _ANCHOR = (f"(select min(row_id) from {table})" for table in ("generation.candidates", "anchors.rows"))


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A small life as far as filtering, with one candidate that nearly copies a real row. Read it, never write."""
    root = tmp_path_factory.mktemp("filtered")
    life = Life(make_project(root), Home(root / ".careful"), NAME)
    life.rewrite_card("labeling: {", f"filtering: {{overrides: [{OVERRIDES}]}}\nlabeling: {{")
    assert life.materialize("anchors", "purpose", "generation").success
    said = f"(select text from anchors.rows where row_id = {_ANCHOR}) || ' And so it went for us.'"
    life.sql(f"update generation.candidates set text = {said} where row_id = {_ROW}")
    assert life.materialize("filtering").success
    return life


@pytest.fixture
def life(filtered: Life, tmp_path: Path) -> Life:
    """The same, to change."""
    shutil.copytree(filtered.project, tmp_path, dirs_exist_ok=True)
    return Life(tmp_path, Home(tmp_path / ".careful"), NAME)


def nearly_copied(life: Life) -> tuple[str, str, str]:
    """The planted candidate, the anchor that it resembles, and the anchor's text."""
    anchor = life.table("anchors.rows").sort("row_id").row(0, named=True)
    return str(life.table("generation.candidates")["row_id"].min()), anchor["row_id"], anchor["text"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([*LOOSER, "--apply"], USAGE, "--apply needs --reason"),
        ([*LOOSER, "--apply", "--reason", " "], USAGE, "--apply needs --reason"),
        ([*LOOSER, "--reason", "why"], USAGE, "--reason needs --apply"),
        (["--gate", "near_duplicate"], USAGE, "--threshold"),
        (["--gate", "near_duplicate", "--threshold", "high"], USAGE, "'--threshold'"),
        (["--gate", "format", "--threshold", "1"], REFUSED, "those are"),
        (["--gate", "unheard_of", "--threshold", "1"], REFUSED, "near_duplicate"),
        (["--gate", "near_duplicate", "--threshold", "1.5"], REFUSED, "from 0.1 to 1 (Jaccard"),
    ],
)
def test_wrong_calls_are_told_what_would_be_right(filtered: Life, arguments: list[str], code: int, said: str) -> None:
    """A call that lacks something is a usage error; a gate or threshold that cannot be had is refused."""
    done = careful("rejudge", NAME, *arguments, cwd=filtered.project)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_without_filtering_there_is_nothing_to_judge_again(tmp_path: Path) -> None:
    """A dataset that was never filtered is told so, and nothing is written."""
    done = careful("rejudge", NAME, *LOOSER, cwd=make_project(tmp_path))
    assert done.returncode == DOES_NOT_HOLD
    assert f"never run, so that there is nothing to judge again; run `careful run {NAME} --to filtering`" in done.stderr
    assert not (tmp_path / ".careful").exists()


def test_a_trial_is_shown_and_an_override_recorded(life: Life) -> None:
    """The trial prints what the recorded run comes to; the override's data version and what is below it are told."""
    version = life.data_versions()["filtering"]
    trial = careful("rejudge", NAME, *LOOSER, cwd=life.project)
    assert trial.returncode == HOLDS, trial.stderr
    assert "near_duplicate at 0.8 instead of 0.7 (the card: 0.7)" in trial.stdout
    assert "nothing was changed" in trial.stdout
    assert life.data_versions()["filtering"] == version

    done = careful("rejudge", NAME, *LOOSER, "--apply", "--reason", "a test", "--json", cwd=life.project)
    assert done.returncode == HOLDS, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["success"]
    assert report["data_version_before"] == version != report["data_version"] == life.data_versions()["filtering"]
    assert f"kept         {report['kept']} of 48, before {report['kept_before']}" in trial.stdout
    groups = [*report["readmitted"], *report["newly_refused"], *report["other_reason"]]
    assert nearly_copied(life)[0] in {row_id for group in groups for row_id in group["row_ids"]}
    for group in groups:
        assert f"{group['rows']:>5}  {group['gate_before'] or 'kept'}" in trial.stdout
    assert life.table("filtering.overrides").select("gate", "threshold", "reason").rows() == [
        ("near_duplicate", 0.8, "a test")
    ]


def test_a_trial_needs_no_dagster(filtered: Life) -> None:
    """Trying out a threshold loads no Dagster."""
    arguments = ["careful", "rejudge", NAME, *LOOSER]
    code = f"import sys\nsys.argv = {arguments!r}\nfrom careful_assets.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as error:\n    assert not error.code"
    assert "dagster" not in loaded_by(code, filtered.project, filtered.home.root)


def test_a_refused_row_is_traced_to_the_row_that_it_resembles(filtered: Life) -> None:
    """Gate, reason, score, threshold and the matched row's text, in both forms."""
    row_id, anchor, text = nearly_copied(filtered)
    story = trace_row(filtered.home, [NAME], row_id)
    refusal = story["decisions"][-1]
    assert (refusal["gate"], refusal["reason"], refusal["passed"]) == ("near_duplicate", "resembles_anchor", False)
    assert refusal["score"] >= refusal["threshold"] == 0.7
    assert (refusal["matched_row_id"], refusal["matched_text"]) == (anchor, text)
    told = trace_text(story)
    assert f"REFUSED near_duplicate v{refusal['gate_version']}, score {refusal['score']:.3f}, threshold 0.7" in told
    assert ": resembles_anchor" in told
    assert f"matches {anchor[:16]}: {text}" in told


def test_kin_of_a_sealed_row_stays_withheld_where_it_is_matched(life: Life) -> None:
    """A matched row that was struck as a leak is named by its id, its text is not."""
    row_id, _, _ = nearly_copied(life)
    struck = life.table("generation.candidates").sort("row_id").row(-1, named=True)
    life.sql(
        f"update filtering.decisions set matched_row_id = '{struck['row_id']}'"
        f" where not passed and row_id = '{row_id}'",
        f"insert into {LEAK_COLUMNS} values ('{struck['row_id']}', 'digest', 'exact', 1, 1, 'planted')",
    )
    told = trace_text(trace_row(life.home, [NAME], row_id))
    assert f"matches {struck['row_id'][:16]}: (withheld: kin of a sealed row)" in told
    assert struck["text"] not in told


def test_an_abstention_tells_why(life: Life) -> None:
    """A gate that passed the row without judging it says for which reason."""
    row_id, _, _ = nearly_copied(life)
    reason = "reason = 'too_short_to_judge'"
    life.sql(f"update filtering.decisions set {reason} where position = 0 and row_id = '{row_id}'")
    assert "passed  format v1: too_short_to_judge" in trace_text(trace_row(life.home, [NAME], row_id))
