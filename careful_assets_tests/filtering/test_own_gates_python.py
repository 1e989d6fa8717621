"""Python gates of a dataset's own: they decide like any gate, and neither raise, hang nor lie at the run's cost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from careful_assets.card.own_gates import OwnGate
from careful_assets.errors import Refused, StageFailed
from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.own import child, entry_point
from careful_assets.filtering.own.entry_point import PythonGate
from careful_assets.filtering.settings import set_gates
from careful_assets_tests.filtering.frames import Setting, anchors_of, candidates_of

EXAMPLES = "careful_assets_tests.filtering.own_gate_examples"
ROWS, ANCHORS = candidates_of(["SECRET WORDS"]), anchors_of(["a real row"])


def gate(attribute: str, timeout_s: float | None = None) -> PythonGate:
    return PythonGate(OwnGate(name="mine", python=f"{EXAMPLES}:{attribute}", timeout_s=timeout_s))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's work in this process, which is quicker."""

    def answer(given: bytes, timeout_s: float) -> bytes:
        head, *frames = child.unpack(given)
        return child.answered(json.loads(head), frames)

    monkeypatch.setattr(entry_point, "_answer", answer)


def test_a_python_gate_decides_like_any_other() -> None:
    """Under the card's name, with its own version, scores, matches and abstentions, whatever it prints."""
    own = gate("Shouting")
    rows = candidates_of(["LOUD words", "calm words", "123"])
    decisions = run_cascade(rows, ANCHORS, set_gates([Setting("mine", 0.3)], {"mine": own}))
    assert decisions.select("gate", "gate_version", "threshold").unique().rows() == [("mine", 7, 0.3)]
    assert decisions.select("row_id", "passed", "reason", "score", "matched_row_id", "evidence").rows() == [
        ("c0", False, "shouts", 4 / 9, "a0", "capitals"),
        ("c1", True, None, 0.0, None, None),
        ("c2", True, "no_letters", None, None, None),
    ]
    with pytest.raises(Refused, match="mine needs a threshold from 0 to 1"):
        set_gates([Setting("mine", 2)], {"mine": own})


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        ("Raising", "raised LookupError"),
        ("too_few", "gave 0 decisions on 1 rows"),
        ("no_decision", "raised AttributeError"),
        ("unknown_reason", "contract on 1 rows"),
        ("passed_with_a_reason", "contract on 1 rows"),
        ("stranger", "contract on 1 rows"),
        ("nan", "contract on 1 rows"),
        ("long_evidence", "contract on 1 rows"),
        ("huge", "contract on 1 rows"),
        ("surrogate_evidence", "contract on 1 rows"),
        ("surrogate_match", "contract on 1 rows"),
    ],
)
def test_a_broken_python_gate_fails_the_stage(here: None, attribute: str, told: str) -> None:
    """By name and entry point, with what to do, and without a word that may come from a row."""
    own = gate(attribute)
    with pytest.raises(StageFailed, match=told) as failed:
        own.judge(ROWS, ANCHORS, None)
    said = str(failed.value)
    assert f"gate mine ({EXAMPLES}:{attribute})" in said
    assert "Mend the gate" in said
    assert "SECRET" not in said


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        ("Nobody", "raised AttributeError"),
        ("Shapeless", "raised AttributeError"),
        ("Unversioned", "version"),
        ("Wordy", "snake_case"),
        ("Undecided", "a reason that is also an abstention"),
        ("Spelled", "no tuple of words"),
        ("Boundless", "numbers low to high"),
    ],
)
def test_what_is_no_gate_is_refused_before_any_row_is_judged(here: None, attribute: str, told: str) -> None:
    """An attribute that does not exist, or is not in a gate's shape."""
    with pytest.raises(StageFailed, match=told):
        gate(attribute)


def test_a_module_that_does_not_exist_is_told() -> None:
    """By the name in the card."""
    with pytest.raises(StageFailed, match=r"gate mine \(no_such_package:Gate\) raised ModuleNotFoundError"):
        PythonGate(OwnGate(name="mine", python="no_such_package:Gate"))


def test_a_python_gate_that_dies_fails_the_stage() -> None:
    """Its process is gone, the run is not."""
    with pytest.raises(StageFailed, match="ended its process without an answer"):
        gate("Dying").judge(ROWS, ANCHORS, None)


def test_a_python_gate_that_hangs_is_killed_with_all_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After its time-out the stage fails, and nothing of it lives on."""
    mark = f"mark_of_{tmp_path.name}"
    monkeypatch.setenv("OWN_GATE_MARK", mark)
    own = gate("Hanging", 4)
    with pytest.raises(StageFailed, match="did not end within 4 s and was killed"):
        own.judge(ROWS, ANCHORS, None)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert mark not in running.stdout
