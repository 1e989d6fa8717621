"""Sending requests: each recorded before it goes out and after its answer came, none sent that has an answer.

Belongs here: order, retries and when to give up. Does not belong here: when a call may go out (`traffic`), what a call
is (`client`) or what a record is (`journal`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.llm.journal import Journal
from careful_assets.llm.pacing import RETRIES, Retries
from careful_assets.llm.requests import Answer, CallFailed, Failure, Generator, Request, Unreachable
from careful_assets.llm.structured import parsed, repair_prompt
from careful_assets.llm.traffic import KEPT, Tell, Traffic

if TYPE_CHECKING:
    from careful_assets.llm.budget import Budget

Progress = Callable[[int, int, int, float], None]
"""Called with requests done, requests to do, rows received and seconds passed, all of this call alone."""

FAILURES_IN_A_ROW = 8


@dataclass(frozen=True)
class Sent:
    """What became of the requests without a recorded answer: answered, failed for good, or held back by the budget."""

    answered: int
    failed: int
    held_back: int


async def answer_all(
    requests: Sequence[Request], generator: Generator, journal: Journal, *, in_flight: int,
    on_progress: Progress | None = None, on_trouble: Tell | None = None, budget: Budget | None = None,
    retries: Retries = RETRIES,
) -> Sent:  # fmt: skip
    """Send every request that has no recorded answer, at most `in_flight` at once; answers go to the journal.

    One that was erased is passed over. A request that fails for good is recorded as failed and the rest go on. The
    generator is not even started if nothing is to be sent. Whatever ends this call, recorded answers are kept and the
    next call goes on from them.

    Args:
        requests: what is to be answered; one that stands there twice is sent once.
        generator: who answers.
        journal: where asking and answers are recorded.
        in_flight: the most requests that are asked and have no outcome on record; fewer if the generator is overloaded.
        on_progress: hears after every request how far the work is.
        on_trouble: hears a line when calls fail or rest, and why.
        budget: asked before a request's first sending; what it does not admit, and all after it, stays unsent.
        retries: how often, and after which pauses, a request is sent again.

    Raises:
        StageFailed: the generator does not answer or refuses everything, or another process writes to the journal.
        HomeUnusable: an answer could not be recorded.
        MalformedInput: the journal is corrupt.
    """
    strangers = [request for request in requests if request.generator_digest != generator.identity.digest]
    if strangers:
        raise ValueError(f"{len(strangers)} requests are meant for another generator than {generator.identity}")
    state = journal.read()
    if all(state.settled(request) for request in requests):
        return Sent(0, 0, 0)
    async with journal:
        # Looked at again under the lock: another process may have finished them in between.
        settled = journal.at_opening.settled
        pending = list({one.request_id: one for one in requests if not settled(one)}.values())
        admitted = _admitted(pending, budget)
        first = next(admitted, None)
        if first is None:
            return Sent(0, 0, len(pending))
        async with generator:
            traffic = Traffic(generator.identity.generator_id, in_flight, retries.first_rest_s, on_trouble)
            sender = _Sender(generator, journal, retries, traffic, budget, len(pending), on_progress)
            sender.report()
            queue = chain([first], admitted)
            await _first_error([sender.work(queue) for _ in range(min(in_flight, len(pending)))])
            return Sent(sender.answered, sender.failed, len(pending) - sender.answered - sender.failed)


def _admitted(pending: Sequence[Request], budget: Budget | None) -> Iterator[Request]:
    for request in pending:
        if budget is not None and not budget.admit(request):
            return
        yield request


async def _first_error(workers: Sequence[Awaitable[None]]) -> None:
    """Run the workers; the first error stops the others, and is raised once they have stopped."""
    tasks = [asyncio.ensure_future(worker) for worker in workers]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        errors = [error for error in (task.exception() for task in done) if error is not None]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if errors:
        raise next((error for error in errors if isinstance(error, CarefulError)), errors[0])


class _Sender:
    """The state that the workers of one `answer_all` share."""

    def __init__(
        self,
        generator: Generator,
        journal: Journal,
        retries: Retries,
        traffic: Traffic,
        budget: Budget | None,
        total: int,
        on_progress: Progress | None,
    ) -> None:
        self.answered = self.failed = 0
        self._generator = generator
        self._journal = journal
        self._retries = retries
        self._traffic = traffic
        self._budget = budget
        self._total = total
        self._on_progress = on_progress
        self._begun = time.monotonic()
        self._rows = self._failed_in_a_row = 0
        self._under_way: deque[tuple[asyncio.Future[None], int]] = deque()
        """Answers that are not yet known to be durable, in the order of their records, with their rows."""

    async def work(self, queue: Iterator[Request]) -> None:
        """Answer requests until none is left; all workers draw from one queue."""
        for request in queue:
            await self._answer(request)
        if self._under_way:
            await asyncio.wait([self._under_way[-1][0]])
            self._count_recorded()

    def report(self) -> None:
        """Tell the caller how far the work is."""
        if self._on_progress is not None:
            done = self.answered + self.failed
            self._on_progress(done, self._total, self._rows, time.monotonic() - self._begun)

    async def _answer(self, request: Request) -> None:
        """Send a request until it is answered or fails for good.

        Does not wait for the answer's record: it and the next request's asking share a write. The next request goes out
        when both are durable, so that a worker never has more than one request without an outcome.
        """
        answered_before, sent = self.answered, request
        for attempt in range(1, self._retries.attempts + 1):
            ticket = await self._traffic.enter()
            await self._journal.asked(request, None if sent is request else sent.rendered_prompt)
            self._count_recorded()
            pause_s = 0.0
            try:
                answer = await self._generator.complete(sent)
            except CallFailed as error:
                failure = error
                pause_s = self._retries.pause_s(attempt, failure)
            else:
                fault = _fault(request, answer)
                if fault is None:
                    self._traffic.leave(ticket, None)
                    self._record(request, answer, None if sent is request else sent.rendered_prompt)
                    return
                # With the same prompt and seed the same would come again: it is shown what is wrong, once.
                failure = CallFailed(f"the answer does not fit its schema: {fault}", retryable=sent is request)
                sent = _repair(request, answer, fault)
            cause = self._retries.cause(failure)
            await self._journal.failed(Failure(request.request_id, cause, failure.retryable, failure.billed))
            self._traffic.leave(ticket, failure, pause_s)
            spent = self._is_spent(request, failure)
            if spent or self._retries.is_last(attempt, failure):
                self._give_up(failure, attempt, self.answered > answered_before)
                return
            await asyncio.sleep(pause_s)

    def _is_spent(self, request: Request, failure: CallFailed) -> bool:
        """Count an answer that cannot be used; whether the budget then forbids the request to go out once more."""
        if self._budget is None or not failure.billed:
            return False
        self._budget.unusable(request)
        return self._budget.refusal(request) is not None

    def _record(self, request: Request, answer: Answer, repair: str | None) -> None:
        if self._budget is not None:
            self._budget.settle(request, answer, repair)
        self._under_way.append((self._journal.answered(answer), len(answer.choices)))

    def _count_recorded(self) -> None:
        """Count the answers that have become durable.

        Raises:
            HomeUnusable: one could not be recorded.
        """
        while self._under_way and self._under_way[0][0].done():
            recorded, rows = self._under_way.popleft()
            recorded.result()
            self.answered += 1
            self._rows += rows
            self._failed_in_a_row = 0
            self.report()

    def _give_up(self, failure: CallFailed, attempts: int, others_were_answered: bool) -> None:
        """Count a request as failed.

        Raises:
            StageFailed: it is not this request, it is the generator: sending the others would waste time or money.
        """
        self.failed += 1
        self._failed_in_a_row += 1
        self.report()
        name = self._generator.identity.generator_id
        if isinstance(failure, Unreachable) and not failure.connected and not others_were_answered:
            raise StageFailed(
                f"generator {name} does not answer: {failure.cause}; {attempts} attempts in a row failed. {KEPT}; "
                f"{failure.remedy}, and run again"
            ) from failure
        if failure.overload and self._retries.too_long(failure):
            # The pause holds for all requests, as in `traffic`: any other would go out before its time as well.
            raise StageFailed(f"generator {name}: {self._retries.cause(failure)}. {KEPT}") from failure
        if self._failed_in_a_row >= FAILURES_IN_A_ROW:
            raise StageFailed(
                f"generator {name}: {self._failed_in_a_row} requests in a row failed, the last one with: "
                f"{failure.cause}. {KEPT}; mend the cause (address, model name, key, parameters) and "
                "run again"
            ) from failure


def _fault(request: Request, answer: Answer) -> str | None:
    """What is wrong with a structured answer."""
    if request.answer_schema is None:
        return None
    try:
        parsed(answer.choices[0].text, request.answer_schema)
    except ValueError as error:
        return str(error)
    return None


def _repair(request: Request, answer: Answer, fault: str) -> Request:
    """The same request, by its id, with a prompt that shows the fault."""
    assert request.answer_schema is not None
    shown = repair_prompt(request.rendered_prompt, answer.choices[0].text, fault, request.answer_schema)
    return replace(request, rendered_prompt=shown)
