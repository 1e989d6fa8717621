"""What the rooms offer, as plain data: every check by stage, what a profile demands of them, cards held against it.

No Dagster here: looking something up must not load it.
"""

from __future__ import annotations

from pathlib import Path

from careful_assets.anchors.checks import CHECKS as ANCHORS
from careful_assets.card.discovery import refuse_clash
from careful_assets.card.document import read_document
from careful_assets.card.reader import LoadedCard, read_card
from careful_assets.errors import MalformedInput, Refused
from careful_assets.evaluation.checks import CHECKS as EVALUATION
from careful_assets.filtering.checks import CHECKS as FILTERING
from careful_assets.filtering.gates import GATES, RESERVED
from careful_assets.filtering.settings import set_gates
from careful_assets.generation.checks import CHECKS as GENERATION
from careful_assets.labeling.checks import CHECKS as LABELING
from careful_assets.labeling.judges import JUDGES
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


def load_dataset(path: Path) -> LoadedCard:
    """The card at `path`, its name its own, its judges and its gates' names and thresholds held against the rooms.

    Raises:
        MalformedInput: with every fault of the card.
    """
    refuse_clash(path)
    loaded = read_card(path, known_judges=JUDGES, known_gates=(*GATES, *RESERVED))
    _refuse_thresholds(loaded)
    return loaded


def _refuse_thresholds(loaded: LoadedCard) -> None:
    document = read_document(loaded.path)
    for index, override in enumerate(loaded.card.filtering.overrides):
        try:
            set_gates([override])
        except Refused as refused:
            document.blame(("filtering", "overrides", index, "threshold"), str(refused))
    if document.faults:
        raise MalformedInput(f"the card of {loaded.path.parent.name} cannot be used", document.faults)


def requirements_of(loaded: LoadedCard) -> Requirements:
    """The checks that the card's profile names, at the versions they have now.

    Raises:
        KeyError: the profile names a check that no room has.
    """
    known = {(stage, check.name): check for stage, checks in CHECKS.items() for check in checks}
    demanded = {
        stage: tuple(
            CheckRef(name, known[stage, name].version, known[stage, name].letters)
            for name in loaded.profile.checks.get(stage, [])
        )
        for stage in STAGES
    }
    return Requirements(demanded, loaded.profile.digest)
