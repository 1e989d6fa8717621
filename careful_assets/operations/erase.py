"""Erasing a real row, and everything that was made from it or copies it: one command, one call.

Belongs here: the order of an erasure, and going on with one that was cut off. What is done when: the ids of all that is
reached are recorded (`begun`: no stage may run); journal, intake, quarantine, release folders and vault are swept; the
warehouse is written anew, which makes it `swept`; the life is run up to where it stood, and then it is `done`. Killed
anywhere, the same command goes on. Does not belong here: each of those steps (`erasing`), and taking a
sealed set out of the vault (`erase_set`).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.errors import Exit, GateClosed, Refused
from careful_assets.llm.journal_erasing import erase_requests
from careful_assets.operations.erasing.reach import journals, reach_of
from careful_assets.operations.erasing.receipt import plan_of, receipt_of, refuse_wordless
from careful_assets.operations.erasing.row import erased_before, real_row, refuse_telling
from careful_assets.operations.erasing.sweep import LOCK, busy_scratch, sweep, unseal
from careful_assets.operations.erasing.warehouse import Erasure, begin, erasure_of, rewrite_warehouse
from careful_assets.provenance.erasures import record_step, refuse_unfinished
from careful_assets.provenance.ledger import current_versions, guard, last_made, latest_verdicts
from careful_assets.provenance.lineage.graph import graph_of
from careful_assets.provenance.lineage.page import write_page
from careful_assets.provenance.stages import STAGES
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import Home, emptied
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.quarantine import Quarantine


def erase(
    project_root: Path, loaded: LoadedCard, home: Home, anchor: str, reason: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """Erase the real row; the receipt, with `success`, and `problems` where its successor could not be made.

    One that was begun before is gone on with, for the reason that was given then; one that is done changes nothing.

    Args:
        project_root: where the cards are.
        loaded: the dataset's card.
        home: where the dataset lives.
        anchor: the row's id, its first eight digits or more if it lies open, or its key in the source.
        reason: one printable line, without the row's text.
        say: gets a line a step.

    Raises:
        Refused: there is no such row, or the reason is none; nothing was erased.
        GateClosed: another row's erasure is unfinished.
        StageFailed: another process erases, or holds a journal or a file; the same command goes on later.
        HomeUnusable: CAREFUL_HOME cannot be written, or is full; the same command goes on later.
    """
    name, line = loaded.card.name, refuse_wordless(reason)
    if not home.warehouse(name).exists():
        raise Refused(f"{name}: nothing was materialized yet, so that there is no row to erase")
    home.prepare()
    migrate(home.warehouse(name))
    with emptied(home.scratch(name, LOCK)):
        erasure = _begun(loaded, home, anchor, line)
        if erasure.status == "done":
            return {**erasure.plan, "success": True, "already_done": True}
        alone = f"{len(erasure.choices)} completions of others"
        say(f"{name}: {len(erasure.requests)} requests, {alone} and {len(erasure.candidates)} rows made of them go")
        erasure = sweep(home, name, erasure)
        if erasure.status == "begun":
            rewrite_warehouse(home.warehouse(name), erasure, unseal(home, name, erasure))
            _drawn_anew(loaded, home)
            say(f"{name}: erased; its life is run again, up to where it stood")
    return _succeeded(project_root, loaded, home, replace(erasure, status="swept"), say)


def _begun(loaded: LoadedCard, home: Home, anchor: str, reason: str) -> Erasure:
    """The erasure on record, or a new one."""
    path, name = home.warehouse(loaded.card.name), loaded.card.name
    with connect(path, read_only=True) as con:
        known = erased_before(con, loaded, anchor)
        if known is None:
            refuse_unfinished(con, name)
    if known is None:
        for journal in journals(home, name):
            erase_requests(journal, ())  # refused while another process writes it, before anything is recorded
    with connect(path) as con:
        if known is None:
            row = real_row(con, loaded, home, anchor)
            refuse_telling(loaded, home, row, reason)
            key = Quarantine(home.quarantine(name)).key()
            with transaction(con):
                reach = reach_of(con, loaded, home, row)
                plan = plan_of(con, home, loaded.card, reach)
                begin(con, uuid.uuid4().hex, reach, reason, plan, key)
            known = row.row_id
        found = erasure_of(con, known)
    assert found is not None
    return found


def _succeeded(
    project_root: Path, loaded: LoadedCard, home: Home, erasure: Erasure, say: Callable[[str], None]
) -> dict[str, Any]:
    """Run the life up to where it stood, unless that was done since, and close the erasure if it came to that."""
    name = loaded.card.name
    report: dict[str, Any] = {"success": True, "problems": [], "advice": [], "exit_code": int(Exit.HOLDS)}
    with connect(home.warehouse(name), read_only=True) as con:
        to_stage = last_made(con)
    if to_stage is not None and not _stands(loaded, home, erasure.erasure_id, to_stage):
        from careful_assets.operations.jobs import run_life

        run = run_life(project_root, home, name, to_stage, say)
        report = {
            "success": run.success,
            "problems": run.problems,
            "advice": run.advice,
            "exit_code": int(run.exit_code),
        }
    with emptied(home.scratch(name, LOCK)):
        erasure = sweep(home, name, erasure)
        busy = busy_scratch(home, name)
        if busy:
            words = f"{', '.join(busy)} of {name} is still at work on what it read before; wait for it to end"
            report |= {"success": False, "problems": [*report["problems"], words], "exit_code": int(Exit.DOES_NOT_HOLD)}
        with connect(home.warehouse(name)) as con:
            receipt = receipt_of(con, erasure, done=report["success"])
            if report["success"]:
                with transaction(con):
                    text = json.dumps(receipt)
                    record_step(con, erasure.erasure_id, erasure.row_id, "done", erasure.reason, text)
    return receipt | report


def _drawn_anew(loaded: LoadedCard, home: Home) -> None:
    """The lineage page as the dataset stands now: it may be a while until a stage draws it again."""
    with connect(home.warehouse(loaded.card.name), read_only=True) as con:
        graph = graph_of(con, loaded, home)
    write_page(graph, home)


def _stands(loaded: LoadedCard, home: Home, erasure_id: str, to_stage: str) -> bool:
    """Whether every stage up to this one was made since the erasure, of what is there now, and passed its checks."""
    requirements = requirements_of(loaded)
    with connect(home.warehouse(loaded.card.name), read_only=True) as con:
        versions, verdicts = current_versions(con), latest_verdicts(con)
        for stage in STAGES[: STAGES.index(to_stage) + 1]:
            try:
                now = guard(con, loaded.card.name, stage, loaded.digest, requirements)
            except GateClosed:
                return False
            made = versions.get(stage)
            if made is None or made.run_id == erasure_id or made.upstream != now:
                return False
            said = [verdicts.get((stage, made.data_version, check.name)) for check in requirements.checks[stage]]
            if made.card_digest != loaded.digest or not all(verdict and verdict["passed"] for verdict in said):
                return False
    return True
