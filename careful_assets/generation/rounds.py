"""Rounds: which quotas are asked for when, as pure functions of the card and of `provenance.rounds`.

Belongs here: the decision whether a round starts, and the plan of all rounds so far. Does not belong here:
the requests of one round (`plan`) and how an outcome is recorded (the stages downstream).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.prompts import Prompt
from careful_assets.card.purpose import Gap
from careful_assets.errors import StageFailed
from careful_assets.generation.plan import plan_round
from careful_assets.llm.requests import GeneratorIdentity, Request


@dataclass(frozen=True)
class NextRound:
    """The round to run, or to go on with.

    Its number and the rows to ask for by label (only those above zero).
    """

    number: int
    quotas: dict[str, int]


@dataclass(frozen=True)
class Plan:
    """The requests of every round so far, in order of round.

    Only those of `open_round`, if any, may be sent.
    """

    requests: list[Request]
    open_round: int | None

    @property
    def to_send(self) -> list[Request]:
        """The open round's requests; those with a recorded answer are skipped by `llm.dispatch`."""
        return [request for request in self.requests if request.round == self.open_round]


def next_quotas(gaps: Sequence[Gap], rounds: pl.DataFrame, max_rounds: int) -> NextRound | None:
    """The round that materializing generation starts or goes on with; None if it is to send nothing.

    A round is one filling of the quota; later stages work on the union of rounds. Materializing generation
    starts a round only if the last one's outcome stands in `provenance.rounds`, the quota is unfilled,
    coverage is not saturated and `max_rounds` is not reached; else it reloads the journal and sends nothing.

    A round whose outcome does not stand yet is planned again, with the quotas it had: what is answered is not
    sent.

    Args:
        gaps: the card's gaps; round 1 asks for target minus current, a later one for what is not yet kept of that.
        rounds: `provenance.rounds`: round, stratum, asked (rows), kept (rows), coverage, coverage_noise.
        max_rounds: the card's limit.
    """
    number = 1 if rounds.is_empty() else int(rounds["round"].max()) + 1  # type: ignore[arg-type]
    if number > max_rounds:
        return None
    kept = dict(rounds.group_by("stratum").agg(pl.col("kept").sum()).iter_rows())
    missing = {gap.label: gap.target_count - gap.current_count - kept.get(gap.label, 0) for gap in gaps}
    quotas = {label: n for label, n in missing.items() if n > 0 and not _saturated(rounds, label)}
    return NextRound(number, quotas) if quotas else None


def planned_rounds(
    card: Card,
    prompts: Sequence[Prompt],
    exemplars: pl.DataFrame,
    identity: GeneratorIdentity,
    rounds: pl.DataFrame,
) -> Plan:
    """Every round's requests, rebuilt from the card, the exemplars and the outcomes on record.

    Closed rounds are planned with the rows they asked for (`provenance.rounds.asked`), then the open one, if
    any, with its quotas. With another generator, prompt, seed or parameter than at the time, a closed round's
    requests get other ids and count as missing: the card's history and its present would differ.

    Raises:
        StageFailed: exemplars are too few, or `provenance.rounds` skips a round.
    """
    closed = sorted(set(rounds["round"].to_list()))
    if closed != list(range(1, len(closed) + 1)):
        raise StageFailed(
            f"card {card.name}: provenance.rounds holds the rounds {closed}, not 1 to {len(closed)}; "
            "earlier requests cannot be rebuilt. Restore the warehouse from a backup"
        )
    requests: list[Request] = []
    for number in closed:
        asked = dict(rounds.filter(pl.col("round") == number).select("stratum", "asked").iter_rows())
        requests += plan_round(card, prompts, exemplars, identity, number, asked, len(requests))
    following = next_quotas(card.purpose.gap, rounds, card.generation.max_rounds)
    if following is None:
        return Plan(requests, None)
    requests += plan_round(card, prompts, exemplars, identity, following.number, following.quotas, len(requests))
    return Plan(requests, following.number)


def _saturated(rounds: pl.DataFrame, label: str) -> bool:
    """Whether the label's last round raised coverage of real by no more than its noise.

    Unmeasured rounds say no.
    """
    outcomes = rounds.filter(pl.col("stratum") == label).sort("round").tail(2)
    if outcomes.height < 2 or outcomes["coverage"].null_count() or outcomes["coverage_noise"][1] is None:
        return False
    return bool(outcomes["coverage"][1] - outcomes["coverage"][0] <= outcomes["coverage_noise"][1])
