"""An erasure that is killed anywhere is completed by the same command."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from careful_assets_tests.life.arrange import Life
from careful_assets_tests.operations.erasing import (
    REASON,
    Victim,
    never_run_again,
    plant_everywhere,
    shown_exemplar,
    steps,
)
from careful_assets_tests.operations.searching import places_of

_SEED = 20261122


def _started(life: Life, victim: Victim) -> subprocess.Popen[bytes]:
    command, environment = life.command("erase", life.dataset, "--anchor", victim.row_id, "--reason", REASON)
    return subprocess.Popen(
        command, cwd=life.project, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _kill_and_complete(times: int, life: Life, tmp_path: Path, rested: bool) -> None:
    """Erase undisturbed for the time it takes; then, in fresh copies, kill it at random moments within it."""
    moments = random.Random(_SEED)
    took = 0.0
    for attempt in range(times + 1):
        copy = life.copy(tmp_path / f"{attempt}")
        if rested:
            never_run_again(copy)
        victim = shown_exemplar(copy)
        plant_everywhere(copy, victim)
        begun, child = time.monotonic(), _started(copy, victim)
        if attempt:
            time.sleep(took * moments.uniform(0.2, 1.0))  # before that it loads libraries
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            child = _started(copy, victim)
        assert child.wait() == 0
        took = took or time.monotonic() - begun
        assert steps(copy)[-1] == "done"
        assert places_of(victim.text, copy.home.root) == set(), f"killed in attempt {attempt}"


def test_killed_at_a_moment(finished_small_life: Life, tmp_path: Path) -> None:
    """Killed at one moment, the rerun completes it: this shows that there is a way back, and bounds no rate."""
    _kill_and_complete(1, finished_small_life, tmp_path, rested=True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_ten_moments(finished_small_life: Life, tmp_path: Path) -> None:
    """Killed at 10 moments, those while the successor is made among them, the rerun completes it each time.

    10 without a failure bound the rate of failures at 26%, with 95% confidence: (1 - 0.26)^10 < 0.05.
    """
    _kill_and_complete(10, finished_small_life, tmp_path, rested=False)
