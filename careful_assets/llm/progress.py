"""Progress of long calls to a generator: a bar with rate and time left in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from careful_assets.llm.dispatch import Progress

_LINE_EVERY_S = 10.0


@contextmanager
def reporting(title: str, log: Callable[[str], None]) -> Iterator[Progress]:
    """A callback for `answer_all` that shows how far it is. `log` gets a line every ten seconds, and the last one."""
    if not sys.stderr.isatty():
        yield _logged(title, log)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, rate="")

        def show(done: int, total: int, rows: int, elapsed: float) -> None:
            bar.update(task, completed=done, total=total, rate=_rate(rows, elapsed))

        yield show


def _logged(title: str, log: Callable[[str], None]) -> Progress:
    said_at = time.monotonic()

    def show(done: int, total: int, rows: int, elapsed: float) -> None:
        nonlocal said_at
        now = time.monotonic()
        if done == total or now - said_at >= _LINE_EVERY_S:
            said_at = now
            left = f", about {elapsed / done * (total - done):.0f} s left" if 0 < done < total else ""
            log(f"{title}: {done} of {total} requests, {rows} rows, {_rate(rows, elapsed)}{left}")

    return show


def _rate(rows: int, elapsed: float) -> str:
    return f"{rows / elapsed:.1f} rows/s" if elapsed > 0 else "0 rows/s"
