"""What a round is going to take, told from its first few requests, and what it then took.

Belongs here: figures of one round, as pure functions of its requests and the journal. Does not belong here: the table
that they stand in (`generation.forecasts`).

The probe is a systematic sample of the round's own requests, sent before the others and recorded like them, so that
nothing is wasted. From it come, as ratio estimates (Cochran 1977, "Sampling Techniques", chapter 6), the tokens of a
completion and the seconds of a token: how long an answer takes hangs on how much is read and written, and prompts of
one round differ threefold in length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Request
from careful_assets.llm.spending import Tokens, busy_seconds, most_of, seconds_of, taken_by

PROBE = 4


@dataclass(frozen=True)
class Figures:
    """Requests, tokens, cost in the prices' currency, seconds; None where nothing tells."""

    requests: int
    tokens: int | None
    cost: float | None
    seconds: float | None


def probe_of(requests: Sequence[Request]) -> list[Request]:
    """At most `PROBE` of a round's requests, spread evenly over its plan so that every stratum may be in it."""
    size = min(PROBE, len(requests))
    return [requests[at * len(requests) // size] for at in range(size)]


def forecast(requests: Sequence[Request], state: JournalState, prices: Prices, in_flight: int) -> tuple[Figures, str]:
    """What a round takes in all, the probe included, told from the probe's answers; and what that rests on, in words.

    Args:
        requests: the round's, in the order of its plan.
        state: the journal; whatever else it holds by now plays no part.
        prices: of the round's generator.
        in_flight: how many requests are open at once. The probe had at most `PROBE`: where more slow the generator
            down, the forecast is too short.
    """
    probe = probe_of(requests)
    answered = ((one, taken_by(one, state), seconds_of(one, state)) for one in probe)
    known = [(one, taken, seconds) for one, taken, seconds in answered if taken is not None and seconds is not None]
    if not known:
        return Figures(len(requests), None, None, None), f"none of the probe's {len(probe)} requests has an answer"
    taken = sum((tokens for _, tokens, _ in known), Tokens())
    longest = sum((most_of(one, state) for one in requests), Tokens())
    asked, all_asked = sum(one.completions for one, _, _ in known), sum(one.completions for one in requests)
    whole = Tokens(longest.prompt, round(taken.completion * all_asked / asked))
    slots = min(in_flight, len(requests))
    seconds = sum(latency for _, _, latency in known) * whole.total / taken.total / slots
    cost = _float(prices.cost(requests[0], whole))
    return Figures(len(requests), whole.total, cost, seconds), f"a probe of {len(known)} requests"


def outcome(requests: Sequence[Request], state: JournalState, prices: Prices) -> Figures:
    """What the round's requests took so far: those that were asked, and the tokens, cost and time of their answers."""
    taken = sum((tokens for one in requests if (tokens := taken_by(one, state)) is not None), Tokens())
    asked = sum(one.request_id in state.requests or one.request_id in state.erased for one in requests)
    cost = _float(prices.cost(requests[0], taken))
    return Figures(asked, taken.total, cost, busy_seconds(requests, state))


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
