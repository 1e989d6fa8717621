"""The component `GovernedDataset`: a governed dataset in anyone's Dagster project, from one `card.yaml`."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from careful_assets.build import dataset_definitions, faulty_card_definitions
from careful_assets.catalogue import load_dataset
from careful_assets.errors import MalformedInput


class GovernedDataset(dg.Component, dg.Model, dg.Resolvable):
    """A synthetic dataset with a governed life, declared by its card.

    The card is read by careful-assets itself, not by Dagster's YAML resolution. The project around it provides the
    resources `home`, `vault_sealer`, `vault_probe` and `vault_scorer` (`careful_assets.build.resources_of`).
    """

    card: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The dataset's ten assets, or the one that shows the card's faults."""
        path = Path(context.path) / self.card
        try:
            return dataset_definitions(load_dataset(path))
        except MalformedInput as faults:
            return faulty_card_definitions(path.parent.name, faults)
