"""The budget: hard limits on what all of a dataset's requests take, over all rounds and runs.

Belongs here: what was spent, what is in flight, and whether one more request fits. Does not belong here: counting one
request (`spending`, `prices`) and sending (`dispatch`).

What counts: an answered request what it took; one that was asked and has no answer, be it in flight, failed or lost
with a killed process, the most it may take; one that was sent again after a kill that much more, and one more request
and the most it may take for every answer that could not be used. A call that was refused is free. Tokens are those of
`spending`. Limits are overshot only where a generator reports more tokens than a request may take by our count, or the
first answers take longer than the time allowed: calls under way are paid for, and awaited.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from careful_assets.card.budget import Limits
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Request
from careful_assets.llm.spending import Tokens, busy_seconds, most_of, most_tokens, seconds_of, taken_by, tokens_taken


@dataclass
class _Spent:
    """Everything on record and in flight. `open`: what is charged for requests that have no answer."""

    requests: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    seconds: float = 0.0
    longest_s: float = 0.0
    unusable: int = 0
    open: dict[str, tuple[int, Decimal]] = field(default_factory=dict)


class Budget:
    """A dataset's budget as one `answer_all` keeps it.

    `read`: the journal as it stands, called when the first request asks to be admitted: `answer_all` then holds the
    journal's lock, so that no other process spends at the same time. Make a new one for each `answer_all`. `on_answer`
    hears of every answer.
    """

    def __init__(
        self, limits: Limits | None, prices: Prices, read: Callable[[], JournalState],
        on_answer: Callable[[Request, Answer], None] | None = None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._limits = limits or Limits()
        self._prices = prices
        self._read = read
        self._on_answer = on_answer
        self._clock = clock
        self._spent: _Spent | None = None
        self._begun = 0.0

    def admit(self, request: Request) -> bool:
        """Whether the request may be sent; if so, the most that it may take is set aside."""
        if self.refusal(request) is not None:
            return False
        spent = self._so_far()
        if request.request_id not in spent.open:
            most, cost = self._charge(request, most_tokens(request))
            spent.open[request.request_id] = most, cost
            spent.requests, spent.tokens, spent.cost = spent.requests + 1, spent.tokens + most, spent.cost + cost
        return True

    def settle(self, request: Request, answer: Answer, repair: str | None = None) -> None:
        """Take an answer into account: what it took, in place of what was set aside.

        `repair`: the prompt of the second call that mended it, if there was one.
        """
        spent = self._so_far()
        aside, cost_aside = spent.open.pop(request.request_id, (0, Decimal(0)))
        took, cost = self._charge(request, tokens_taken(request, answer, repair))
        spent.tokens += took - aside
        spent.cost += cost - cost_aside
        spent.longest_s = max(spent.longest_s, answer.latency_s)
        if self._on_answer is not None:
            self._on_answer(request, answer)

    def unusable(self, request: Request) -> None:
        """Take into account that an answer came which cannot be used: a further call is a further request."""
        self._charge_unusable(self._so_far(), request, most_tokens(request), 1)

    def refusal(self, request: Request) -> str | None:
        """Why the request may not be sent now, such as `budget: 40 of 40 requests`; None if it may."""
        spent, limits, currency = self._so_far(), self._limits, self._prices.currency
        seconds = spent.seconds + self._clock() - self._begun
        if limits.seconds is not None and seconds + spent.longest_s > limits.seconds:
            longest = f"{spent.longest_s:,.1f}"
            return f"budget: {seconds:,.0f} of {limits.seconds:,g} seconds, and a request took up to {longest}"
        counted = request.request_id in spent.open  # what it may take is set aside already
        if limits.requests is not None and spent.requests + (not counted) > limits.requests:
            lost = f", {spent.unusable:,} of them with answers that could not be used" if spent.unusable else ""
            return f"budget: {limits.requests:,} of {limits.requests:,} requests{lost}"
        most, cost = (0, Decimal(0)) if counted else self._charge(request, most_tokens(request))
        if limits.tokens is not None and spent.tokens + most > limits.tokens:
            return f"budget: {spent.tokens:,} of {limits.tokens:,} tokens, and a request may take {most:,}"
        if limits.cost is not None and spent.cost + cost > Decimal(str(limits.cost)):
            return f"budget: {spent.cost:,.4f} of {limits.cost:,g} {currency}, and a request may cost {cost:,.4f}"
        return None

    def _charge(self, request: Request, tokens: Tokens) -> tuple[int, Decimal]:
        # Without a price there is no limit on the cost: `Prices.refuse_unpriced` has seen to that.
        return tokens.total, self._prices.cost(request, tokens) or Decimal(0)

    def _charge_unusable(self, spent: _Spent, request: Request, most: Tokens, times: int) -> None:
        tokens, cost = self._charge(request, most)
        spent.requests, spent.unusable = spent.requests + times, spent.unusable + times
        spent.tokens, spent.cost = spent.tokens + times * tokens, spent.cost + times * cost

    def _so_far(self) -> _Spent:
        if self._spent is None:
            self._spent, self._begun = self._on_record(self._read()), self._clock()
        return self._spent

    def _on_record(self, state: JournalState) -> _Spent:
        requests = state.on_record()
        spent = _Spent(len(requests), seconds=busy_seconds(requests, state))
        for request in requests:
            taken, most, erased = (
                taken_by(request, state),
                most_of(request, state),
                state.erased.get(request.request_id),
            )
            tokens, cost = self._charge(request, most if taken is None else taken)
            if taken is None:
                spent.open[request.request_id] = tokens, cost
            spent.longest_s = max(spent.longest_s, seconds_of(request, state) or 0.0)
            billed = state.billed[request.request_id] if erased is None else erased.billed
            self._charge_unusable(spent, request, most, billed)
            if request.request_id in state.resent if erased is None else erased.resent:
                again, its_cost = self._charge(request, most)
                tokens, cost = tokens + again, cost + its_cost
            spent.tokens, spent.cost = spent.tokens + tokens, spent.cost + cost
        return spent
