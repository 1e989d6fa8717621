"""Planted sentences: which there are, and whether a model knows them."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from careful_assets.commands.app import AsJson, Dataset, app, home, print_json, root, say


@app.command()
def canaries(
    name: Dataset,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the model at CAREFUL_LLM_URL, or the embedded one, to complete them.")
    ] = False,
    provider: Annotated[
        str | None,
        typer.Option("--provider", help="Who runs that model: asks about sealed sets' too, if the card allows it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the canaries of a dataset's releases and sealed sets; with --ask, how far a model knows them by heart.

    Exit code 1 if it knows one beyond what chance gives at 1%, 2 if that provider may not see sealed rows.
    """
    from careful_assets.operations.canaries import canaries_of, canaries_text
    from careful_assets.operations.datasets import dataset_named

    loaded = dataset_named(root(), name)
    report = canaries_of(loaded, home(), f"canaries-{uuid.uuid4().hex[:12]}", say, ask=ask, provider=provider)
    if as_json:
        print_json(report)
    else:
        typer.echo(canaries_text(report))
    if report["exit_code"]:
        raise typer.Exit(report["exit_code"])
