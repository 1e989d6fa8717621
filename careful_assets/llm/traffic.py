"""When a call may go out: a window for a generator that is overloaded, a rest and a probe for one that is down.

Belongs here: waiting, and telling why. Does not belong here: the rules (`pacing`), retries and records (`dispatch`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from careful_assets.errors import StageFailed
from careful_assets.llm.pacing import Breaker, Window
from careful_assets.llm.requests import CallFailed, Unreachable

Tell = Callable[[str], None]
"""Called with one line for a person: what fails, how often, and when it goes on."""

KEPT = "Recorded answers are kept"
_TELL_EVERY_S = 10.0
_LONGEST_REST_S = 30.0


@dataclass(frozen=True)
class Ticket:
    """Leave for one call: the window's epoch that it belongs to, and whether it probes a generator that was down."""

    epoch: int
    probe: bool


class Traffic:
    """The calls under way to one generator.

    `most`: calls at once. `first_rest_s`: the rest before the first probe; doubled to 30 s. `tell`: hears of trouble.
    """

    def __init__(self, name: str, most: int, first_rest_s: float, tell: Tell | None) -> None:
        self._name = name
        self._window = Window(most)
        self._breaker = Breaker()
        self._first_rest_s = first_rest_s
        self._tell = tell
        self._told_at = float("-inf")
        self._open_calls = 0
        self._probing = False
        self._resumes_at = float("-inf")
        self._changed = asyncio.Event()

    async def enter(self) -> Ticket:
        """Wait until a call may go out; every ticket is handed back by `leave`."""
        while not self._is_free():
            rest = self._resumes_at - time.monotonic()
            try:
                await asyncio.wait_for(self._changed.wait(), rest if rest > 0 else None)
            except TimeoutError:
                continue
        self._open_calls += 1
        self._probing = self._breaker.is_open
        return Ticket(self._window.epoch, self._probing)

    def leave(self, ticket: Ticket, failure: CallFailed | None, pause_s: float = 0.0) -> None:
        """A call ended, well or with `failure`; `pause_s` is what its request waits before it is sent again.

        Raises:
            StageFailed: the last probe failed, too: the generator is down.
        """
        self._open_calls -= 1
        if ticket.probe:
            self._probing = False
        if failure is None:
            self._window.answered()
        elif failure.overload:
            self._slow_down(ticket, failure, pause_s)
        if failure is not None and failure.general:
            self._generator_failed(ticket, failure)
        else:
            self._generator_lives(answered=failure is None)
        # Wakes everyone who waits now, and nobody who comes later.
        self._changed.set()
        self._changed.clear()

    def _is_free(self) -> bool:
        if self._resumes_at > time.monotonic():
            return False
        if self._breaker.is_open:
            return not self._probing
        return self._open_calls < self._window.size

    def _slow_down(self, ticket: Ticket, failure: CallFailed, pause_s: float) -> None:
        """A pause that the generator names holds for all requests (RFC 6585, section 4; RFC 9110, section 10.2.3).

        So does the request's own pause where the window cannot get smaller.
        """
        self._window.refused(ticket.epoch)
        if failure.retry_after_s is not None or self._window.size == 1:
            self._rest(pause_s)
            if pause_s >= _TELL_EVERY_S:
                self._say(f"{failure.cause}; nothing is sent for {pause_s:.0f} s")

    def _generator_lives(self, *, answered: bool) -> None:
        if self._breaker.is_open:
            self._say("answers again", at_once=True)
            self._resumes_at = time.monotonic()
        self._breaker.lives(answered=answered)

    def _generator_failed(self, ticket: Ticket, failure: CallFailed) -> None:
        breaker = self._breaker
        rests = breaker.failed(probe=ticket.probe)
        said = f"{failure.cause}; {breaker.in_a_row} calls in a row failed"
        if breaker.given_up:
            remedy = failure.remedy if isinstance(failure, Unreachable) else "see in its log why it fails"
            raise StageFailed(
                f"generator {self._name} does not answer: {said}, {breaker.failed_probes} of them probes after a rest. "
                f"{KEPT}; {remedy}, and run again"
            ) from failure
        if rests:
            rest_s = min(self._first_rest_s * 2.0**breaker.failed_probes, _LONGEST_REST_S)
            self._rest(rest_s)
            self._say(f"{said}; nothing is sent for {rest_s:.0f} s, then one request as a probe", at_once=True)
        else:
            self._say(said)

    def _rest(self, seconds: float) -> None:
        self._resumes_at = max(self._resumes_at, time.monotonic() + seconds)

    def _say(self, what: str, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._tell is not None and (at_once or now - self._told_at >= _TELL_EVERY_S):
            self._told_at = now
            self._tell(f"generator {self._name}: {what}")
