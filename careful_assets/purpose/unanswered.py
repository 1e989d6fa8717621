"""What is still open: the checks of later stages that carry a letter and have not passed for the current data.

Belongs here: reading the ledger for the page. Does not belong here: the guard, which is the ledger's own.
"""

from __future__ import annotations

from careful_assets.provenance.ledger import StageVersion, current_versions, latest_verdicts
from careful_assets.provenance.stage import StageContext
from careful_assets.provenance.stages import STAGES
from careful_assets.provenance.verdicts import LETTERS, CheckRef
from careful_assets.warehouse.connections import connect

_LATER = STAGES[STAGES.index("purpose") + 1 :]


def unanswered(context: StageContext, purpose_version: str) -> dict[str, dict[str, int]]:
    """By letter and later stage, how many of the checks that the profile demands have not passed.

    `purpose_version`: the data version that is being made; what was made from another is no longer current.
    """
    with connect(context.home.warehouse(context.card.name), read_only=True) as con:
        versions, verdicts = current_versions(con), latest_verdicts(con)
    now = {stage: made.data_version for stage, made in versions.items()} | {"purpose": purpose_version}
    current = {"anchors", "purpose"}
    found: dict[str, dict[str, int]] = {letter: {} for letter in LETTERS}
    for stage in _LATER:
        made = versions.get(stage)
        if made is not None and made.card_digest == context.loaded.digest and _stands(made, current, now):
            current.add(stage)
        for check in context.requirements.checks[stage]:
            verdict = verdicts.get((stage, now.get(stage, ""), check.name))
            if stage not in current or not _passed(verdict, check, context.requirements.profile_digest):
                for letter in check.letters:
                    found[letter][stage] = found[letter].get(stage, 0) + 1
    return found


def _stands(made: StageVersion, current: set[str], now: dict[str, str]) -> bool:
    return all(above in current and now[above] == used for above, used in made.upstream.items())


def _passed(verdict: dict[str, object] | None, check: CheckRef, profile_digest: str) -> bool:
    return (
        verdict is not None
        and bool(verdict["passed"])
        and verdict["check_version"] == check.version
        and verdict["profile_digest"] == profile_digest
    )
