"""Builds the code location: ten assets a dataset with their checks, the resources, and one job a dataset.

`definitions.py` and the tests both come through `build_defs`; other people's Dagster projects through
`dataset_definitions`, or the component over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from careful_assets.anchors.assets import DOOR as ANCHORS
from careful_assets.card.discovery import find_cards
from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import CHECKS, load_dataset, requirements_of
from careful_assets.errors import CarefulError, MalformedInput
from careful_assets.evaluation.assets import DOOR as EVALUATION
from careful_assets.filtering.assets import DOOR as FILTERING
from careful_assets.generation.assets import DOOR as GENERATION
from careful_assets.generation.due import round_due
from careful_assets.labeling.assets import DOOR as LABELING
from careful_assets.monitoring.assets import DOOR as MONITORING
from careful_assets.provenance.assets import stage_asset
from careful_assets.provenance.checks import stage_checks
from careful_assets.provenance.verdicts import Requirements
from careful_assets.purpose.assets import DOOR as PURPOSE
from careful_assets.release.assets import DOOR as RELEASE
from careful_assets.retirement.assets import DOOR as RETIREMENT
from careful_assets.training.assets import DOOR as TRAINING
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.resources import (
    CanaryRegistryResource,
    HomeResource,
    VaultProbeResource,
    VaultScorerResource,
    VaultSealerResource,
)

DOORS = (
    ANCHORS, PURPOSE, GENERATION, FILTERING, LABELING, EVALUATION, TRAINING, RELEASE, MONITORING, RETIREMENT,
)  # fmt: skip

# What one round of generation takes: its outcome stands once the gates have judged it.
ROUND = ("generation", "filtering")


def build_defs(
    project_root: Path, *, home: Home | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The whole code location: the package's datasets and the project's own under `cards/`.

    A faulty card does not take the others down: it shows as the one asset `[dataset, card]`, whose check lists them.
    """
    resources = resources_of(home or Home.of(project_root)) | dict(resource_overrides or {})
    parts = [_card_definitions(path) for path in find_cards(project_root)]
    automation = dg.AutomationConditionSensorDefinition(
        "follow_open_gates",
        target=dg.AssetSelection.all(),
        # A person switches it on: nothing here spends money unasked.
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Materializes each stage once all gates above it stand open.",
    )
    base = dg.Definitions(resources=resources, executor=dg.in_process_executor, sensors=[automation])
    return dg.Definitions.merge(base, *parts)


def dataset_definitions(loaded: LoadedCard) -> dg.Definitions:
    """One dataset's ten assets, their checks, its job and its sensor of rounds; resources apart."""
    requirements = requirements_of(loaded)
    name = loaded.card.name
    return dg.Definitions(
        assets=[stage_asset(door, loaded, requirements) for door in DOORS],
        asset_checks=[stage_checks(stage, checks, loaded, requirements) for stage, checks in CHECKS.items()],
        jobs=[dg.define_asset_job(job_name(name), selection=dg.AssetSelection.groups(name))],
        sensors=[_next_round(loaded, requirements)],
    )


def _next_round(loaded: LoadedCard, requirements: Requirements) -> dg.SensorDefinition:
    """Asks for the next round while quota, budget and coverage of real allow it; `follow_open_gates` does the rest.

    The run's key is the outcome it goes on from: a round that fails is not asked for again and again.
    """

    @dg.sensor(
        name=f"{loaded.card.name}__next_round",
        target=dg.AssetSelection.assets(*([loaded.card.name, stage] for stage in ROUND)),
        required_resource_keys={"home"},
        minimum_interval_seconds=60,
        # A person switches it on: nothing here spends money unasked.
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Starts the next round of generation and filtering while quota, budget and coverage of real allow "
        "it. A round that fails waits for a person.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            due = round_due(loaded, context.resources.home.home(), requirements)
        except CarefulError as error:
            return dg.SkipReason(str(error))
        if due.round is None:
            return dg.SkipReason(due.why)
        return dg.RunRequest(run_key=f"round {due.round} after {due.data_version}", tags={"round": str(due.round)})

    return _sensor


def faulty_card_definitions(dataset: str, faults: MalformedInput) -> dg.Definitions:
    """What stands in the UI for a card that cannot be read: one asset, whose blocking check lists the faults."""
    key = dg.AssetKey([dataset, "card"])
    listed = "\n".join(f"- {fault}" for fault in faults.faults)
    count = f"{len(faults.faults)} fault{'s' if len(faults.faults) != 1 else ''}"

    @dg.asset_check(asset=key, name="card_is_readable", blocking=True, description="Can the card be read?")
    def _card_is_readable() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=False,
            description=f"{count}: mend the card and reload the code location",
            metadata={"faults": dg.MetadataValue.md(listed)},
        )

    description = f"The card of {dataset} cannot be read: {count}. Mend it and reload the code location.\n\n{listed}"

    @dg.asset(key=key, group_name=dataset, description=description)
    def _card() -> None:
        raise dg.Failure(description=str(faults), allow_retries=False)

    return dg.Definitions(assets=[_card], asset_checks=[_card_is_readable])


def resources_of(home: Home) -> dict[str, Any]:
    """CAREFUL_HOME and the vault's grants."""
    root = str(home.root)
    return {
        "home": HomeResource(root=root),
        "vault_sealer": VaultSealerResource(root=root),
        "vault_probe": VaultProbeResource(root=root),
        "vault_scorer": VaultScorerResource(root=root),
        "canary_registry": CanaryRegistryResource(root=root),
    }


def job_name(dataset: str) -> str:
    """The job that materializes all ten stages of a dataset."""
    return f"{dataset}__life"


def _card_definitions(path: Path) -> dg.Definitions:
    try:
        return dataset_definitions(load_dataset(path))
    except MalformedInput as faults:
        return faulty_card_definitions(path.parent.name, faults)
