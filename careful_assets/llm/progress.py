"""Progress of long calls to a generator: a line every few seconds in the log and, in a terminal, a bar.

Belongs here: how far it is, in words. Does not belong here: counting (`budget`) and what is sent when (`dispatch`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Request
from careful_assets.llm.spending import tokens_taken

_LINE_EVERY_S = 5.0


class Running:
    """How far a number of requests is, over as many calls of `answer_all` as it takes.

    `listening` is told of each call's progress, `take` of each answer. `show` and `log` get the words: the first at
    every step with requests done, the second every five seconds and at the end.
    """

    def __init__(
        self, title: str, total: int, prices: Prices, log: Callable[[str], None], show: Callable[[int, str], None]
    ) -> None:
        self._title, self._total, self._prices, self._log, self._show = title, total, prices, log, show
        self._answered = self._tokens = self._done = self._rows = 0
        self._cost: Decimal | None = Decimal(0)
        self._begun = self._said_at = time.monotonic()

    def take(self, request: Request, answer: Answer) -> None:
        """Count an answer's tokens and what they cost."""
        tokens = tokens_taken(request, answer)
        cost = self._prices.cost(request, tokens)
        self._answered += 1
        self._tokens += tokens.total
        self._cost = None if self._cost is None or cost is None else self._cost + cost

    def listening(self) -> Callable[[int, int, int, float], None]:
        """A `Progress` for the next call of `answer_all`, whose figures start at zero again."""
        done_before, rows_before = self._done, self._rows

        def listen(done: int, total: int, rows: int, elapsed: float) -> None:
            self._done, self._rows = done_before + done, rows_before + rows
            self._tell()

        return listen

    def _tell(self) -> None:
        now = time.monotonic()
        self._show(self._done, self._words(now))
        if self._done == self._total or now - self._said_at >= _LINE_EVERY_S:
            self._said_at = now
            left = (now - self._begun) / self._done * (self._total - self._done) if self._done else 0
            ending = f", about {left:.0f} s left" if left >= 1 else ""
            self._log(f"{self._title}: {self._done} of {self._total} requests, {self._words(now)}{ending}")

    def _words(self, now: float) -> str:
        elapsed = max(now - self._begun, 1e-9)
        parts = [f"{self._rows} rows", f"{self._rows / elapsed:.1f} rows/s", f"{self._tokens:,} tokens"]
        if self._cost:
            parts.append(f"{self._cost:,.4f} {self._prices.currency}")
        failed = self._done - self._answered
        return ", ".join([*parts, *([f"{failed} failed"] if failed > 0 else [])])


@contextmanager
def reporting(title: str, total: int, prices: Prices, log: Callable[[str], None]) -> Iterator[Running]:
    """Show how far `total` requests are: `log` gets a line every five seconds, a terminal a bar with the time left."""
    if not sys.stderr.isatty():
        yield Running(title, total, prices, log, lambda done, words: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, words="")
        yield Running(title, total, prices, log, lambda done, words: bar.update(task, completed=done, words=words))
