"""Taking an exclusion back where filtering's data no longer stands, e.g. since the card was changed.

Whoever excluded a generator and then changed the card may find no round that can be asked: the exclusion must be taken
back before anything runs. Then nothing is judged again: the withdrawal is recorded, and the check `exclusions_hold` is
run on the decisions of before. It fails where they refuse what no longer stands, so that they let no stage through,
also once the card is put back; the next run makes them anew. Belongs here: this one case. Does not belong here:
excluding, and withdrawing where filtering can run (`exclude`).
"""

from __future__ import annotations

from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import CHECKS, requirements_of
from careful_assets.errors import GateClosed
from careful_assets.filtering.exclusions import Exclusion
from careful_assets.operations.judged import inputs_of_filtering
from careful_assets.provenance.erasures import refuse_unfinished
from careful_assets.provenance.ledger import current_versions, next_seq
from careful_assets.provenance.stage import Inputs, StageContext, judge_stage
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import append

_STAGE, _CHECK, _BY_HAND = "filtering", "exclusions_hold", "withdrawn by hand"


def inputs_of_withdrawal(loaded: LoadedCard, home: Home) -> tuple[Inputs, str | None]:
    """What filtering read when it ran last, and why that no longer stands; None where it does.

    Raises:
        GateClosed: filtering was never run.
    """
    try:
        return inputs_of_filtering(loaded, home, "exclude"), None
    except GateClosed as closed:
        path = home.warehouse(loaded.card.name)
        if not path.exists():
            raise
        with connect(path, read_only=True) as con:
            if _STAGE not in current_versions(con):
                raise
        return Inputs(_context(loaded, home), _STAGE, {}), str(closed)


def record_withdrawal(loaded: LoadedCard, home: Home, exclusion: Exclusion) -> bool:
    """Record it, and have the check look at the decisions that stand; whether there was anything to take back.

    Raises:
        GateClosed: an erasure is under way.
        HomeUnusable: CAREFUL_HOME cannot be written.
    """
    with connect(home.warehouse(loaded.card.name)) as con, transaction(con):
        refuse_unfinished(con, loaded.card.name)
        standing = run_model(con, "filtering/standing_exclusions")
        if not exclusion.changing(standing):
            return False
        for name, rows in exclusion.to_record(standing, _BY_HAND).items():
            append(con, name, rows.with_row_index("seq", next_seq(con, name)))
    judge_stage(_context(loaded, home), _STAGE, tuple(check for check in CHECKS[_STAGE] if check.name == _CHECK))
    return True


def _context(loaded: LoadedCard, home: Home) -> StageContext:
    return StageContext(loaded, home, _BY_HAND, requirements_of(loaded), lambda line: None)
