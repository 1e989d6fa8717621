"""Rounds: which quotas are asked for when, as pure functions of the card and of `provenance.rounds`.

Belongs here: the decision whether a round starts, the plan of all rounds so far, and why there is no further one. Does
not belong here: the requests of one round (`plan`), rounds after an erasure (`after_erasure`) and how an outcome is
recorded (the stages downstream).
"""

from __future__ import annotations

from collections import Counter
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


def cut_short_round(rounds: pl.DataFrame) -> int | None:
    """The last round, if a budget held some of it back. `rounds`: as of `next_quotas`."""
    return _last(rounds) if _held_back(rounds) else None


def next_quotas(gaps: Sequence[Gap], rounds: pl.DataFrame, max_rounds: int) -> NextRound | None:
    """The round that materializing generation starts or goes on with; None if it is to send nothing.

    A round is one filling of the quota; later stages work on the union of rounds. Materializing generation
    starts a round only if the last one's outcome stands in `provenance.rounds`, the quota is unfilled,
    coverage is not saturated and `max_rounds` is not reached; else it reloads the journal and sends nothing.

    A round whose outcome does not stand yet is planned again, with the quotas it had: what is answered is not
    sent. So is a round that a budget cut short: with a raised budget it goes on.

    Args:
        gaps: the card's gaps; round 1 asks for target minus current, a later one for what is not yet kept of that.
        rounds: `provenance.rounds`: round, stratum, asked (rows), held_back (rows), kept (rows), coverage,
            coverage_noise.
        max_rounds: the card's limit.
    """
    last = _last(rounds)
    if _held_back(rounds):
        # With a quota that was lowered meanwhile, the rows at hand may be enough.
        return NextRound(last, _asked(rounds, last)) if any(_missing(gap, rounds) > 0 for gap in gaps) else None
    if last >= max_rounds:
        return None
    quotas = {gap.label: n for gap in gaps if (n := _missing(gap, rounds)) > 0 and not _saturated(gap, rounds)}
    return NextRound(last + 1, quotas) if quotas else None


def ending_of(gaps: Sequence[Gap], rounds: pl.DataFrame, max_rounds: int) -> str:
    """Why generation sends nothing further, by stratum; or which round is open, and what it asks for.

    Args: as of `next_quotas`.
    """
    following = next_quotas(gaps, rounds, max_rounds)
    if following is not None:
        asks = ", ".join(f"{n} rows of {label}" for label, n in following.quotas.items())
        held = _held_back(rounds)
        cut = f"; the budget held back {held} of them: raise generation.budget to go on" if held else ""
        return f"round {following.number} is open and asks for {asks}{cut}"
    return "; ".join(f"{gap.label}: {_why_ended(gap, rounds, max_rounds)}" for gap in gaps)


def planned_rounds(
    card: Card,
    prompts: Sequence[Prompt],
    exemplars: pl.DataFrame,
    identity: GeneratorIdentity,
    rounds: pl.DataFrame,
) -> Plan:
    """Every round's requests, rebuilt from the card, the exemplars and the outcomes on record.

    Closed rounds are planned with the rows they asked for (`provenance.rounds.asked`), then the open one, if
    any, with its quotas; one that a budget cut short is open. With another generator, prompt, seed or parameter
    than at the time, a closed round's requests get other ids and count as missing: the card's history and its
    present would differ.

    Raises:
        StageFailed: exemplars are too few, or `provenance.rounds` skips a round.
    """
    closed = rounds_on_record(card, rounds)
    following = next_quotas(card.purpose.gap, rounds, card.generation.max_rounds)
    requests: list[Request] = []
    for number in closed:
        if following is None or number < following.number:
            asked = _asked(rounds, number)
            requests += plan_round(card, prompts, exemplars, identity, number, asked, len(requests), _served(requests))
    if following is None:
        return Plan(requests, None)
    number, asked = following.number, following.quotas
    requests += plan_round(card, prompts, exemplars, identity, number, asked, len(requests), _served(requests))
    return Plan(requests, following.number)


def rounds_on_record(card: Card, rounds: pl.DataFrame) -> list[int]:
    """The rounds whose outcome stands, from 1 on without a gap.

    Raises:
        StageFailed: `provenance.rounds` skips a round.
    """
    numbers = sorted(set(rounds["round"].to_list()))
    if numbers != list(range(1, len(numbers) + 1)):
        raise StageFailed(
            f"card {card.name}: provenance.rounds holds the rounds {numbers}, not 1 to {len(numbers)}; "
            "earlier requests cannot be rebuilt. Restore the warehouse from a backup"
        )
    return numbers


def _served(requests: Sequence[Request]) -> Counter[str]:
    """The requests so far that asked for each label."""
    return Counter(request.stratum for request in requests)


def _why_ended(gap: Gap, rounds: pl.DataFrame, max_rounds: int) -> str:
    quota, missing = _quota(gap), _missing(gap, rounds)
    kept = f"{quota - missing} of {quota} rows kept"
    rise = _rise(gap, rounds)
    if missing <= 0:
        return f"quota filled, {kept}"
    if rise is not None and rise.is_noise:
        return (
            f"saturated at round {rise.last}, {kept}; coverage of real was {rise.before:.3f} before round {rise.first} "
            f"and is {rise.after:.3f}, its noise {rise.noise:.3f}"
        )
    return f"max_rounds of {max_rounds} reached, {kept}"


@dataclass(frozen=True)
class _Rise:
    """What a stratum's rounds from `first` to `last`, its last one, did to its coverage of real."""

    first: int
    last: int
    before: float
    after: float
    noise: float

    @property
    def is_noise(self) -> bool:
        """Whether the rise is no more than another seed might have moved coverage."""
        # Both are given to six decimals; their difference is not, in floating point.
        return round(self.after - self.before, 6) <= self.noise


def _rise(gap: Gap, rounds: pl.DataFrame) -> _Rise | None:
    """The rise that decides whether the stratum is saturated; None where coverage was not measured.

    A round that refills a few rows cannot raise coverage beyond noise whoever wrote them: it is judged together with
    the rounds before it, back to where they asked for half of the quota between them. Before round 1 coverage is 0.
    """
    outcomes = rounds.filter(pl.col("stratum") == gap.label).sort("round", descending=True).to_dicts()
    asked = 0
    for place, outcome in enumerate(outcomes):
        asked += outcome["asked"]
        if 2 * asked >= _quota(gap) or place == len(outcomes) - 1:
            before = outcomes[place + 1]["coverage"] if place + 1 < len(outcomes) else 0.0
            last = outcomes[0]
            if None in (before, last["coverage"], last["coverage_noise"]):
                return None
            return _Rise(outcome["round"], last["round"], before, last["coverage"], last["coverage_noise"])
    return None


def _saturated(gap: Gap, rounds: pl.DataFrame) -> bool:
    """Whether the label's last rounds raised coverage of real by no more than its noise; unmeasured ones say no."""
    rise = _rise(gap, rounds)
    return rise is not None and rise.is_noise


def _quota(gap: Gap) -> int:
    return gap.target_count - gap.current_count


def _missing(gap: Gap, rounds: pl.DataFrame) -> int:
    """Rows of the quota that are not yet kept."""
    kept = rounds.filter(pl.col("stratum") == gap.label)["kept"].sum()
    return _quota(gap) - int(kept)


def _last(rounds: pl.DataFrame) -> int:
    return int(rounds["round"].max() or 0)  # type: ignore[arg-type]


def _held_back(rounds: pl.DataFrame) -> int:
    """Rows of the last round that a budget kept from being asked for."""
    return int(rounds.filter(pl.col("round") == _last(rounds))["held_back"].sum())


def _asked(rounds: pl.DataFrame, number: int) -> dict[str, int]:
    return dict(rounds.filter(pl.col("round") == number).sort("stratum").select("stratum", "asked").iter_rows())
