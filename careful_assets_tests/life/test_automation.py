"""The UI's automation of rounds: a sensor asks for the next one, and what lies downstream follows open gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from careful_assets.build import ROUND, build_defs
from careful_assets.catalogue import CHECKS
from careful_assets.provenance.stages import STAGES
from careful_assets_tests.cli.endpoints import serving
from careful_assets_tests.life.arrange import Life, only_gates
from careful_assets_tests.life.round_lives import fresh, life_in_rounds, rounds_of


@dataclass(frozen=True)
class Ui:
    """What the daemon and a person do with one life: tick the sensor, run what it asks for."""

    life: Life
    defs: dg.Definitions
    instance: dg.DagsterInstance

    def tick(self) -> str | None:
        """The key of the run that one evaluation of the sensor asks for; the daemon gives it the same resource."""
        said = self._evaluated()
        return said.run_requests[0].run_key if said.run_requests else None

    def refused(self) -> str:
        """Why the sensor asks for nothing."""
        said = self._evaluated()
        assert not said.run_requests
        return said.skip_message or ""

    def _evaluated(self) -> Any:
        home = {"home": (self.defs.resources or {})["home"]}
        sensor = self.defs.resolve_sensor_def(f"{self.life.dataset}__next_round")
        with dg.build_sensor_context(self.instance, definitions=self.defs, resources=home) as context:
            return sensor.evaluate_tick(context)

    def materialize(self, *stages: str) -> bool:
        """Run these stages with their checks."""
        keys = [dg.AssetKey([self.life.dataset, stage]) for stage in stages]
        job = self.defs.resolve_job_def(f"{self.life.dataset}__life")
        return job.execute_in_process(instance=self.instance, asset_selection=keys, raise_on_error=False).success

    def follow(self, cursor: object) -> tuple[set[str], object]:
        """The stages that `follow_open_gates` would ask for now."""
        chosen = dg.AssetSelection.groups(self.life.dataset)
        result = dg.evaluate_automation_conditions(self.defs, self.instance, chosen, cursor=cursor)  # type: ignore[arg-type]
        keys = {stage: dg.AssetKey([self.life.dataset, stage]) for stage in STAGES}
        return {stage for stage, key in keys.items() if result.get_num_requested(key)}, result.cursor


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Ui]:
    """A dataset of two rounds of which nothing is made yet; one gate refuses what was cut off."""
    life = life_in_rounds(tmp_path, 2)
    records = tmp_path / "dagster"
    records.mkdir()
    with (
        only_gates("truncation"),
        serving(writer=fresh) as endpoint,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.local_temp(str(records)) as instance,
    ):
        patch.setenv("CAREFUL_LLM_URL", endpoint.url)
        patch.setenv("CAREFUL_LLM_MODEL", "stub-1")
        yield Ui(life, build_defs(life.project, home=life.home), instance)


def test_the_next_round_is_asked_for_once_its_forerunner_stands(ui: Ui) -> None:
    """Never before, only once an outcome, reading alone; labeling follows the round, and the limit ends it."""
    assert "nothing was materialized" in ui.refused()
    assert ui.materialize("anchors", "purpose", "generation")
    assert "filtering was never materialized" in ui.refused()
    assert ui.materialize("filtering", "labeling")

    warehouse = ui.life.home.warehouse(ui.life.dataset)
    before = warehouse.read_bytes()
    asked = ui.tick()
    assert asked is not None
    assert ui.tick() == asked  # the daemon starts a key once: a round that fails waits for a person
    assert warehouse.read_bytes() == before

    _, cursor = ui.follow(None)
    assert ui.materialize("generation")
    assert "filtering was made from generation" in ui.refused()
    assert ui.materialize("filtering")
    wanted, _ = ui.follow(cursor)
    assert "labeling" in wanted
    assert not wanted & {"anchors", "purpose", "generation", "filtering"}

    assert [number for number, _, _ in rounds_of(ui.life)] == [1, 2]
    assert "max_rounds of 2 reached" in ui.refused()
    ui.life.sql("update provenance.ledger set passed = false where check_name = 'rows_conserved'")
    assert "rows_conserved" in ui.refused()


def test_the_sensor_runs_one_round_whole(ui: Ui) -> None:
    """What it asks for is generation and filtering, with all of their checks, of its own dataset."""
    sensor = ui.defs.resolve_sensor_def(f"{ui.life.dataset}__next_round")
    job = ui.defs.resolve_job_def(sensor.job_name)
    keys = {dg.AssetKey([ui.life.dataset, stage]) for stage in ROUND}
    assert set(job.asset_layer.selected_asset_keys) == keys
    checks = {(key.asset_key.path[-1], key.name) for key in job.asset_layer.asset_graph.asset_check_keys}
    assert checks == {(stage, check.name) for stage in ROUND for check in CHECKS[stage]}
