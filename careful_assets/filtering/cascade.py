"""The cascade: gates in the profile's order, each judging only the rows that passed all gates before it.

Belongs here: running gates and holding them to their contract. Does not belong here: what a gate looks for
(`gates/`), and counting what it decided (the SQL models in `dbt_like_sql/models/filtering`).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.filtering.gate import Beside, Decision, Gate
from careful_assets.filtering.settings import SetGate

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


def run_cascade(
    candidates: pl.DataFrame, beside: Beside, gates: Sequence[SetGate], before: Sequence[SetGate] = ()
) -> pl.DataFrame:
    """Every decision on every candidate: the table `filtering.decisions`, sorted by position and row_id.

    The result does not depend on the order of `candidates`. Rows of an earlier round are judged first, so that a later
    round changes no decision on them: of two copies the earlier one stands, and the later adds nothing. Rows that came
    in files, which are of round 0, are judged last: of two copies the one whose record is known stands.

    Args:
        candidates: the columns `gate.CANDIDATES`.
        beside: what they are held against.
        gates: in order, each once.
        before: gates that are not the profile's and stand before these, at positions under 0.

    Raises:
        StageFailed: a row_id comes twice, or a gate broke its contract.
    """
    if candidates["row_id"].n_unique() != candidates.height:
        raise StageFailed(
            "generation.candidates holds a row_id twice, so rows cannot be conserved; materialize generation again"
        )
    rows = candidates.sort(pl.col("round") == 0, "round", "row_id")
    frames = [DECISIONS.to_frame()]
    for position, one in enumerate([*before, *gates], -len(before)):
        decisions = one.gate.judge(rows, beside, one.threshold)
        _hold_to_contract(one.gate, decisions, rows.height)
        frames.append(_frame(one.gate, position, one.threshold, rows["row_id"], decisions))
        rows = rows.filter(pl.Series([decision.passed for decision in decisions], dtype=pl.Boolean))
    return pl.concat(frames).sort("position", "row_id")


def _hold_to_contract(gate: Gate, decisions: list[Decision], rows: int) -> None:
    if len(decisions) != rows:
        raise StageFailed(
            f"gate {gate.name} gave {len(decisions)} decisions on {rows} rows; nothing was recorded. "
            "A gate gives one decision a row, in the rows' order: mend the gate"
        )
    for decision in decisions:
        if decision.reason not in ((None, *gate.abstentions) if decision.passed else gate.reasons):
            raise StageFailed(
                f"gate {gate.name} decided passed={decision.passed} with the reason {decision.reason!r}; "
                f"nothing was recorded. A refusal needs one of its reasons ({', '.join(gate.reasons)}), a passed row "
                "none or an abstention"
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
