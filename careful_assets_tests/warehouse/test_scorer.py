"""Scoring: counts come out right, predictors that misbehave are stopped and named."""

import json
import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets_tests.warehouse.vault_fixtures import HONEST, LABELS, Place, rows, script

TEXTS = [f"{'bad' if n % 3 else 'good'} item {n}" for n in range(24)]
SLICES = {"early": [f"row-{n}" for n in range(12)], "few": [f"row-{n}" for n in range(9)]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place.at(tmp_path_factory.mktemp("home"))
    place.seal(rows(TEXTS), SLICES)
    return place


@pytest.fixture
def predictor(tmp_path):
    """Writes a script and gives the command that runs it."""
    return partial(script, tmp_path)


def test_counts_are_right(place, predictor):
    """A right and a constant predictor are counted row for row, over all rows and the slices that are shown."""
    always = ["sh", "-c", "while read -r line; do echo praise; done"]
    scores = place.scorer.score({"right": predictor(HONEST), "always": always}, LABELS, timeout_s=20)
    assert scores.counts.columns == ["predictor", "slice", "group_digest", "label", "predicted", "n"]
    totals = scores.counts.group_by("predictor", "slice", "label", "predicted").agg(pl.col("n").sum())
    assert sorted(totals.rows()) == [
        ("always", "all", "complaint", "praise", 16),
        ("always", "all", "praise", "praise", 8),
        ("always", "early", "complaint", "praise", 8),
        ("always", "early", "praise", "praise", 4),
        ("right", "all", "complaint", "complaint", 16),
        ("right", "all", "praise", "praise", 8),
        ("right", "early", "complaint", "complaint", 8),
        ("right", "early", "praise", "praise", 4),
    ]
    groups = scores.counts.filter(predictor="right", slice="all").group_by("group_digest").agg(pl.col("n").sum())
    assert groups["n"].to_list() == [2] * 12


def test_small_slices_are_withheld_by_name(place, predictor):
    """A slice of nine rows is not answered, only named; so is everything where fewer than ten rows are sealed."""
    scores = place.scorer.score({"right": predictor(HONEST)}, LABELS)
    assert scores.withheld == ("few",)
    assert set(scores.counts["slice"]) == {"all", "early"}


def test_a_vault_of_nine_rows_answers_nothing(tmp_path, predictor):
    """The rule of ten holds for all rows together, too."""
    place = Place.at(tmp_path)
    place.seal(rows(TEXTS[:9]))
    scores = place.scorer.score({"right": predictor(HONEST)}, LABELS)
    assert scores.counts.is_empty()
    assert scores.withheld == ("all",)


def test_scoring_is_an_opening(tmp_path, predictor):
    """A scoring leaves an opening that says who was scored, on which state, and what confined it."""
    place = Place.at(tmp_path)
    sealed = place.seal(rows(TEXTS), SLICES)
    scores = place.scorer.score({"right": predictor(HONEST)}, LABELS)
    last = place.openings().row(-1, named=True)
    assert (last["stage"], last["grant_name"], last["operation"]) == ("training", "VaultScorer", "score")
    assert (last["rows"], last["registry_state"]) == (24, sealed.registry_state)
    assert json.loads(last["detail"]) == {"outcome": "done", "predictors": ["right"], "withheld": ["few"]}
    assert last["protections"] == scores.protections
    assert {"rlimits", "process group"} <= set(scores.protections.split(", "))
    assert scores.registry_state == sealed.registry_state


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise SystemExit(7)", "ended with exit code 7"),
        ("import os; os.abort()", r"was killed by signal 6 \(Aborted\)"),
        ("import time; time.sleep(60)", "did not end within 1.5 s; it was killed"),
        ("import os, time; os.close(0); os.close(1); time.sleep(60)", "did not end within 1.5 s"),
        ("print('praise')", "gave 1 labels for 24 rows"),
        (HONEST + "print('praise')", "gave 25 labels for 24 rows"),
        (HONEST.replace('"praise"', '"great"'), "gave 8 answers that are none of the 2 labels"),
        ("while True: print('praise')", "wrote more than one label a row takes; it was killed"),
        (HONEST + "raise SystemExit(1)", "ended with exit code 1"),
    ],
)
def test_misbehaving_predictor_is_named_and_recorded(place, predictor, body, message):
    """A predictor that crashes, hangs or gives the wrong labels fails the scoring, and the opening says so."""
    with pytest.raises(StageFailed, match=rf"predictor 'wrong' {message}"):
        place.scorer.score({"wrong": predictor(body)}, LABELS, timeout_s=1.5 if "sleep" in body else 20)
    last = place.openings().row(-1, named=True)
    detail = json.loads(last["detail"])
    assert (last["operation"], detail["outcome"], detail["predictors"]) == ("score", "failed", ["wrong"])
    assert "rlimits" in last["protections"]


def test_command_that_does_not_exist_is_named(place):
    """A command that cannot be started says so."""
    with pytest.raises(StageFailed, match="predictor 'none' could not be started: No such file"):
        place.scorer.score({"none": ["/no/such/program"]}, LABELS)


def test_bad_requests_are_refused_before_any_row_is_read(place):
    """No predictors, an empty command, twofold or multi-line labels, labels that the sealed rows do not have."""
    for predictors, labels, message in (
        ({}, LABELS, "nothing to score"),
        ({"m": []}, LABELS, "nothing to score"),
        ({"m": ["cat"]}, ["praise", "praise"], "distinct"),
        ({"m": ["cat"]}, ["praise", "com\nplaint"], "single lines"),
        ({"m": ["cat"]}, ["praise"], "16 sealed rows carry a label that is not among the 1 given"),
    ):
        with pytest.raises(StageFailed, match=message):
            place.scorer.score(predictors, labels)


GRANDCHILD = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)
{then}
"""


@pytest.mark.parametrize("then", ["time.sleep(60)", HONEST, "os.abort()"])
def test_grandchildren_die_with_the_predictor(place, predictor, then):
    """Whether it hangs, ends well or crashes: of what a predictor started, in whatever session, nothing stays."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    command = predictor(GRANDCHILD.format(then=then), mark)
    try:
        place.scorer.score({"p": command}, LABELS, timeout_s=1 if "sleep" in then else 20)
    except StageFailed:
        assert then != HONEST
    if "pid" not in place.openings()["protections"][-1]:
        pytest.skip("this system has no pid namespaces")
    assert not _running(mark)


def _running(mark):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            found += [entry] * (mark.encode() in (entry / "cmdline").read_bytes())
        except OSError:
            continue
    return found


def test_scorer_that_is_interrupted_leaves_no_child(place, predictor):
    """An interrupt in the middle kills the predictor and is recorded as a failed opening."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    command = predictor("import time; time.sleep(60)", mark)
    seen = []

    def interrupt():
        while not seen:
            seen.extend(_running(mark))
            time.sleep(0.01)
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            place.scorer.score({"p": command}, LABELS, timeout_s=20)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not _running(mark)
    assert json.loads(place.openings()["detail"][-1])["cause"] == "KeyboardInterrupt"


def test_order_of_rows_tells_nothing(place, predictor):
    """A predictor that goes by a row's place alone is not right: rows lie neither by id nor by label."""
    for guess in ("n % 3", "n >= 8", "n < 16"):
        body = f"import sys\nfor n, _ in enumerate(sys.stdin): print('complaint' if {guess} else 'praise')"
        counts = place.scorer.score({"place": predictor(body)}, LABELS).counts
        assert not counts.filter(pl.col("label") != pl.col("predicted")).is_empty()
