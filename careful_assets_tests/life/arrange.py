"""Projects, homes and lives for tests: the demo card with the n-gram generator, runs, copies, damage."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

import careful_assets.card.profiles
from careful_assets.build import build_defs
from careful_assets.card.profiles import base_profile
from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import load_dataset
from careful_assets.operations.jobs import RunReport, run_life
from careful_assets.provenance.ledger import StageVersion, current_versions
from careful_assets.provenance.stages import TABLES
from careful_assets.provenance.verdicts import CheckView
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.tables import read
from careful_assets_tests.cli.projects import NAME, make_project

PACKAGED = Path(careful_assets.__file__).parent / "defs" / "product_complaints"
DATASET = "complaints_ngram"
SHARED = "TESTS_SHARED_FOLDER"
"""The variable with the folder in which all lives of one test run keep their benchmarks."""
_GENERATOR = re.compile(r"^    kind: llm\n    mode: .*\n    family: .*\n", re.MULTILINE)
_BENCHMARKS = ("gate_benchmarks", "leak_benchmarks")
_COMMAND = "from careful_assets.cli import main; main()"


def ngram_project(root: Path, dataset: str = DATASET) -> Path:
    """A project folder with one dataset: the packaged demo card, its generator replaced by the n-gram model.

    The end of its life is moved so far away that no test depends on the day it runs.
    """
    folder = root / "cards" / dataset
    folder.mkdir(parents=True)
    shutil.copytree(PACKAGED / "prompts", folder / "prompts")
    shutil.copy(PACKAGED / "expectations.json", folder)
    card = (PACKAGED / "card.yaml").read_text(encoding="utf-8")
    card = _once(re.compile("^name: product_complaints", re.MULTILINE), f"name: {dataset}", card)
    card = _once(_GENERATOR, "    kind: ngram\n", card)
    card = _once(re.compile("^  review_by: .*$", re.MULTILINE), "  review_by: 2999-01-01", card)
    card = _once(re.compile("^  retire_by: .*$", re.MULTILINE), "  retire_by: 2999-12-31", card)
    valid = "  valid_until: {owner: 2999-01-01, verifier: 2999-01-01, anchors: 2999-01-01}"
    card = _once(re.compile("^  valid_until: .*$", re.MULTILINE), valid, card)
    (folder / "card.yaml").write_text(card, encoding="utf-8")
    return root


def new_life(root: Path, anchor_cache: Path) -> Life:
    """An n-gram project with an empty home beside it that shares the fetched anchors."""
    project = ngram_project(root / "project")
    return Life(project, _empty_home(root / "home", anchor_cache))


def new_small_life(root: Path) -> Life:
    """The small project with an empty home beside it; it fetches nothing."""
    (root / "home" / "cache").mkdir(parents=True)
    return Life(make_project(root / "project"), Home(root / "home"), NAME)


@contextmanager
def only_gates(*names: str) -> Iterator[None]:
    """The profile with these gates alone, for tests to which no other matters; a run's DAGSTER_HOME is taken back."""
    own = base_profile("rare_class.training")
    short = own.model_copy(update={"gates": [one for one in own.gates if one.gate in names]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(careful_assets.card.profiles, "base_profile", lambda cell: short)
        patch.setenv("DAGSTER_HOME", "")
        yield


@dataclass(frozen=True)
class Life:
    """A project and the home in which its dataset lives."""

    project: Path
    home: Home
    dataset: str = DATASET
    seconds: float = 0  # what its run took

    @property
    def card_path(self) -> Path:
        """The dataset's card."""
        return self.project / "cards" / self.dataset / "card.yaml"

    @property
    def loaded(self) -> LoadedCard:
        """The card as it stands now."""
        return load_dataset(self.card_path)

    @property
    def journal(self) -> Path:
        """The record of requests."""
        return self.home.journal(self.dataset)

    def copy(self, to: Path) -> Life:
        """Project and home under another folder, without Dagster's own records; the cache is shared."""
        shutil.copytree(self.project, to / "project")
        home = _empty_home(to / "home", self.home.cache.resolve())
        for part in ("warehouse", "vault", "quarantine", "journal", "releases"):
            shutil.copytree(self.home.root / part, home.root / part)
        return Life(to / "project", home, self.dataset)

    def rewrite_card(self, old: str, new: str) -> None:
        """Replace the one place of the card's text where `old` stands."""
        text = self.card_path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the card"
        self.card_path.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, to_stage: str = "retirement") -> RunReport:
        """What `careful run` does, in this process."""
        share_benchmarks(self.home)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", "")  # `run_life` sets it; this takes it back
            return run_life(self.project, self.home, self.dataset, to_stage, lambda line: None)

    def materialize(
        self, *stages: str, checked: bool = True, op_retry_policy: dg.RetryPolicy | None = None
    ) -> dg.ExecuteInProcessResult:
        """Materialize these stages alone, as someone does who selects them in the UI; failures don't raise."""
        chosen = dg.AssetSelection.assets(*([self.dataset, stage] for stage in stages))
        return self._execute(chosen if checked else chosen.without_checks(), op_retry_policy)

    def recheck(self, stage: str) -> dg.ExecuteInProcessResult:
        """Run a stage's checks again, without materializing anything."""
        return self._execute(dg.AssetSelection.checks_for_assets([self.dataset, stage]))

    def command(self, *arguments: str) -> tuple[list[str], Mapping[str, str]]:
        """`careful` with these arguments, for a child process in the project's folder, and its environment."""
        return [sys.executable, "-c", _COMMAND, *arguments], os.environ | {"CAREFUL_HOME": str(self.home.root)}

    @contextmanager
    def view(self) -> Iterator[CheckView]:
        """What a check looks at."""
        with connect(self.home.warehouse(self.dataset), read_only=True) as con:
            yield CheckView(con, self.loaded, self.home)

    def table(self, name: str) -> pl.DataFrame:
        """A table of the warehouse, in no order."""
        with connect(self.home.warehouse(self.dataset), read_only=True) as con:
            return read(con, name)

    def versions(self) -> dict[str, StageVersion]:
        """The newest version of each stage."""
        with connect(self.home.warehouse(self.dataset), read_only=True) as con:
            return current_versions(con)

    def data_versions(self) -> dict[str, str]:
        """The newest data version of each stage."""
        return {stage: version.data_version for stage, version in self.versions().items()}

    def sql(self, *statements: str) -> None:
        """Do to the warehouse what no stage would."""
        with connect(self.home.warehouse(self.dataset)) as con:
            for statement in statements:
                con.execute(statement)

    def forget(self, *stages: str) -> None:
        """Take back what these stages wrote into the warehouse: tables, versions, verdicts."""
        self.sql(*(f"delete from {table.name}" for stage in stages for table in TABLES[stage]))
        for table in ("versions", "ledger"):
            self.sql(*(f"delete from provenance.{table} where stage = '{stage}'" for stage in stages))

    def release_folder(self, version: str = "1.0.0") -> Path:
        """A release's folder."""
        return self.home.releases(self.dataset) / version

    def _execute(
        self, selection: dg.AssetSelection, op_retry_policy: dg.RetryPolicy | None = None
    ) -> dg.ExecuteInProcessResult:
        share_benchmarks(self.home)
        job = dg.define_asset_job("chosen", selection=selection, op_retry_policy=op_retry_policy)
        defs = dg.Definitions.merge(build_defs(self.project, home=self.home), dg.Definitions(jobs=[job]))
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def("chosen").execute_in_process(instance=instance, raise_on_error=False)


def failures_of(result: dg.ExecuteInProcessResult) -> list[str]:
    """What a run's failed steps say, as a person reads it in the UI."""
    failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return [
        data.user_failure_data.description if data.user_failure_data else str(data.error.to_string()) for data in failed
    ]


def share_benchmarks(home: Home) -> None:
    """Let the home's cache keep benchmarks of gates and detectors where all lives of these tests keep them.

    A benchmark's name says what was measured, so that equal lives measure once; a home that kept its own keeps it.
    """
    if (shared := os.environ.get(SHARED)) is None:
        return
    home.cache.mkdir(parents=True, exist_ok=True)
    for kind in _BENCHMARKS:
        (Path(shared) / kind).mkdir(exist_ok=True)
        with suppress(FileExistsError):
            (home.cache / kind).symlink_to(Path(shared) / kind, target_is_directory=True)


def _empty_home(root: Path, anchor_cache: Path) -> Home:
    root.mkdir(parents=True)
    (root / "cache").symlink_to(anchor_cache, target_is_directory=True)
    return Home(root)


def _once(pattern: re.Pattern[str], new: str, text: str) -> str:
    replaced, count = pattern.subn(new, text)
    assert count == 1, f"the packaged card has {count} places that match {pattern.pattern!r}, expected one"
    return replaced
