"""A profile's gates with the overrides that people recorded by rejudging.

Belongs here: which recorded override holds, and which has lapsed. Does not belong here: recording one (the filtering
room), and the overrides that the card itself declares (`profiles`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careful_assets.card.profiles import GateSetting


@dataclass(frozen=True)
class GatesNow:
    """Gates in order as they judge now, and a line for each recorded override that the card has since overtaken.

    `withdrawn`: for each of these a row that takes it back for good: gate, threshold, card_threshold and reason.
    """

    settings: list[GateSetting]
    lapsed: list[str]
    withdrawn: list[dict[str, Any]]

    @property
    def overrides(self) -> list[dict[str, Any]]:
        """What was set otherwise than the cell's profile has it, by the card or by rejudging, and why."""
        return [
            {"gate": setting.gate, "threshold": setting.threshold, "reason": setting.override_reason}
            for setting in self.settings
            if setting.override_reason is not None
        ]


def gates_now(gates: Sequence[GateSetting], latest: Iterable[Mapping[str, Any]]) -> GatesNow:
    """Lay the newest recorded override of each gate over the card's gates.

    An override holds while the card says what it said when the override was recorded. One that goes back to what the
    card said takes back those before it and sets nothing: the card's setting stays as it is, its reason included.

    Args:
        gates: the profile's, with the card's own overrides.
        latest: rows of the SQL model `filtering/latest_overrides`.
    """
    recorded = {row["gate"]: row for row in latest if row["threshold"] != row["card_threshold"]}
    settings, lapsed, withdrawn = [], [], []
    for setting in gates:
        override = recorded.pop(setting.gate, None)
        if override is None:
            settings.append(setting)
        elif override["card_threshold"] == setting.threshold:
            moved = {"threshold": override["threshold"], "override_reason": override["reason"]}
            settings.append(setting.model_copy(update=moved))
        else:
            settings.append(setting)
            shown = _shown(setting.threshold)
            lapsed.append(_lapsed(override, f"the card now says {shown}"))
            changed = f"the card changed from {override['card_threshold']:g} to {shown}"
            withdrawn.append(_withdrawal(override, setting.threshold, changed))
    gone = "the gate is no longer in the profile"
    lapsed += [_lapsed(override, gone) for override in recorded.values()]
    withdrawn += [_withdrawal(override, None, gone) for override in recorded.values()]
    return GatesNow(settings, lapsed, withdrawn)


def _lapsed(override: Mapping[str, Any], why: str) -> str:
    return (
        f"the override of {override['gate']} to {override['threshold']:g} has lapsed: it was recorded where the card "
        f"said {override['card_threshold']:g}, and {why}; rejudge again if it should hold"
    )


def _withdrawal(override: Mapping[str, Any], threshold: float | None, why: str) -> dict[str, Any]:
    """Threshold and card's threshold are the card's of now; where it has none, that of then."""
    now = override["card_threshold"] if threshold is None else threshold
    return {"gate": override["gate"], "threshold": now, "card_threshold": now, "reason": f"lapsed: {why}"}


def _shown(threshold: float | None) -> str:
    return "no threshold" if threshold is None else f"{threshold:g}"
