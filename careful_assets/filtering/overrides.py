"""An override that a run is asked for: a gate, another threshold, and why.

Belongs here: whether it can be had, what it makes of the gates, and the rows that record it. Does not belong here:
which recorded overrides still hold (`card.overrides`), and what it changes (`rejudging`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import polars as pl

from careful_assets.card.profiles import GateSetting, Profile
from careful_assets.errors import Refused
from careful_assets.filtering.gate import Gate
from careful_assets.filtering.settings import set_gates

_LONGEST_REASON = 500
_NONE: Mapping[str, Gate] = MappingProxyType({})


@dataclass(frozen=True)
class Asked:
    """A gate of the profile that is to judge by another threshold. `reason`: a line; empty for a trial."""

    gate: str
    threshold: float
    card_threshold: float
    reason: str = ""

    def laid_over(self, latest: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The newest override of each gate, this one among them; rows as `filtering/latest_overrides` has them."""
        return [*(row for row in latest if row["gate"] != self.gate), vars(self)]

    def changes(self, settings: Sequence[GateSetting]) -> bool:
        """Whether the gate judges by another threshold now."""
        return any(one.gate == self.gate and one.threshold != self.threshold for one in settings)

    def in_force(self) -> str:
        """What is said where it changes nothing."""
        return f"{self.gate} judges by {self.threshold:g} already; nothing was recorded, the reason neither"


def to_record(rows: Iterable[Mapping[str, Any]], run_id: str) -> dict[str, pl.DataFrame]:
    """What is added to `filtering.overrides`, without numbers: nothing, where there are no rows.

    Args:
        rows: gate, threshold, card_threshold and reason.
        run_id: of the run that records them.
    """
    made = [{**row, "recorded_at": datetime.now(UTC), "run_id": run_id} for row in rows]
    return {"filtering.overrides": pl.DataFrame(made)} if made else {}


def trial_of(profile: Profile, gate: str, threshold: float, own: Mapping[str, Gate] = _NONE) -> Asked:
    """An override to try out. `own`: the dataset's own gates, by name.

    Raises:
        Refused: the profile has no such gate with a threshold, or the threshold is out of the gate's range.
    """
    card = {one.gate: one.threshold for one in profile.gates if one.threshold is not None}
    if gate not in card:
        raise Refused(f"{gate!r} is no gate of {profile.cell} with a threshold; those are {', '.join(sorted(card))}")
    asked = Asked(gate, threshold, card[gate])
    set_gates([asked], own)
    return asked


def override_of(
    profile: Profile, gate: str | None, threshold: float | None, reason: str | None, own: Mapping[str, Gate] = _NONE
) -> Asked | None:  # fmt: skip
    """The override that a run's config asks for; None where it asks for none. `own`: as in `trial_of`.

    Raises:
        Refused: as `trial_of`, or one of the three is missing, or the reason is no printable line.
    """
    if gate is None and threshold is None and reason is None:
        return None
    if gate is None or threshold is None or reason is None or not reason.strip():
        raise Refused("an override needs all three: gate, threshold and reason; give them, or none for an ordinary run")
    line = reason_line(reason, "an override")
    asked = trial_of(profile, gate, threshold, own)
    return Asked(asked.gate, asked.threshold, asked.card_threshold, line)


def reason_line(reason: str, of: str) -> str:
    """The reason as it is recorded, without white space around it. `of`: what it is the reason of, for the message.

    Raises:
        Refused: it is no printable line, or too long.
    """
    line = reason.strip()
    if not line.isprintable() or len(line) > _LONGEST_REASON:
        raise Refused(f"the reason of {of} is one printable line of at most {_LONGEST_REASON} characters")
    return line
