"""A card that cannot be read takes nothing else down, and shows what is wrong with it where people look."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from careful_assets.build import build_defs
from careful_assets.errors import MalformedInput
from careful_assets.operations.datasets import check_cards
from careful_assets.provenance.stages import STAGES
from careful_assets.warehouse.home import Home
from careful_assets_tests.life.arrange import DATASET, ngram_project

_BAD = "complaints_bad"
# One fault each, in ten places.
_FAULTS = {
    f"name: {_BAD}": "name: another_name",
    "email: complaints-data@example.org\n\n": "email: nobody\n\n",
    "target_count: 559": "target_count: 200",
    "nature: simulation": "nature: fabrication",
    "licence: MIT": "licence: ''",
    "    exemplar: 15": "    exemplar: 25",
    "completions_per_request: 8": "completions_per_request: many",
    "judges: [tfidf_logreg, nearest_anchors]": "judges: [tfidf_logreg, my_aunt]",
    "max_leak_share: 0.05": "max_leak_share: 5",
    "max_synthetic_share: 0.5": "max_synthetic_part: 0.5",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a card that holds and one with ten faults."""
    root = ngram_project(ngram_project(tmp_path_factory.mktemp("project")), _BAD)
    path = root / "cards" / _BAD / "card.yaml"
    text = path.read_text(encoding="utf-8")
    for good, bad in _FAULTS.items():
        assert text.count(good) == 1, good
        text = text.replace(good, bad)
    path.write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def faults(project: Path) -> MalformedInput:
    """What `careful check` says of the faulty card."""
    (report,) = check_cards(project, _BAD)
    assert report.faults is not None
    return report.faults


def test_definitions_load_with_all_their_stages(project: Path) -> None:
    """The good dataset has its ten assets, the faulty one the one that shows its card."""
    defs = build_defs(project, home=Home(project / "home"))
    dg.Definitions.validate_loadable(defs)
    keys = {tuple(key.path) for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert {key for key in keys if key[0] == DATASET} == {(DATASET, stage) for stage in STAGES}
    assert {key for key in keys if key[0] == _BAD} == {(_BAD, "card")}
    assert not (project / "home").exists()


def test_every_fault_is_found(faults: MalformedInput) -> None:
    """All ten faults are told at once, each with its line."""
    said = str(faults)
    for word in (
        "name", "email", "target_count", "nature", "licence", "anchors.split", "completions_per_request", "my_aunt",
        "max_leak_share", "max_synthetic_share", "max_synthetic_part",
    ):  # fmt: skip
        assert word in said, word
    assert len(faults.faults) == len(_FAULTS) == 10
    assert all(fault.line for fault in faults.faults)


def test_faulty_card_shows_its_faults_in_a_failed_check(project: Path, faults: MalformedInput) -> None:
    """The blocking check of `[dataset, card]` fails, and lists each fault as `careful check` does."""
    result = _run(project, dg.AssetSelection.checks_for_assets([_BAD, "card"]))
    (shown,) = result.get_asset_check_evaluations()
    assert not result.success
    assert (shown.passed, shown.severity) == (False, dg.AssetCheckSeverity.ERROR)
    listed = str(shown.metadata["faults"].value)
    assert all(str(fault) in listed for fault in faults.faults)
    assert f"{len(faults.faults)} faults: mend the card" in (shown.description or "")
    specs = build_defs(project, home=Home(project / "home")).resolve_asset_graph().get_check_spec(shown.asset_check_key)
    assert specs.blocking


def test_faulty_card_cannot_be_materialized(project: Path, faults: MalformedInput) -> None:
    """Whoever materializes it all the same reads every fault in the failure."""
    result = _run(project, dg.AssetSelection.assets([_BAD, "card"]).without_checks())
    (failed,) = (event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert failed.user_failure_data is not None
    assert failed.user_failure_data.description == str(faults)


def _run(project: Path, selection: dg.AssetSelection) -> dg.ExecuteInProcessResult:
    job = dg.define_asset_job("chosen", selection=selection)
    defs = dg.Definitions.merge(build_defs(project, home=Home(project / "home")), dg.Definitions(jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def("chosen").execute_in_process(instance=instance, raise_on_error=False)
