"""The other stores' side of an erasure: journal, intake, quarantine, vault, release folders, and what runs left.

Belongs here: sweeping by recorded ids, so that doing it again changes nothing. Does not belong here: the warehouse,
which comes last (`warehouse`).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from careful_assets.errors import StageFailed
from careful_assets.llm.journal_erasing import erase_requests
from careful_assets.operations.erasing.reach import journals, late_requests
from careful_assets.operations.erasing.releases import sweep_releases
from careful_assets.operations.erasing.warehouse import Erasure, erasure_of, note_erased, retirements
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import Home, emptied
from careful_assets.warehouse.quarantine import Quarantine
from careful_assets.warehouse.rewriting import remove_leftovers
from careful_assets.warehouse.vault import VaultSealer
from careful_assets.warehouse.vault_erasing import Unsealed

LOCK = "erase"


def sweep(home: Home, name: str, erasure: Erasure) -> Erasure:
    """Take what the erasure reaches out of every store but warehouse and vault; the erasure with what came in late.

    Raises:
        StageFailed: another process writes a journal or holds a file; what is swept already stays so.
        HomeUnusable: a store cannot be written.
        MalformedInput: a journal is corrupt.
    """
    late = late_requests(home, name, erasure.rows, erasure.requests)
    if late:
        with connect(home.warehouse(name)) as con, transaction(con):
            note_erased(con, erasure.erasure_id, "request", late)
            found = erasure_of(con, erasure.row_id)
        assert found is not None
        erasure = found
    for path in journals(home, name):
        erase_requests(path, erasure.requests, erasure.choices)
    Quarantine(home.quarantine(name)).erase(erasure.candidates)
    with connect(home.warehouse(name), read_only=True) as con:
        sweep_releases(con, home.releases(name), retirements(con, erasure), erasure.rows, erasure.requests)
    busy_scratch(home, name)
    if home.vault(name).exists():
        with connect(home.vault(name)):  # held, so that nobody's work is taken for a leftover
            remove_leftovers(home.vault(name))
    return erasure


def unseal(home: Home, name: str, erasure: Erasure) -> Unsealed | None:
    """Take a sealed row out of the vault; the vault as it stands then, or None if the row lay open."""
    if not erasure.plan["sealed"]:
        return None
    sealer = VaultSealer(home.vault(name), home.warehouse(name), erasure.erasure_id)
    return sealer.erase([erasure.row_id])


def busy_scratch(home: Home, name: str) -> list[str]:
    """Empty the folders in which runs lay out texts; which of them are in use and will be emptied by their runs."""
    busy = []
    for folder in _scratch_folders(home, name):
        try:
            with emptied(folder):
                pass
        except StageFailed:
            busy.append(folder.name)
    return busy


def _scratch_folders(home: Home, name: str) -> Collection[Path]:
    places = {home.scratch(name, stage).parent for stage in ("anchors", LOCK)}
    found = [entry for place in places if place.is_dir() for entry in place.iterdir() if entry.is_dir()]
    return sorted(folder for folder in found if folder.name != LOCK)
