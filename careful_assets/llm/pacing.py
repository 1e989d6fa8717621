"""How much goes out at once, when nothing does, and how often a request is sent: rules without clocks or tasks.

Belongs here: the window of calls under way, the breaker and the pauses. Does not belong here: waiting (`traffic`) and
what a failed request means (`dispatch`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from careful_assets.llm.requests import CallFailed

TRIP_AFTER = 5
"""Calls in a row that the generator as a whole failed. At a failure rate of a fifth, chance makes 1 in 3,125."""
PROBES_UNSEEN = 2
PROBES_SEEN = 5
"""Probes before giving up: few for a generator that never answered in this call (it is likely not there), more for one
that did (it is likely being restarted)."""


class Window:
    """How many calls may be under way: additive increase, multiplicative decrease.

    One more after a whole window of answers, half as many after a refusal for overload (Chiu and Jain 1989, "Analysis
    of the increase and decrease algorithms for congestion avoidance in computer networks": of the linear rules the one
    that comes to an efficient and fair share). It starts at `most`, which is what the caller thinks the generator
    takes. Calls that went out before a decrease say nothing of the size after it: `epoch` counts decreases, and a
    refusal counts only if its call went out in the present one.
    """

    def __init__(self, most: int) -> None:
        self.size = self._most = max(1, most)
        self.epoch = 0
        self._answers = 0

    def answered(self) -> None:
        """A call was answered."""
        self._answers += 1
        if self._answers >= self.size:
            self._answers = 0
            self.size = min(self._most, self.size + 1)

    def refused(self, epoch: int) -> None:
        """A call that went out in `epoch` was refused for overload."""
        if epoch == self.epoch:
            self.size = max(1, self.size // 2)
            self.epoch += 1
            self._answers = 0


class Breaker:
    """Whether the generator as a whole fails (Nygard 2007, "Release It!").

    Open after `TRIP_AFTER` such failures in a row; then only probes go out, until one is answered or too many failed.
    """

    def __init__(self) -> None:
        self.is_open = False
        self.in_a_row = 0
        self.failed_probes = 0
        self._seen = False

    @property
    def given_up(self) -> bool:
        """No further probe is due: the generator is down."""
        return self.failed_probes >= (PROBES_SEEN if self._seen else PROBES_UNSEEN)

    def lives(self, *, answered: bool) -> None:
        """Something came back that shows a generator at work: an answer, or a refusal of this one request."""
        self.is_open = False
        self.in_a_row = self.failed_probes = 0
        self._seen = self._seen or answered

    def failed(self, *, probe: bool) -> bool:
        """The generator failed a call; whether a rest is due from now on."""
        self.in_a_row += 1
        if self.is_open:
            self.failed_probes += probe
            return probe
        self.is_open = self.in_a_row >= TRIP_AFTER
        return self.is_open


@dataclass(frozen=True)
class Retries:
    """How often a request is sent before it counts as failed, and the pauses in seconds between.

    The pause doubles from `first_pause_s` to at most `longest_pause_s`, times a random factor of 0.5 to 1, so
    that requests refused together do not come back together. A Retry-After is obeyed up to `longest_wait_s`; a request
    that is to wait longer is not sent again in this run.
    `first_rest_s`: the rest that all take before the first probe of a generator that fails as a whole.
    """

    attempts: int = 5
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    longest_wait_s: float = 300.0
    first_rest_s: float = 2.0

    def too_long(self, failure: CallFailed) -> bool:
        """Whether the other side asks for a longer pause than is waited: nothing may be sent before its time."""
        return failure.retry_after_s is not None and failure.retry_after_s > self.longest_wait_s

    def is_last(self, attempt: int, failure: CallFailed) -> bool:
        """Whether the attempt with this number, counted from 1, is a request's last one in this run."""
        return not failure.retryable or attempt >= self.attempts or self.too_long(failure)

    def cause(self, failure: CallFailed) -> str:
        """The failure's cause, with the pause asked for where that is what ends the attempts."""
        if not (failure.retryable and self.too_long(failure)):
            return failure.cause
        return (
            f"{failure.cause}; the server asks for a pause of {failure.retry_after_s:.0f} seconds, more than the "
            f"{self.longest_wait_s:.0f} that are waited: run again after it"
        )

    def pause_s(self, attempt: int, failure: CallFailed) -> float:
        """The pause after the attempt with this number, counted from 1; 0 if the one asked for is too long."""
        if failure.retry_after_s is not None:
            return 0.0 if self.too_long(failure) else failure.retry_after_s
        pause = min(self.first_pause_s * 2.0 ** (attempt - 1), self.longest_pause_s)
        return pause * random.uniform(0.5, 1)


RETRIES = Retries()
