"""Taking a sealed evaluation set out of a dataset's vault, whole: one command, one call.

A set that descends from an erased row, or whose release was retired, must not be measured with any more, nor kept.
Belongs here: the order of it. The vault's file is written anew first; then the life is run up to where it stood, which
takes the set out of the warehouse's record and scores without it. Killed in between, no stage that opens the vault runs
until anchors ran again, and the same command goes on. Does not belong here: what goes from the vault (`vault_sets`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.errors import Exit, Refused
from careful_assets.operations.erasing.receipt import refuse_wordless
from careful_assets.provenance.erasures import refuse_unfinished
from careful_assets.provenance.ledger import last_made
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault import VaultSealer


def erase_set(
    project_root: Path, loaded: LoadedCard, home: Home, set_name: str, reason: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """Take the set out: `dataset`, `set`, `rows` (0 if it had gone before), `reason`; and how the run after it ended,
    in `success`, `problems`, `advice` and `exit_code`.

    The openings log keeps who took it out, when and why; its canary stays registered.

    Args:
        project_root: where the cards are.
        loaded: the dataset's card.
        home: where the dataset lives.
        set_name: its name under `evaluation.sets`.
        reason: one printable line.
        say: gets a line a step.

    Raises:
        Refused: the card still names the set, none of that name is sealed, or the reason is none.
        GateClosed: a row's erasure is unfinished.
        StageFailed: another process holds the vault, or it is not as it was sealed; nothing was changed.
        HomeUnusable: CAREFUL_HOME cannot be written, or is full; the same command goes on later.
    """
    name, line = loaded.card.name, refuse_wordless(reason)
    _refuse_named(loaded, set_name)
    if not home.warehouse(name).exists():
        raise Refused(f"{name}: nothing was materialized yet, so that no set is sealed")
    home.prepare()
    migrate(home.warehouse(name))
    with connect(home.warehouse(name), read_only=True) as con:
        refuse_unfinished(con, name)
        recorded = read(con, "anchors.evaluation_sets").filter(pl.col("origin") == "synthetic")["set_name"].to_list()
        to_stage = last_made(con)
    sealer = VaultSealer(home.vault(name), home.warehouse(name), f"erase-set-{uuid.uuid4().hex}")
    sealed = sealer.sets().sets["set_name"].to_list() if home.vault(name).exists() else []
    if set_name not in {*sealed, *recorded}:
        there = f"sealed are {', '.join(sealed)}" if sealed else "no set is sealed beside its real rows"
        raise Refused(f"{name}: no set {set_name} is sealed; {there}")
    rows = sealer.erase_set(set_name, line) if set_name in sealed else 0
    say(f"{name}: the set {set_name}, {rows} rows, is out of the vault; the life is run again, up to where it stood")
    return {"dataset": name, "set": set_name, "rows": rows, "reason": line} | _run_again(
        project_root, home, name, to_stage, say
    )


def erased_set_text(report: Mapping[str, Any]) -> str:
    """What `careful erase --set` prints."""
    state = f"{report['rows']} rows went" if report["rows"] else "it had gone from the vault before"
    return "\n".join(
        [
            f"{report['dataset']}: the set {report['set']} is out of the vault; {state}",
            f"reason       {report['reason']}",
            *(f"advice       {line}" for line in report["advice"]),
            "out of reach scores that were handed out; backups of CAREFUL_HOME, and snapshots of its file system",
        ]
    )


def _refuse_named(loaded: LoadedCard, set_name: str) -> None:
    if set_name in {one.name for one in loaded.card.evaluation.sets}:
        raise Refused(
            f"{loaded.path}: evaluation.sets names {set_name}, so that the next run would seal it again; take it out "
            "of the card first"
        )


def _run_again(
    project_root: Path, home: Home, name: str, to_stage: str | None, say: Callable[[str], None]
) -> dict[str, Any]:
    if to_stage is None:
        return {"success": True, "problems": [], "advice": [], "exit_code": int(Exit.HOLDS)}
    from careful_assets.operations.jobs import run_life

    run = run_life(project_root, home, name, to_stage, say)
    return {"success": run.success, "problems": run.problems, "advice": run.advice, "exit_code": int(run.exit_code)}
