"""Gate profiles: what a cell (artifact type × use) demands of every dataset made for it.

Belongs here: reading `profiles/<artifact_type>.<use>.yaml` and laying a card's overrides over it. What a gate
or a check does is the business of the room that owns it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import Field
from ruamel.yaml import YAML

from careful_assets.card.fields import Name, PositiveShare
from careful_assets.card.models import Card, Override
from careful_assets.card.part import Part
from careful_assets.errors import Refused

DetectorName = Literal["exact", "ngram_8", "ngram_13", "near_duplicate", "containment", "skeleton", "embedding"]


class GateSetting(Part):
    """One gate of the cascade and its threshold, in the gate's own unit; None for a gate without one."""

    gate: Name
    threshold: Annotated[float, Field(ge=0)] | None = None
    override_reason: str | None = None


class LeakSettings(Part):
    """The leak detectors that must run, and how their cut-offs are found.

    `false_alarms`: by detector the share of clean rows that its cut-off may flag on the half of the benchmark by which
    it is set. `cut_offs`: in thousandths of the detector's score, where a dataset's benchmark is too small to set them.
    `exact` and `skeleton` have neither. `timeout_s`: seconds that each detector has for all rows.
    """

    detectors: Annotated[list[DetectorName], Field(min_length=1)]
    false_alarms: dict[DetectorName, PositiveShare]
    cut_offs: dict[DetectorName, Annotated[int, Field(ge=1, le=1000)]]
    timeout_s: Annotated[float, Field(gt=0, le=86_400)]


class Profile(Part):
    """Gates in order, leak detectors, and by stage the checks whose verdicts open the next stage's gate."""

    cell: str
    gates: Annotated[list[GateSetting], Field(min_length=1)]
    leaks: LeakSettings
    minimum_kappa: Annotated[float, Field(ge=-1, le=1)]
    checks: dict[str, list[Name]]

    @cached_property
    def digest(self) -> str:
        """sha256 of the profile as it holds for one card, overrides included."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def known_cells() -> list[str]:
    """The cells that have a profile, sorted."""
    folder = files("careful_assets.card") / "profiles"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def base_profile(cell: str) -> Profile:
    """The profile of a known cell as the playbook has it, without any card's overrides."""
    text = (files("careful_assets.card") / "profiles" / f"{cell}.yaml").read_text(encoding="utf-8")
    return Profile.model_validate(YAML(typ="safe", pure=True).load(text))


def refusals(cell: str, gates: list[str]) -> Iterator[tuple[int | None, str]]:
    """What the profiles refuse of a card: its cell (index None), or overrides, by their index in `gates`."""
    if cell not in known_cells():
        known = ", ".join(known_cells())
        yield None, f"no gate profile for the cell {cell} (artifact type × use); known cells: {known}"
        return
    adjustable = [setting.gate for setting in base_profile(cell).gates if setting.threshold is not None]
    for index, gate in enumerate(gates):
        if gate not in adjustable:
            yield (
                index,
                f"{gate!r} is no gate of {cell} with a threshold; those are {', '.join(sorted(adjustable))}",
            )


def profile_for(card: Card) -> Profile:
    """The profile of the card's cell with the card's overrides, and its own gates at the end.

    Raises:
        Refused: the cell has no profile, or an override names a gate that has no threshold or is unknown.
    """
    cell = card.purpose.cell
    refused = [message for _, message in refusals(cell, [entry.gate for entry in card.filtering.overrides])]
    if refused:
        raise Refused(f"card {card.name}: {'; '.join(refused)}")
    base = base_profile(cell)
    overrides = {override.gate: override for override in card.filtering.overrides}
    gates = [_overridden(setting, overrides.get(setting.gate)) for setting in base.gates]
    gates += [GateSetting(gate=own.name, threshold=own.threshold) for own in card.filtering.own_gates]
    return base.model_copy(update={"gates": gates})


def _overridden(setting: GateSetting, override: Override | None) -> GateSetting:
    if override is None:
        return setting
    return setting.model_copy(update={"threshold": override.threshold, "override_reason": override.reason})
