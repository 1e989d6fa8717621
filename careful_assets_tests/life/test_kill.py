"""A run that is killed anywhere leaves nothing that the next run does not put right."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg
import pytest

from careful_assets.provenance.stages import STAGES
from careful_assets.release.folder import differences
from careful_assets.warehouse.models import run_model
from careful_assets_tests.life import killed_child
from careful_assets_tests.life.arrange import Life, new_life, new_small_life

_SEED = 20261126
_AT_ONCE = 2
_RELEASE_PLACES = [
    "before the release folder has its name",
    pytest.param("between release folder and transaction", marks=pytest.mark.soak),
    "in the transaction",
    "before the checks",
]


@dataclass(frozen=True)
class Killed:
    """A life whose run was killed at a moment, and how the run after it ended."""

    life: Life
    moment: float
    exit_code: int
    said: str


@pytest.mark.timeout(900)  # a life that is killed, and run again
def test_kill_at_any_moment(finished_small_life: Life, tmp_path: Path) -> None:
    """Killed at one moment before labels stand, a life comes to the undisturbed data.

    One kill without a failure shows that the way back exists, and bounds the rate of failures at no more than 95%,
    with 95% confidence; the 20 of the soak test, in the whole of a life, bound it at 14%. The tests below kill at the
    places that matter most, in scoring and releasing too.
    """
    _kill_and_compare(1, finished_small_life, new_small_life, tmp_path, "labeling")


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_kills_at_many_moments(finished_life: Life, anchor_cache: Path, tmp_path: Path) -> None:
    """Killed at 20 moments of a run, a life of the demo card comes to the undisturbed content each time.

    20 without a failure bound the rate of failures at 14%, with 95% confidence: (1 - 0.14)^20 < 0.05.
    `test_kill_at_any_moment` does the same once, with the first half of the small project's life.
    """
    _kill_and_compare(20, finished_life, lambda root: new_life(root, anchor_cache), tmp_path, "retirement")


@pytest.mark.parametrize("place", _RELEASE_PLACES)
def test_kill_while_releasing(finished_small_life: Life, copied_small_life: Life, place: str) -> None:
    """Wherever a release is cut off, the next run makes this one version of it, whole and of the same content.

    One of the places is in the soak run alone: "in the transaction" leaves the same behind.
    """
    later = ("release", "monitoring", "retirement")
    copied_small_life.forget(*later)
    for path in sorted(copied_small_life.release_folder().iterdir()):
        path.unlink()
    copied_small_life.release_folder().rmdir()
    _die(copied_small_life, "release", place)
    committed = place == "before the checks"
    assert ("release" in copied_small_life.versions()) == committed
    assert copied_small_life.table("release.releases").height == committed
    assert copied_small_life.release_folder().exists() == (place != "before the release folder has its name")

    assert copied_small_life.materialize("release").success
    assert _content(copied_small_life) == _content(finished_small_life)
    assert [path.name for path in copied_small_life.release_folder().parent.iterdir()] == ["1.0.0"]
    assert differences(copied_small_life.release_folder()) == []


def test_kill_while_generating(finished_life: Life, copied_life: Life) -> None:
    """What was answered before the kill is not asked again; at most what was in flight is, and is marked so."""
    copied_life.forget("generation", "filtering")
    copied_life.journal.unlink()
    _die(copied_life, "generation", "after some answers")
    kept = Counter(event for event, _ in _events(copied_life.journal))
    assert killed_child.ANSWERS_BEFORE_DEATH <= kept["answered"] < 38
    assert "generation" not in copied_life.versions()
    assert copied_life.table("generation.candidates").is_empty()

    assert copied_life.materialize("generation").success
    events = _events(copied_life.journal)
    in_flight = kept["asked"] - kept["answered"]
    assert Counter(request for event, request in events if event == "answered").most_common(1)[0][1] == 1
    assert Counter(event for event, _ in events) == {"asked": 38 + in_flight, "answered": 38}
    assert int(copied_life.table("generation.requests")["resent"].sum()) == in_flight
    assert copied_life.data_versions()["generation"] == finished_life.data_versions()["generation"]


def test_kill_before_the_run_starts(copied_small_life: Life) -> None:
    """A run that was noted and never started does not stand as waiting for ever: the next run closes it."""
    _die(copied_small_life, "anchors", "before the run starts")
    assert _run_states(copied_small_life) == [dg.DagsterRunStatus.NOT_STARTED]
    assert copied_small_life.run("anchors").success
    assert set(_run_states(copied_small_life)) == {dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS}


def test_kill_while_scoring(finished_small_life: Life, copied_small_life: Life) -> None:
    """The child that scores sealed rows dies with its run, and the next run comes to the same scores."""
    copied_small_life.forget("training")
    _die(copied_small_life, "training", "while a model is scored")
    assert (copied_small_life.home.root / killed_child.SEEN).read_text(encoding="utf-8")
    deadline = time.monotonic() + 10
    while (alive := killed_child.predictors(copied_small_life.home.root)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive == []
    assert "training" not in copied_small_life.versions()
    assert copied_small_life.materialize("training").success
    assert not copied_small_life.home.scratch(copied_small_life.dataset, "training").exists()
    assert copied_small_life.data_versions()["training"] == finished_small_life.data_versions()["training"]


def _kill_and_compare(kills: int, finished: Life, make: Callable[[Path], Life], folder: Path, to_stage: str) -> None:
    made = dict(finished.table("provenance.versions").select("stage", "made_at").iter_rows())
    left = made["retirement"] - made[to_stage]
    duration = finished.seconds - left.total_seconds() + _start_up_seconds()
    draw = random.Random(_SEED)
    # One moment in each part of the run, uniform within it.
    moments = [(part + draw.random()) * duration / kills for part in range(kills)]
    folders = [folder / str(number) for number in range(kills)]
    killed_and_run_again = partial(_killed_and_run_again, make=make, to_stage=to_stage)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        outcomes = list(pool.map(killed_and_run_again, folders, moments))
    for outcome in outcomes:
        _is_as_if_undisturbed(outcome, finished, to_stage)


def _killed_and_run_again(folder: Path, moment: float, make: Callable[[Path], Life], to_stage: str) -> Killed:
    life = make(folder / "life")
    while not _killed(life, moment, to_stage):
        # The machine was slower when the duration was measured: the run was over. Another life, an earlier moment.
        moment *= 0.7
        shutil.rmtree(folder)
        life = make(folder / "life")
    command, environ = life.command("run", life.dataset, "--to", to_stage)
    again = subprocess.run(
        command, cwd=life.project, env=environ, capture_output=True, text=True, timeout=240, check=False
    )
    return Killed(life, moment, again.returncode, again.stdout + again.stderr)


def _killed(life: Life, moment: float, to_stage: str) -> bool:
    """Start `careful run` and kill it with its process group at the moment; False if it was over by then."""
    command, environ = life.command("run", life.dataset, "--to", to_stage)
    scratch = life.project.parent / "tmp"
    scratch.mkdir()
    run = subprocess.Popen(
        command, cwd=life.project, env={**environ, "TMPDIR": str(scratch)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        run.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        return run.wait() == -signal.SIGKILL
    return False


def _is_as_if_undisturbed(outcome: Killed, finished: Life, to_stage: str) -> None:
    life, where = outcome.life, f"killed after {outcome.moment:.2f} s: {outcome.said}"
    assert outcome.exit_code == 0, where
    made = STAGES[: STAGES.index(to_stage) + 1]
    undisturbed = finished.data_versions()
    assert life.data_versions() == {stage: undisturbed[stage] for stage in made}, where
    if "release" in made:
        assert _content(life) == _content(finished), where
        assert [path.name for path in life.release_folder().parent.iterdir()] == ["1.0.0"], where
        assert differences(life.release_folder()) == [], where
    with life.view() as view:
        assert run_model(view.connection, "filtering/conservation").is_empty(), where
    answered = Counter(request for event, request in _events(life.journal) if event == "answered")
    assert set(answered.values()) == {1}, where
    assert set(_run_states(life)) <= {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}, where


def _die(life: Life, stage: str, place: str) -> None:
    module = [sys.executable, "-m", killed_child.__name__]
    died = subprocess.run(
        [*module, str(life.project), str(life.home.root), life.dataset, stage, place],
        cwd=Path(killed_child.__file__).parents[2],
        capture_output=True, text=True, timeout=120, check=False, start_new_session=True,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stdout + died.stderr


def _run_states(life: Life) -> list[dg.DagsterRunStatus]:
    with dg.DagsterInstance.from_config(str(life.home.dagster)) as instance:
        return [run.status for run in instance.get_runs()]


def _start_up_seconds() -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import careful_assets.operations.jobs"], check=True)
    return time.monotonic() - begun


def _content(life: Life) -> list[tuple[str, str]]:
    return list(life.table("release.releases").select("version", "content_digest").iter_rows())


def _events(journal: Path) -> list[tuple[str, str]]:
    """Kind and request id of each event."""
    events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    return [(event["event"], event.get("request_id") or event["request"]["request_id"]) for event in events]
