"""A life that is run again: the same input sends nothing and releases nothing; other input makes the next version."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from careful_assets.errors import Exit
from careful_assets.operations.jobs import RunReport
from careful_assets.release.folder import differences, read_leaves, read_manifest
from careful_assets.release.versions import FIRST
from careful_assets_tests.life.arrange import Life, failures_of

_SEED, _OTHER_SEED = "  seed: 11\n  forecast", "  seed: 12\n  forecast"
_PROMPT, _OTHER_PROMPT = "Reviews that are", "Reviews which are"
_REQUESTS = 12  # of the small project's one round


@dataclass(frozen=True)
class Again:
    """A life before and after a further run."""

    before: Life
    after: Life
    report: RunReport


@pytest.fixture(scope="module")
def again(finished_small_life: Life, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """The finished small life, run again as it stands."""
    life = finished_small_life.copy(tmp_path_factory.mktemp("again") / "life")
    return Again(finished_small_life, life, life.run())


@pytest.fixture(scope="module")
def reseeded(finished_small_life: Life, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """The finished small life, its candidates generated again with another seed."""
    life = finished_small_life.copy(tmp_path_factory.mktemp("reseeded") / "life")
    life.rewrite_card(_SEED, _OTHER_SEED)
    return Again(finished_small_life, life, life.run("generation"))


@pytest.fixture(scope="module")
def reprompted(reseeded: Again, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """The reseeded life, its candidates generated once more with another prompt."""
    life = reseeded.after.copy(tmp_path_factory.mktemp("reprompted") / "life")
    _reprompt(life, _PROMPT, _OTHER_PROMPT)
    return Again(reseeded.after, life, life.run("generation"))


def test_second_run_sends_nothing(again: Again) -> None:
    """With every answer on record no request goes out: the journal stays as it is, byte for byte."""
    assert again.report.success
    assert again.report.exit_code == Exit.HOLDS
    assert again.after.journal.read_bytes() == again.before.journal.read_bytes()
    assert Counter(_events(again.before.journal)) == {"asked": _REQUESTS, "answered": _REQUESTS}


def test_second_run_makes_the_same_data(again: Again) -> None:
    """Every stage is made anew, and each comes to the data version it had."""
    assert again.after.data_versions() == again.before.data_versions()
    made = again.after.table("provenance.versions").group_by("stage").len()
    assert set(made["len"].to_list()) == {2}


def test_second_run_makes_no_second_release(again: Again) -> None:
    """The same content is the same release: no new version, and the folder is not touched."""
    assert _releases(again.after) == _releases(again.before)
    folder, former = again.after.release_folder(), again.before.release_folder()
    assert [path.name for path in folder.parent.iterdir()] == [FIRST]
    for path in former.iterdir():
        copy = folder / path.name
        assert copy.read_bytes() == path.read_bytes()
        assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns  # copies keep it; a rewritten file would not


def test_release_folder_that_is_gone_is_written_again(copied_small_life: Life) -> None:
    """Materializing release restores a lost folder with the same content, under the same version."""
    (before,) = _releases(copied_small_life)
    leaves = read_leaves(copied_small_life.release_folder())
    shutil.rmtree(copied_small_life.release_folder())
    assert not copied_small_life.recheck("release").success
    assert copied_small_life.materialize("release").success
    assert differences(copied_small_life.release_folder()) == []
    assert read_manifest(copied_small_life.release_folder())["content_digest"] == before[1]
    assert read_leaves(copied_small_life.release_folder()) == leaves
    assert _releases(copied_small_life) == [before]


def test_release_folder_that_was_changed_is_not_released_again(copied_small_life: Life) -> None:
    """A damaged folder is neither mended nor overwritten in silence: the check says so until someone acts."""
    path = copied_small_life.release_folder() / "DATA_CARD.md"
    path.write_bytes(path.read_bytes() + b" ")
    result = copied_small_life.materialize("release")
    assert not result.success
    assert [check.check_name for check in result.get_asset_check_evaluations() if not check.passed] == [
        "folder_matches_manifest"
    ]
    assert path.read_bytes().endswith(b" ")
    assert [folder.name for folder in copied_small_life.release_folder().parent.iterdir()] == [FIRST]


def test_folder_without_its_transaction_is_adopted(copied_small_life: Life) -> None:
    """A folder that a killed run left, whole and of this content, becomes the release; it is not written twice."""
    before = {path.name: path.stat().st_mtime_ns for path in copied_small_life.release_folder().iterdir()}
    (former,) = _releases(copied_small_life)
    copied_small_life.forget(
        "release", "monitoring", "retirement"
    )  # as a kill between folder and transaction leaves it
    assert copied_small_life.materialize("release").success
    assert _releases(copied_small_life) == [former]
    assert {path.name: path.stat().st_mtime_ns for path in copied_small_life.release_folder().iterdir()} == before


def test_strange_folder_in_the_place_of_a_release_is_refused(copied_small_life: Life) -> None:
    """A folder of other content under the version's name is left alone, and the error says what to do."""
    copied_small_life.forget(
        "release", "monitoring", "retirement"
    )  # as a kill between folder and transaction leaves it
    (copied_small_life.release_folder() / "rows.parquet").write_bytes(b"something else")
    result = copied_small_life.materialize("release")
    assert not result.success
    (said,) = failures_of(result)
    assert "stands already with other content" in said
    assert "move the folder away" in said
    assert (copied_small_life.release_folder() / "rows.parquet").read_bytes() == b"something else"


def test_other_seed_makes_new_requests(reseeded: Again) -> None:
    """Another seed asks everything anew, beside the former answers, and makes other candidates."""
    assert reseeded.report.success
    assert Counter(_events(reseeded.after.journal)) == {"asked": 2 * _REQUESTS, "answered": 2 * _REQUESTS}
    assert reseeded.after.journal.read_bytes().startswith(reseeded.before.journal.read_bytes())
    former = set(reseeded.before.table("generation.requests")["request_id"].to_list())
    assert former.isdisjoint(reseeded.after.table("generation.requests")["request_id"].to_list())
    assert set(reseeded.after.table("generation.requests")["round"].to_list()) == {1}
    assert reseeded.after.data_versions()["generation"] != reseeded.before.data_versions()["generation"]


def test_other_rows_make_the_next_major_version(copied_small_life: Life) -> None:
    """Rows of the former release are gone, so the number says that it may break; the former stays as it was."""
    (former,) = _releases(copied_small_life)
    released = copied_small_life.table("release.rows").filter(origin="generated")["row_id"].min()
    copied_small_life.sql(f"update labeling.labels set confirmed = false where row_id = '{released}'")
    assert copied_small_life.materialize("training", "release").success
    assert [row[0] for row in _releases(copied_small_life)] == ["1.0.0", "2.0.0"]
    assert _releases(copied_small_life)[0] == former
    assert differences(copied_small_life.release_folder("1.0.0")) == []
    assert differences(copied_small_life.release_folder("2.0.0")) == []
    assert read_manifest(copied_small_life.release_folder("2.0.0"))["parent_version"] == "1.0.0"


def test_other_prompt_makes_new_requests(reprompted: Again) -> None:
    """A changed prompt asks everything anew, beside the former answers."""
    assert reprompted.report.success
    assert Counter(_events(reprompted.after.journal)) == {"asked": 3 * _REQUESTS, "answered": 3 * _REQUESTS}
    assert reprompted.after.journal.read_bytes().startswith(reprompted.before.journal.read_bytes())
    assert reprompted.after.data_versions()["generation"] != reprompted.before.data_versions()["generation"]


def test_going_back_restores_the_former_candidates(
    finished_small_life: Life, reprompted: Again, tmp_path: Path
) -> None:
    """With the former seed and the former prompt the former rows are there again, from the journal alone."""
    life = reprompted.after.copy(tmp_path / "life")
    life.rewrite_card(_OTHER_SEED, _SEED)
    _reprompt(life, _OTHER_PROMPT, _PROMPT)
    assert life.run("generation").success
    assert life.journal.read_bytes() == reprompted.after.journal.read_bytes()
    assert (
        life.table("generation.candidates")
        .sort("row_id")
        .equals(finished_small_life.table("generation.candidates").sort("row_id"))
    )
    assert life.data_versions()["generation"] == finished_small_life.data_versions()["generation"]


def _reprompt(life: Life, old: str, new: str) -> None:
    (prompt,) = (life.card_path.parent / "prompts").iterdir()
    text = prompt.read_text(encoding="utf-8")
    assert text.count(old) == 1
    prompt.write_text(text.replace(old, new), encoding="utf-8")


def _events(journal: Path) -> list[str]:
    return [json.loads(line)["event"] for line in journal.read_text(encoding="utf-8").splitlines()]


def _releases(life: Life) -> list[tuple[str, str, str]]:
    rows = life.table("release.releases").sort("made_at")
    return list(rows.select("version", "content_digest", "folder_digest").iter_rows())
