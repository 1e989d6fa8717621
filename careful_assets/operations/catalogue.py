"""Every room's checks by stage, and what a card's profile demands of them. Plain data: no Dagster here."""

from __future__ import annotations

from careful_assets.anchors.checks import CHECKS as ANCHORS
from careful_assets.card.reader import LoadedCard
from careful_assets.evaluation.checks import CHECKS as EVALUATION
from careful_assets.filtering.checks import CHECKS as FILTERING
from careful_assets.generation.checks import CHECKS as GENERATION
from careful_assets.labeling.checks import CHECKS as LABELING
from careful_assets.monitoring.checks import CHECKS as MONITORING
from careful_assets.provenance.stages import STAGES
from careful_assets.provenance.verdicts import Check, CheckRef, Requirements
from careful_assets.purpose.checks import CHECKS as PURPOSE
from careful_assets.release.checks import CHECKS as RELEASE
from careful_assets.retirement.checks import CHECKS as RETIREMENT
from careful_assets.training.checks import CHECKS as TRAINING

CHECKS: dict[str, tuple[Check, ...]] = {
    "anchors": ANCHORS,
    "purpose": PURPOSE,
    "generation": GENERATION,
    "filtering": FILTERING,
    "labeling": LABELING,
    "evaluation": EVALUATION,
    "training": TRAINING,
    "release": RELEASE,
    "monitoring": MONITORING,
    "retirement": RETIREMENT,
}


def requirements_of(loaded: LoadedCard) -> Requirements:
    """The checks that the card's profile names, at the versions they have now.

    Raises:
        KeyError: the profile names a check that no room has.
    """
    versions = {(stage, check.name): check.version for stage, checks in CHECKS.items() for check in checks}
    demanded = {
        stage: tuple(CheckRef(name, versions[stage, name]) for name in loaded.profile.checks.get(stage, []))
        for stage in STAGES
    }
    return Requirements(demanded, loaded.profile.digest)
