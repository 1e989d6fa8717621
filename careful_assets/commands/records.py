"""What is on record of rows: their stories."""

from __future__ import annotations

from typing import Annotated

import typer

from careful_assets.commands.app import AsJson, app, home, print_json, root


@app.command()
def trace(
    row_id: Annotated[str, typer.Argument(help="A row's id, or its first eight or more digits.")],
    as_json: AsJson = False,
) -> None:
    """Tell a row's story: prompt, generator, seed, parents, every decision and vote, and where the row is used."""
    from careful_assets.card.discovery import find_cards
    from careful_assets.operations.text import trace_text
    from careful_assets.operations.trace import trace_row

    datasets = [path.parent.name for path in find_cards(root())]
    story = trace_row(home(), datasets, row_id)
    if as_json:
        print_json(story)
    else:
        typer.echo(trace_text(story))
