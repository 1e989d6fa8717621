"""Which gates a dataset's candidates meet, in order, each with its threshold.

Belongs here: from the names and thresholds of a profile to gates. Does not belong here: running them (`cascade`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from careful_assets.errors import Refused
from careful_assets.filtering.gate import Gate
from careful_assets.filtering.gates import GATES, RESERVED


class Setting(Protocol):
    """A gate's name and threshold, as the profile gives them."""

    @property
    def gate(self) -> str:
        """The gate's name."""

    @property
    def threshold(self) -> float | None:
        """In the gate's unit; None for a gate without one."""


@dataclass(frozen=True)
class SetGate:
    """A gate with the threshold that it judges by."""

    gate: Gate
    threshold: float | None


def set_gates(settings: Sequence[Setting], own: Mapping[str, Gate] = MappingProxyType({})) -> list[SetGate]:
    """The gates of these settings, in order.

    Args:
        settings: each a gate's name and threshold.
        own: the dataset's own gates, by the names that settings use.

    Raises:
        Refused: a setting names an unknown gate, names one twice, or its threshold does not fit the gate; or a gate of
            the dataset's own bears the name of one of ours.
    """
    if clashing := sorted(own.keys() & {*GATES, *RESERVED}):
        raise Refused(f"gates of the dataset's own bear names of ours: {', '.join(clashing)}; rename them in the card")
    known = {**GATES, **own}
    gates = [_set(setting, known) for setting in settings]
    names = [one.gate.name for one in gates]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(f"the cascade names gates twice: {', '.join(twice)}; keep one setting of each")
    return gates


def _set(setting: Setting, known: Mapping[str, Gate]) -> SetGate:
    gate = known.get(setting.gate)
    if gate is None:
        raise Refused(f"there is no gate {setting.gate!r}; known gates: {', '.join(sorted(known))}")
    accepted = gate.threshold_range
    if accepted is None:
        if setting.threshold is not None:
            raise Refused(f"gate {gate.name} takes no threshold; remove {setting.threshold:g} from its setting")
    elif setting.threshold is None or not accepted.accepts(setting.threshold):
        given = "none is set" if setting.threshold is None else f"{setting.threshold:.15g} is set"
        raise Refused(f"gate {gate.name} needs a threshold {accepted}; {given}")
    return SetGate(gate, setting.threshold)
