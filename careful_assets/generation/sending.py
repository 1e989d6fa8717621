"""Sending a round: its probe, the forecast, then the rest as far as the budget goes.

Belongs here: what is sent when, and why sending stopped. Does not belong here: one call of many requests
(`llm.dispatch`), limits (`llm.budget`) and figures (`llm.forecast`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from careful_assets.card.models import Card
from careful_assets.generation.generators import OpenGenerator
from careful_assets.llm.budget import Budget
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.forecast import probe_of
from careful_assets.llm.journal import Journal
from careful_assets.llm.prices import Prices
from careful_assets.llm.progress import reporting
from careful_assets.llm.requests import Answer, Generator, GeneratorIdentity, Request


async def send(
    requests: Sequence[Request], opened: OpenGenerator, journal: Journal, prices: Prices, card: Card,
    log: Callable[[str], None], on_probed: Callable[[], None],
) -> str | None:  # fmt: skip
    """Have the round's requests answered; None, or why the rest of them is held back.

    The probe goes first; `on_probed` is called once its answers are on record. The generator is started once, and not
    at all if there is nothing to send, the budget is spent, or another process writes to the journal.

    Raises:
        StageFailed: a price is missing, or as `answer_all`.
    """
    state, limits = journal.read(), card.generation.budget
    probe = probe_of(requests)
    first = {one.request_id for one in probe}
    queue = [one for one in [*probe, *(one for one in requests if one.request_id not in first)]
             if not state.settled(one)]  # fmt: skip
    if not queue:
        return None
    cost_is_limited = limits is not None and limits.cost is not None
    on_record = state.on_record() if cost_is_limited else ()
    prices.refuse_unpriced([*requests, *on_record], card.name, cost_is_limited=cost_is_limited)
    if stopped := Budget(limits, prices, lambda: state).refusal(queue[0]):
        log(f"{stopped}: nothing is sent, {len(queue)} requests are held back")
        return stopped
    title = f"{card.name}: asking {opened.generator.identity.generator_id}"
    with reporting(title, len(queue), prices, log) as progress:
        async with AsyncExitStack() as stack:
            generator = _StartedOnce(opened.generator, stack)
            while queue and stopped is None:
                probing = [one for one in queue if one.request_id in first]
                batch = probing or queue
                sent = await answer_all(
                    batch, generator, journal, in_flight=opened.in_flight, on_progress=progress.listening(),
                    on_trouble=log, budget=Budget(limits, prices, lambda: journal.at_opening, progress.take),
                )  # fmt: skip
                queue = queue[len(batch) - sent.held_back :]
                if probing:
                    on_probed()
                if queue:
                    # What was in flight took less than it might have: there may be room for more.
                    stopped = Budget(limits, prices, journal.read).refusal(queue[0])
    if stopped:
        log(f"{stopped}: {len(queue)} requests are held back")
    return stopped


class _StartedOnce:
    """A generator that starts with the first call that needs it and ends with `stack`, not between calls."""

    def __init__(self, generator: Generator, stack: AsyncExitStack) -> None:
        self._generator, self._stack, self._started = generator, stack, False

    @property
    def identity(self) -> GeneratorIdentity:
        return self._generator.identity

    async def __aenter__(self) -> Self:
        if not self._started:
            await self._stack.enter_async_context(self._generator)
            self._started = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def complete(self, request: Request) -> Answer:
        return await self._generator.complete(request)
