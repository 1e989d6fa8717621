"""What is on record of rows: their stories, where they are, and what a release is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from careful_assets.commands.app import AsJson, WrongUsage, app, home, print_json, root


@app.command()
def trace(
    row_id: Annotated[str, typer.Argument(help="A row's id, or its first eight or more digits.")],
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Look there alone: where several datasets share their anchors.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell a row's story: prompt, generator, seed, parents, every decision and vote, and where the row is used.

    Exit code 2 if no dataset has the row, or if it was erased.
    """
    from careful_assets.operations.records.trace_text import trace_text
    from careful_assets.operations.trace import trace_row

    cards = _cards(dataset)
    story = trace_row(home(), list(cards), row_id, cards)
    _warn_of(story["skipped"], "trace")
    if as_json:
        print_json(story)
    else:
        typer.echo(trace_text(story))


@app.command()
def find(
    name: Annotated[str | None, typer.Argument(help="One dataset; all of them without it.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="A prompt's id, or how its digest begins.")] = None,
    generator: Annotated[
        str | None, typer.Option("--generator", help="A generator's id, or how its digest begins.")
    ] = None,
    anchor: Annotated[str | None, typer.Option("--anchor", help="A row's id, or how it begins.")] = None,
    request: Annotated[str | None, typer.Option("--request", help="A request's id, or how it begins.")] = None,
    seed: Annotated[str | None, typer.Option("--seed", metavar="FROM..TO", help="Seeds, both ends included.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find every row, split, release and training run that holds something of a prompt, generator, row or request.

    Rows made from such rows count among them. Exit code 2 if there is no such thing.
    """
    given = {"prompt": prompt, "generator": generator, "anchor": anchor, "request": request, "seed": seed}
    asked = [(kind, item) for kind, item in given.items() if item is not None]
    if len(asked) != 1:
        raise WrongUsage(f"give exactly one of {', '.join(f'--{kind}' for kind in given)}")
    from careful_assets.operations.find import find_rows
    from careful_assets.operations.records.find_text import found_text

    ((kind, item),) = asked
    report = find_rows(home(), list(_cards(name)), kind, item)
    _warn_of(report["skipped"], "find")
    if as_json:
        print_json(report)
    else:
        typer.echo(found_text(report))


@app.command()
def audit(
    release: Annotated[Path, typer.Argument(help="A release's folder.")],
    as_json: AsJson = False,
) -> None:
    """Tell from a release's folder alone which rows are real, and by what the others were made and by whom reviewed.

    Exit code 1 if the folder is not as its manifest says or a generated row has no whole record, 2 if it is retired.
    """
    from careful_assets.operations.audit import audit_release
    from careful_assets.operations.records.audit_text import audited_text

    report = audit_release(release)
    if as_json:
        print_json(report)
    else:
        typer.echo(audited_text(report))
    if report["exit_code"]:
        raise typer.Exit(report["exit_code"])


def _warn_of(skipped: dict[str, str], command: str) -> None:
    for dataset, why in skipped.items():
        typer.echo(f"careful {command}: {dataset} was not looked into: {why}", err=True)


def _cards(dataset: str | None) -> dict[str, Path]:
    """By dataset its card; of the one that is named, if one is."""
    from careful_assets.card.discovery import find_cards

    cards = {path.parent.name: path for path in find_cards(root())}
    if dataset is None:
        return cards
    if dataset not in cards:
        raise WrongUsage(f"there is no dataset {dataset!r}; known: {', '.join(cards) or 'none'}")
    return {dataset: cards[dataset]}
