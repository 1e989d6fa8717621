"""Dagster resources: CAREFUL_HOME, and the vault's grants, each of its own so that the graph shows who holds what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.vault import VaultSealer
from careful_assets.warehouse.vault_probe import VaultProbe
from careful_assets.warehouse.vault_scorer import VaultScorer


class HomeResource(dg.ConfigurableResource[Any]):
    """Where the platform writes."""

    root: str

    def home(self) -> Home:
        """The folder tree."""
        return Home(Path(self.root))


class VaultSealerResource(HomeResource):
    """The grant to seal evaluation rows: anchors alone."""

    def grant(self, dataset: str, run_id: str) -> VaultSealer:
        """The dataset's sealer."""
        return VaultSealer(self.home().vault(dataset), self.home().warehouse(dataset), run_id)


class VaultProbeResource(HomeResource):
    """The grant to ask which rows are leaks: evaluation alone."""

    def grant(self, dataset: str, run_id: str) -> VaultProbe:
        """The dataset's probe."""
        return VaultProbe(self.home().vault(dataset), self.home().warehouse(dataset), run_id)


class VaultScorerResource(HomeResource):
    """The grant to score predictors: training alone."""

    def grant(self, dataset: str, run_id: str) -> VaultScorer:
        """The dataset's scorer."""
        return VaultScorer(self.home().vault(dataset), self.home().warehouse(dataset), run_id)


class CanaryRegistryResource(HomeResource):
    """The grant to register canaries and to search for them: release and evaluation."""

    def grant(self, dataset: str, run_id: str) -> CanaryRegistry:
        """The dataset's registry."""
        return CanaryRegistry(self.home().vault(dataset), self.home().warehouse(dataset), run_id)
