"""The cascade: gates in the profile's order, each judging only the rows that passed all gates before it.

Belongs here: running gates and holding them to their contract. Does not belong here: what a gate looks for
(`gates/`), and counting what it decided (the SQL models in `dbt_like_sql/models/filtering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import polars as pl

from careful_assets.errors import Refused, StageFailed
from careful_assets.filtering.gate import Decision, Gate
from careful_assets.filtering.gates import GATES

DECISIONS = pl.Schema(
    {
        "row_id": pl.String,
        "gate": pl.String,
        "gate_version": pl.Int32,
        "position": pl.Int32,
        "passed": pl.Boolean,
        "reason": pl.String,
        "score": pl.Float64,
        "threshold": pl.Float64,
        "matched_row_id": pl.String,
        "evidence": pl.String,
    }
)


class GateSetting(Protocol):
    """A gate's name and threshold, as the profile gives them."""

    @property
    def gate(self) -> str:
        """The gate's name."""

    @property
    def threshold(self) -> float | None:
        """In the gate's unit; None for a gate without one."""


def run_cascade(candidates: pl.DataFrame, anchors: pl.DataFrame, settings: Sequence[GateSetting]) -> pl.DataFrame:
    """Every decision on every candidate: the table `filtering.decisions`, sorted by position and row_id.

    The result does not depend on the order of `candidates` or `anchors`. Rows of an earlier round are judged first, so
    that a later round changes no decision on them: of two copies the earlier one stands, and the later adds nothing.

    Args:
        candidates: the columns of `generation.candidates` and the `round` that asked; at least `row_id`, `round`,
            `text` and `finish_reason`.
        anchors: the real rows that candidates must not copy; `row_id` and `text`.
        settings: the gates in order, each at most once.

    Raises:
        Refused: a setting names an unknown gate, names one twice, or its threshold does not fit the gate.
        StageFailed: a row_id comes twice, or a gate broke its contract.
    """
    gates = [_gate_of(setting) for setting in settings]
    names = [gate.name for gate in gates]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(f"the cascade names gates twice: {', '.join(twice)}; keep one setting of each")
    if candidates["row_id"].n_unique() != candidates.height:
        raise StageFailed(
            "generation.candidates holds a row_id twice, so rows cannot be conserved; materialize generation again"
        )
    rows, real = candidates.sort("round", "row_id"), anchors.sort("row_id", "text")
    frames = [DECISIONS.to_frame()]
    for position, (gate, setting) in enumerate(zip(gates, settings, strict=True)):
        decisions = gate.judge(rows, real, setting.threshold)
        _hold_to_contract(gate, decisions, rows.height)
        frames.append(_frame(gate, position, setting.threshold, rows["row_id"], decisions))
        rows = rows.filter(pl.Series([decision.passed for decision in decisions], dtype=pl.Boolean))
    return pl.concat(frames).sort("position", "row_id")


def _gate_of(setting: GateSetting) -> Gate:
    gate = GATES.get(setting.gate)
    if gate is None:
        raise Refused(f"there is no gate {setting.gate!r}; known gates: {', '.join(sorted(GATES))}")
    accepted = gate.threshold_range
    if accepted is None:
        if setting.threshold is not None:
            raise Refused(f"gate {gate.name} takes no threshold; remove {setting.threshold:g} from its setting")
    elif setting.threshold is None or not accepted.low <= setting.threshold <= accepted.high:
        given = "none is set" if setting.threshold is None else f"{setting.threshold:g} is set"
        raise Refused(
            f"gate {gate.name} needs a threshold from {accepted.low:g} to {accepted.high:g} ({accepted.unit}); {given}"
        )
    return gate


def _hold_to_contract(gate: Gate, decisions: list[Decision], rows: int) -> None:
    if len(decisions) != rows:
        raise StageFailed(
            f"gate {gate.name} gave {len(decisions)} decisions on {rows} rows; nothing was recorded. "
            "A gate gives one decision a row, in the rows' order: mend the gate"
        )
    for decision in decisions:
        if decision.passed != (decision.reason is None) or decision.reason not in (None, *gate.reasons):
            raise StageFailed(
                f"gate {gate.name} decided passed={decision.passed} with the reason {decision.reason!r}; "
                f"nothing was recorded. A refusal needs one of its reasons ({', '.join(gate.reasons)})"
            )


def _frame(
    gate: Gate, position: int, threshold: float | None, row_ids: pl.Series, decisions: list[Decision]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row_id": row_ids,
            "gate": [gate.name] * len(decisions),
            "gate_version": [gate.version] * len(decisions),
            "position": [position] * len(decisions),
            "passed": [decision.passed for decision in decisions],
            "reason": [decision.reason for decision in decisions],
            "score": [decision.score for decision in decisions],
            "threshold": [threshold] * len(decisions),
            "matched_row_id": [decision.matched_row_id for decision in decisions],
            "evidence": [decision.evidence for decision in decisions],
        },
        schema=DECISIONS,
    )
