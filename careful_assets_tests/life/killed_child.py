"""A child process that materializes one stage and is killed, with its whole process group, at a named place.

Arguments: project folder, home, dataset, stage, place.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

import careful_assets.provenance.checks
import careful_assets.provenance.stage
import careful_assets.warehouse.vault_scorer
from careful_assets.llm.journal import Journal
from careful_assets.warehouse.home import Home
from careful_assets_tests.life.arrange import Life

ANSWERS_BEFORE_DEATH = 20
SEEN = "processes-that-scored"
_SECONDS_INTO_SCORING = 0.3  # its child process loads libraries for longer than that


def die(*arguments: Any, **named: Any) -> None:
    """What a power failure or an impatient operator does."""
    os.killpg(0, signal.SIGKILL)


def processes_that_name(folder: Path) -> list[str]:
    """The command lines of living processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return [line for line in found if str(folder) in line]


def predictors(home: Path) -> list[str]:
    """The processes that score a model of this home."""
    return [line for line in processes_that_name(home / "scratch") if "careful_assets.training.predict" in line]


def _after_some_answers() -> None:
    answered, count = Journal.answered, 0

    def durable(_: asyncio.Future[None]) -> None:
        nonlocal count
        count += 1
        if count == ANSWERS_BEFORE_DEATH:
            die()

    def counting(self: Journal, *arguments: Any) -> asyncio.Future[None]:
        recorded = answered(self, *arguments)
        recorded.add_done_callback(durable)
        return recorded

    Journal.answered = counting  # type: ignore[method-assign]


def _at_renaming(after: bool) -> None:
    rename = Path.rename

    def dying(self: Path, target: Path) -> Path:
        if not self.name.startswith(".making-"):
            return rename(self, target)
        if after:
            rename(self, target)
        return die()  # type: ignore[return-value]

    Path.rename = dying  # type: ignore[method-assign, assignment]


def _in_the_transaction() -> None:
    careful_assets.provenance.stage.record_version = die


def _before_the_checks() -> None:
    careful_assets.provenance.checks.judge_stage = die  # type: ignore[assignment]


def _before_the_run_starts() -> None:
    create = dg.DagsterInstance.create_run_for_job

    def dying(self: dg.DagsterInstance, *arguments: Any, **named: Any) -> Any:
        create(self, *arguments, **named)
        die()

    dg.DagsterInstance.create_run_for_job = dying  # type: ignore[method-assign]


def _while_a_model_is_scored() -> None:
    score, calls = careful_assets.warehouse.vault_scorer.run_confined, 0

    def leave_word_and_die() -> None:
        home = Path(sys.argv[2])
        (home / SEEN).write_text("\n".join(predictors(home)), encoding="utf-8")
        die()

    def dying(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:  # the first is the baseline, which has no model
            threading.Timer(_SECONDS_INTO_SCORING, leave_word_and_die).start()
        return score(*arguments, **named)

    careful_assets.warehouse.vault_scorer.run_confined = dying


PLACES: dict[str, Callable[[], None]] = {
    "before the run starts": _before_the_run_starts,
    "after some answers": _after_some_answers,
    "before the release folder has its name": lambda: _at_renaming(after=False),
    "between release folder and transaction": lambda: _at_renaming(after=True),
    "in the transaction": _in_the_transaction,
    "while a model is scored": _while_a_model_is_scored,
    "before the checks": _before_the_checks,
}


def main(project: str, home: str, dataset: str, stage: str, place: str) -> None:
    """Materialize the stage, as `careful run` does if that is what counts; never return."""
    PLACES[place]()
    life = Life(Path(project), Home(Path(home)), dataset)
    if place == "before the run starts":
        life.run(stage)
    else:
        life.materialize(stage)


if __name__ == "__main__":
    main(*sys.argv[1:])
