"""Whether the dataset wants another round, as its warehouse stands: what `careful run` and the UI's sensor ask.

Belongs here: reading the one answer, read-only. Does not belong here: the rule (`rounds`), or starting anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from careful_assets.card.reader import LoadedCard
from careful_assets.errors import GateClosed
from careful_assets.generation.rounds import ending_of, next_quotas
from careful_assets.provenance.ledger import guard
from careful_assets.provenance.verdicts import Requirements
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import read


@dataclass(frozen=True)
class Due:
    """A round to start now, or None; why or why not, in words; what filtering's data this was read from."""

    round: int | None
    why: str
    data_version: str | None


def round_due(loaded: LoadedCard, home: Home, requirements: Requirements) -> Due:
    """The next round, if the last one's outcome stands and quota, budget and coverage leave one to do.

    An outcome stands where the gate to labeling is open: all up to filtering is current and passed its checks. A round
    that a budget cut short is not another one: it waits for a raised budget.

    Raises:
        StageFailed: the warehouse is held by another process.
        HomeUnusable: it cannot be read.
    """
    card, path = loaded.card, home.warehouse(loaded.card.name)
    if not path.exists():
        return Due(None, "nothing was materialized yet", None)
    with connect(path, read_only=True) as con:
        try:
            version = guard(con, card.name, "labeling", loaded.digest, requirements)["filtering"]
        except GateClosed as closed:
            return Due(None, f"the last round's outcome does not stand: {closed}", None)
        rounds = read(con, "provenance.rounds")
    limit = card.generation.max_rounds
    following = next_quotas(card.purpose.gap, rounds, limit)
    another = following is not None and following.number not in rounds["round"]
    number = following.number if following is not None and another else None
    return Due(number, ending_of(card.purpose.gap, rounds, limit), version)
