"""The small card with figures of a test's choosing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from ruamel.yaml import YAML

from careful_assets.card.models import Card
from careful_assets_tests.card.cards import CARD

_PLAIN: dict[str, Any] = YAML(typ="safe", pure=True).load(CARD)


def card(*changes: tuple[str, Any]) -> Card:
    """The small card with values exchanged, each at a dotted path such as `purpose.gap.0.target_count`."""
    values = deepcopy(_PLAIN)
    for path, value in changes:
        *around, last = path.split(".")
        part: Any = values
        for step in around:
            part = part[int(step) if step.isdigit() else step]
        part[last] = value
    return Card.model_validate(values)
