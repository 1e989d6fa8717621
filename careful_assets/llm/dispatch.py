"""Sending requests: each recorded before it goes out and after its answer came, none sent that has an answer.

Belongs here: order, concurrency, retries and when to give up. Does not belong here: what a call is (`client`)
or what a record is (`journal`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.llm.journal import Journal
from careful_assets.llm.requests import CallFailed, Failure, Generator, Request, Unreachable

Progress = Callable[[int, int, int, float], None]
"""Called with requests done, requests to do, rows received and seconds passed, all of this call alone."""

FAILURES_IN_A_ROW = 8


@dataclass(frozen=True)
class Retries:
    """How often a request is sent before it counts as failed, and the pauses in seconds between.

    The pause doubles from `first_pause_s` to at most `longest_pause_s`, times a random factor of 0.5 to 1, so
    that requests refused together do not come back together. A Retry-After is obeyed up to `longest_wait_s`.
    """

    attempts: int = 5
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    longest_wait_s: float = 300.0

    def pause_s(self, attempt: int, failure: CallFailed) -> float:
        """The pause after the attempt with this number, counted from 1."""
        if failure.retry_after_s is not None:
            return min(failure.retry_after_s, self.longest_wait_s)
        pause = min(self.first_pause_s * 2.0 ** (attempt - 1), self.longest_pause_s)
        return pause * random.uniform(0.5, 1)


async def answer_all(
    requests: Sequence[Request], generator: Generator, journal: Journal, *, in_flight: int,
    on_progress: Progress | None = None, retries: Retries = Retries(),
) -> None:  # fmt: skip
    """Send every request that has no recorded answer, at most `in_flight` at once; answers go to the journal.

    A request that fails for good is recorded as failed and the rest go on. The generator is not even started
    if nothing is to be sent. Whatever ends this call, recorded answers are kept and the next call goes on
    from them.

    Raises:
        StageFailed: the generator does not answer or refuses everything, or another process writes to the journal.
        HomeUnusable: an answer could not be recorded.
        MalformedInput: the journal is corrupt.
    """
    strangers = [request for request in requests if request.generator_digest != generator.identity.digest]
    if strangers:
        raise ValueError(f"{len(strangers)} requests are meant for another generator than {generator.identity}")
    if not _unanswered(requests, journal):
        return
    async with journal:
        # Read again under the lock: another process may have finished them in between.
        pending = _unanswered(requests, journal)
        if not pending:
            return
        async with generator:
            sender = _Sender(generator, journal, retries, len(pending), on_progress)
            sender.report()
            queue = iter(pending)
            await _first_error([sender.work(queue) for _ in range(min(in_flight, len(pending)))])


def _unanswered(requests: Sequence[Request], journal: Journal) -> list[Request]:
    answers = journal.read().answers
    return list({one.request_id: one for one in requests if one.request_id not in answers}.values())


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
        total: int,
        on_progress: Progress | None,
    ) -> None:
        self._generator = generator
        self._journal = journal
        self._retries = retries
        self._total = total
        self._on_progress = on_progress
        self._begun = time.monotonic()
        self._done = self._answered = self._rows = self._failed_in_a_row = 0

    async def work(self, queue: Iterator[Request]) -> None:
        """Answer requests until none is left; all workers draw from one queue."""
        for request in queue:
            await self._answer(request)
            self._done += 1
            self.report()

    def report(self) -> None:
        """Tell the caller how far the work is."""
        if self._on_progress is not None:
            self._on_progress(self._done, self._total, self._rows, time.monotonic() - self._begun)

    async def _answer(self, request: Request) -> None:
        answered_before = self._answered
        for attempt in range(1, self._retries.attempts + 1):
            await self._journal.asked(request)
            try:
                answer = await self._generator.complete(request)
            except CallFailed as failure:
                await self._journal.failed(Failure(request.request_id, failure.cause, failure.retryable))
                if not failure.retryable or attempt == self._retries.attempts:
                    self._give_up(failure, attempt, self._answered > answered_before)
                    return
                await asyncio.sleep(self._retries.pause_s(attempt, failure))
            else:
                await self._journal.answered(answer)
                self._answered += 1
                self._rows += len(answer.choices)
                self._failed_in_a_row = 0
                return

    def _give_up(self, failure: CallFailed, attempts: int, others_were_answered: bool) -> None:
        """Count a request as failed.

        Raises:
            StageFailed: it is not this request, it is the generator: sending the others would waste time or money.
        """
        self._failed_in_a_row += 1
        name = self._generator.identity.generator_id
        kept = "Recorded answers are kept"
        if isinstance(failure, Unreachable) and not others_were_answered:
            raise StageFailed(
                f"generator {name} does not answer after {attempts} attempts: {failure.cause}. {kept}; "
                f"{failure.remedy}, and run again"
            ) from failure
        if self._failed_in_a_row >= FAILURES_IN_A_ROW:
            raise StageFailed(
                f"generator {name}: {self._failed_in_a_row} requests in a row failed, the last one with: "
                f"{failure.cause}. {kept}; mend the cause (address, model name, key, parameters) and "
                "run again"
            ) from failure
