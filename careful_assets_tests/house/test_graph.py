"""The asset graph as Dagster resolves it: what depends on what, who may open the vault, and which checks hold a gate.

The snapshot in `graph.json` is renewed, after a look at the difference, by

    CAREFUL_RENEW_GRAPH=1 python -m pytest careful_assets_tests/house/test_graph.py
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox

from careful_assets.build import build_defs, job_name, resources_of
from careful_assets.card.reader import read_card
from careful_assets.catalogue import CHECKS, requirements_of
from careful_assets.component import GovernedDataset
from careful_assets.provenance.stages import STAGES, UPSTREAM
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import NAME, make_project
from careful_assets_tests.house.grants import GRANTS
from careful_assets_tests.house.sources import CHECKOUT, PACKAGE

GRAPH = Path(__file__).with_name("graph.json")
DEMO = PACKAGE / "defs" / "product_complaints"
DATASETS = (NAME, "product_complaints")
KEYS = [dg.AssetKey([dataset, stage]) for dataset in DATASETS for stage in STAGES]
# What every asset is given by Dagster and by the platform, and what is no way into the vault.
PLAIN = {"home", "io_manager"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def defs(project: Path) -> dg.Definitions:
    return build_defs(project)


def specs_of(defs: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in defs.resolve_all_asset_specs()}


def checks_of(defs: dg.Definitions) -> dict[dg.AssetKey, list[dg.AssetCheckSpec]]:
    found: dict[dg.AssetKey, list[dg.AssetCheckSpec]] = {}
    for definition in defs.asset_checks or []:
        assert isinstance(definition, dg.AssetsDefinition)  # checks and what components make of them are, too
        for spec in definition.check_specs:
            found.setdefault(spec.asset_key, []).append(spec)
    return found


def test_the_code_location_loads(defs: dg.Definitions) -> None:
    """Dagster itself finds nothing wrong with the definitions."""
    dg.Definitions.validate_loadable(defs)


def test_ten_assets_a_dataset_with_the_true_edges(defs: dg.Definitions) -> None:
    """Each dataset is ten assets, and each depends on exactly the stages whose tables it reads."""
    edges = {key: {dep.asset_key for dep in spec.deps} for key, spec in specs_of(defs).items()}
    assert edges == {
        dg.AssetKey([dataset, stage]): {dg.AssetKey([dataset, above]) for above in UPSTREAM[stage]}
        for dataset in DATASETS
        for stage in STAGES
    }


def test_a_dataset_is_one_graph_of_its_own(defs: dg.Definitions) -> None:
    """From its anchors every stage of a dataset is reached, and nothing of another dataset."""
    below: dict[dg.AssetKey, set[dg.AssetKey]] = {}
    for key, spec in specs_of(defs).items():
        for dep in spec.deps:
            below.setdefault(dep.asset_key, set()).add(key)
    for dataset in DATASETS:
        reached, waiting = set(), {dg.AssetKey([dataset, "anchors"])}
        while waiting:
            key = waiting.pop()
            reached.add(key)
            waiting |= below.get(key, set()) - reached
        assert reached == {dg.AssetKey([dataset, stage]) for stage in STAGES}


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_only_four_stages_hold_a_grant(defs: dg.Definitions, key: dg.AssetKey) -> None:
    """An asset is given its own grants by the table and nothing else, whatever a resource is called."""
    needed = defs.resolve_assets_def(key).required_resource_keys
    assert needed - PLAIN == GRANTS.get(key.path[-1], set())
    assert "home" in needed


def test_no_check_holds_a_grant(defs: dg.Definitions) -> None:
    """Checks see the warehouse, never the vault; and no resource reaches the vault but the four grants."""
    for definition in defs.asset_checks or []:
        assert isinstance(definition, dg.AssetChecksDefinition)
        assert definition.required_resource_keys <= PLAIN
    assert set(defs.resources or {}) == {"home"} | set().union(*GRANTS.values())


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_asset_says_what_it_is(defs: dg.Definitions, key: dg.AssetKey) -> None:
    """Every asset has an owner, a description, kinds, its cell, and its dataset as group."""
    spec = specs_of(defs)[key]
    assert spec.owners
    assert spec.description
    assert "duckdb" in spec.kinds
    assert spec.tags["cell"] == "rare_class.training"
    assert spec.group_name == key.path[0]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_stages_follow_open_gates_only(defs: dg.Definitions, key: dg.AssetKey) -> None:
    """Automation asks for a stage only once all blocking checks above it passed; the anchors wait for a person."""
    condition = specs_of(defs)[key].automation_condition
    if key.path[-1] == "anchors":
        assert condition is None
    else:
        assert condition == (dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed())


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_asset_is_checked_and_errors_block(defs: dg.Definitions, key: dg.AssetKey) -> None:
    """Every asset has checks; those of severity error block, advice does not; each asks a question and has letters."""
    specs = checks_of(defs)[key]
    severities = {check.name: check.severity for check in CHECKS[key.path[-1]]}
    assert {spec.name: spec.blocking for spec in specs} == {
        name: severity == "error" for name, severity in severities.items()
    }
    assert any(spec.blocking for spec in specs)
    for spec in specs:
        assert spec.description is not None
        assert "?" in spec.description
        assert set(spec.metadata["letters"]) <= set("CAREFUL")


def test_gates_demand_every_blocking_check_and_answer_every_letter() -> None:
    """The profile names every blocking check and no advice, and together they answer all seven letters."""
    demanded = requirements_of(read_card(DEMO / "card.yaml")).checks
    for stage, checks in CHECKS.items():
        assert {ref.name for ref in demanded[stage]} == {check.name for check in checks if check.severity == "error"}
    letters = {
        letter
        for checks in CHECKS.values()
        for check in checks
        if check.severity == "error"
        for letter in check.letters
    }
    assert letters == set("CAREFUL")


def test_each_dataset_has_a_job_for_its_life(defs: dg.Definitions) -> None:
    """One job a dataset materializes its ten assets and nothing else."""
    for dataset in DATASETS:
        job = defs.resolve_job_def(job_name(dataset))
        assert set(job.asset_layer.selected_asset_keys) == {dg.AssetKey([dataset, stage]) for stage in STAGES}


def test_automation_waits_for_a_person(defs: dg.Definitions) -> None:
    """What follows open gates, and each dataset's next rounds, is there, and off until a person switches it on."""
    sensors = {sensor.name: sensor for sensor in defs.sensors or []}
    assert set(sensors) == {"follow_open_gates", *(f"{dataset}__next_round" for dataset in DATASETS)}
    assert isinstance(sensors["follow_open_gates"], dg.AutomationConditionSensorDefinition)
    assert {sensor.default_status for sensor in sensors.values()} == {dg.DefaultSensorStatus.STOPPED}


def snapshot(defs: dg.Definitions) -> dict[str, Any]:
    """What a reader of the UI sees of the demo dataset: by asset its edges, kinds, grants and checks."""
    specs, checks = specs_of(defs), checks_of(defs)
    return {
        stage: {
            "deps": sorted(dep.asset_key.path[-1] for dep in specs[key].deps),
            "kinds": sorted(specs[key].kinds),
            "resources": sorted(defs.resolve_assets_def(key).required_resource_keys - {"io_manager"}),
            "checks": {spec.name: "blocks" if spec.blocking else "advises" for spec in checks[key]},
        }
        for stage in STAGES
        for key in [dg.AssetKey(["product_complaints", stage])]
    }


def test_the_graph_is_the_recorded_one(defs: dg.Definitions) -> None:
    """Assets, edges, grants and checks change only together with `graph.json`, where a reviewer sees it."""
    found = snapshot(defs)
    if os.environ.get("CAREFUL_RENEW_GRAPH") == "1":
        GRAPH.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    recorded = json.loads(GRAPH.read_text(encoding="utf-8"))
    assert found == recorded, "if the change is meant, renew graph.json as the head of this file says"


def test_a_faulty_card_takes_no_other_dataset_down(tmp_path: Path) -> None:
    """A card that cannot be read is one asset whose blocking check fails with its faults; the others stand."""
    root = make_project(tmp_path)
    card = root / "cards" / NAME / "card.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace("use: training", "use: leisure", 1), encoding="utf-8")
    defs = build_defs(root)
    dg.Definitions.validate_loadable(defs)
    key = dg.AssetKey([NAME, "card"])
    assert set(specs_of(defs)) == {key} | {key for key in KEYS if key.path[0] != NAME}
    assert "card.yaml:" in (specs_of(defs)[key].description or "")
    (check,) = checks_of(defs)[key]
    assert check.blocking
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[key], raise_on_error=False
        )
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "use" in failure.step_failure_data.user_failure_data.description


# Dagster's loading of components uses what it calls beta itself.
beta_within_dagster = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@beta_within_dagster
def test_the_packaged_component_builds_the_same_assets(tmp_path: Path) -> None:
    """The demo's `defs.yaml`, read by Dagster's own components, gives the assets that `build_defs` gives."""
    tree = dg.ComponentTree.for_project(CHECKOUT)
    resources = dg.Definitions(resources=resources_of(Home(tmp_path)))
    built = dg.Definitions.merge(tree.build_defs_at_path(DEMO), resources)
    wanted = {key: spec for key, spec in specs_of(build_defs(tmp_path)).items() if key.path[0] == "product_complaints"}
    assert set(specs_of(built)) == set(wanted)
    for key, spec in specs_of(built).items():
        assert {dep.asset_key for dep in spec.deps} == {dep.asset_key for dep in wanted[key].deps}


@beta_within_dagster
def test_the_component_works_in_other_projects(project: Path, tmp_path: Path) -> None:
    """In anyone's Dagster project a card in a defs folder becomes the dataset's ten assets and their checks."""
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(
            component_cls=GovernedDataset,
            defs_path=NAME,
            defs_yaml_contents={
                "type": "careful_assets.component.GovernedDataset", "attributes": {"card": "card.yaml"},
            },
        )  # fmt: skip
        shutil.copytree(project / "cards" / NAME, folder, dirs_exist_ok=True)
        with sandbox.load_component_and_build_defs(defs_path=folder) as (component, defs):
            assert isinstance(component, GovernedDataset)
            whole = dg.Definitions.merge(defs, dg.Definitions(resources=resources_of(Home(tmp_path))))
            dg.Definitions.validate_loadable(whole)
            assert set(specs_of(whole)) == {dg.AssetKey([NAME, stage]) for stage in STAGES}
            assert set(checks_of(whole)) == set(specs_of(whole))
