"""What the gates refuse, by reason and batch, and which reasons jump or fall to zero against other batches.

Belongs here: rates, what is added to their record, and the comparison. Does not belong here: the counting, which is
SQL.

A batch is a round's candidates. Rounds are judged independently of later ones, so that the newest round is compared
with all other batches on record, of this dataset's earlier rounds and runs. Compared are rates of a gate at one version
and threshold: what moving a threshold changes is rejudging's to show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from careful_assets.filtering.settings import SetGate
from careful_assets.measures.differences import newcombe
from careful_assets.measures.intervals import Interval
from careful_assets.provenance.digests import canonical, sha256

EXPECTED = 5.0
"""Rows expected to be refused for a reason before their absence says something: 5 are missed by chance once in 150."""
_KEY = ["batch", "gate", "gate_version", "threshold", "reason"]


@dataclass(frozen=True)
class Alarm:
    """A reason whose rate changed: refused of seen now and in the other batches, and the interval of the difference."""

    gate: str
    reason: str
    now: tuple[int, int]
    others: tuple[int, int]
    difference: Interval

    def in_words(self) -> str:
        """Both rates and the interval."""
        refused, seen = self.now
        before, seen_before = self.others
        low, high = self.difference.low or 0.0, self.difference.high or 0.0
        return (
            f"{self.gate}/{self.reason}: {refused} of {seen} now, {before} of {seen_before} in other batches "
            f"(difference {low:+.1%} to {high:+.1%})"
        )


def rates_now(counted: pl.DataFrame, rows: pl.DataFrame, gates: Sequence[SetGate]) -> pl.DataFrame:
    """The rate of every reason of every gate, for each round: the columns of `filtering.reason_rates` but for `seq`.

    Args:
        counted: the model `filtering/reason_rates`.
        rows: row_id and round of all candidates.
        gates: whose reasons are told, also those that no row was refused for. Of others, reasons that were given are.
    """
    ids = rows.sort("round", "row_id").group_by("round", maintain_order=True).agg("row_id")
    named = [(number, sha256(canonical(row_ids))[:16]) for number, row_ids in ids.iter_rows()]
    batches = pl.DataFrame(named, schema={"round": pl.Int32, "batch": pl.String}, orient="row")
    declared = [(one.gate.name, reason) for one in gates for reason in one.gate.reasons]
    given = counted.filter(pl.col("reason").is_not_null()).select("gate", "reason")
    reasons = pl.concat([given, pl.DataFrame(declared, schema=given.schema, orient="row")]).unique()
    seen = counted.select("round", "gate", "gate_version", "threshold", "seen").unique()
    refused = counted.filter(pl.col("reason").is_not_null()).select("round", "gate", "reason", "refused")
    rates = seen.join(reasons, on="gate").join(refused, on=["round", "gate", "reason"], how="left")
    return rates.join(batches, on="round").select(
        "batch", "round", "gate", "gate_version", "threshold", "reason", "seen", pl.col("refused").fill_null(0),
    ).sort("round", "gate", "reason")  # fmt: skip


def to_record(rates: pl.DataFrame, recorded: pl.DataFrame, excluded_rounds: Sequence[int] = ()) -> pl.DataFrame:
    """Those of the rates that the record does not end with already; `recorded`: `filtering.reason_rates`.

    Rounds of which people excluded rows add nothing: what is left of such a batch tells of the exclusion, and what it
    was as a whole stays on record.
    """
    rates = rates.filter(~pl.col("round").is_in(list(excluded_rounds)))
    newest = recorded.sort("seq").group_by(_KEY, maintain_order=True).last().select(*_KEY, "seen", "refused")
    return rates.join(newest, on=[*_KEY, "seen", "refused"], how="anti", nulls_equal=True)


def newest_batch(rates: pl.DataFrame) -> pl.DataFrame:
    """The rates of the last round."""
    return rates.filter(pl.col("round") == pl.col("round").max())


def alarms(newest: pl.DataFrame, others: Iterable[Mapping[str, Any]]) -> tuple[list[Alarm], int]:
    """The reasons that jumped or fell to zero, and how many could be compared.

    A jump is a rate of more than twice that of the other batches, where the interval of the difference (Newcombe 1998)
    excludes zero at 95%, shared out over the reasons compared (Bonferroni). A fall is none where `EXPECTED` or more
    would have been refused. Rows of one request are alike, so that the intervals are somewhat too narrow.

    Args:
        newest: the rates of the newest batch, as from `newest_batch`.
        others: rows of the model `filtering/other_rates`.
    """
    key = ("gate", "gate_version", "threshold", "reason")
    before = {tuple(row[name] for name in key): (row["refused"], row["seen"]) for row in others}
    pairs = [
        (row["gate"], row["reason"], (row["refused"], row["seen"]), then)
        for row in newest.iter_rows(named=True)
        if (then := before.get(tuple(row[name] for name in key))) is not None
    ]
    level = 1 - 0.05 / max(1, len(pairs))
    found = [
        Alarm(gate, reason, now, then, newcombe(*now, *then, level=level))
        for gate, reason, now, then in pairs
        if now[1] and then[1]
    ]
    return [alarm for alarm in found if _jumped(alarm) or _vanished(alarm)], len(pairs)


def _jumped(alarm: Alarm) -> bool:
    refused, seen = alarm.now
    before, seen_before = alarm.others
    surely = alarm.difference.low is not None and alarm.difference.low > 0
    return surely and refused * seen_before > 2 * before * seen


def _vanished(alarm: Alarm) -> bool:
    refused, seen = alarm.now
    before, seen_before = alarm.others
    return refused == 0 and before * seen >= EXPECTED * seen_before
