"""Lineage events that were not sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from careful_assets.commands.app import AsJson, app, home, print_json
from careful_assets.errors import Exit


@app.command()
def flush(as_json: AsJson = False) -> None:
    """Send the lineage events that wait in the outbox to the collector at OPENLINEAGE_URL, in order.

    Exit code 1 if one is left, or was refused.
    """
    from careful_assets.operations.flush import flush as send
    from careful_assets.operations.flush import flush_text

    where = home()
    with _bar() as progress:
        report = send(where, progress)
    if as_json:
        print_json(report)
    else:
        typer.echo(flush_text(report))
    if report["left"] or report["refused"]:
        raise typer.Exit(Exit.DOES_NOT_HOLD)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar with rate and time left on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console, begun = Console(stderr=True), time.monotonic()
    columns = (TextColumn("events"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("events", total=None, rate="")

        def progress(done: int, total: int) -> None:
            rate = f"{done / (time.monotonic() - begun):.0f}/s"
            bar.update(task, completed=done, total=total, rate=rate)

        yield progress
