"""Asking and judging again what is on record."""

from __future__ import annotations

from typing import Annotated

import typer

from careful_assets.commands.app import AsJson, Dataset, WrongUsage, app, home, print_json, root, say
from careful_assets.errors import Exit


@app.command()
def regenerate(
    name: Dataset,
    requests: Annotated[
        int | None, typer.Option("--requests", min=1, help="So many of the recorded requests; all without it.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which requests are drawn.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask the live generator again what it was asked, and show how many rows come out the same. Changes no data.

    A low share is no error. Exit code 1 if not one row could be compared, 2 if it is not the recorded generator.
    """
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.operations.regenerate import match_text
    from careful_assets.operations.regenerate import regenerate as ask_again

    loaded = dataset_named(root(), name)
    report = ask_again(loaded, home(), say, most=requests, seed=seed)
    if as_json:
        print_json(report)
    else:
        typer.echo(match_text(report))
    if not report["rows"]:
        raise typer.Exit(Exit.DOES_NOT_HOLD)


@app.command()
def rejudge(
    name: Dataset,
    gate: Annotated[str, typer.Option("--gate", help="The gate that is to judge by another threshold.")],
    threshold: Annotated[float, typer.Option("--threshold", help="That threshold, in the gate's unit.")],
    apply: Annotated[bool, typer.Option("--apply", help="Record it and make filtering's data anew.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, in one line; needed with --apply.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge the stored candidates by another threshold and show which rows change sides.

    No generator is asked; an embedder is, if the card names one at an endpoint.

    Without --apply nothing is changed. With it the override is recorded, and holds until the card's threshold changes.
    """
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.operations.rejudge import apply_rejudging, rejudged_text
    from careful_assets.operations.rejudge import rejudge as judge_again

    if apply != (reason is not None and bool(reason.strip())):
        raise WrongUsage("--apply needs --reason, and --reason needs --apply: an override is recorded with its reason")
    project, where = root(), home()
    loaded = dataset_named(project, name)
    if reason is None:
        report = judge_again(loaded, where, gate, threshold)
    else:
        report = apply_rejudging(project, loaded, where, gate, threshold, reason, say)
    if as_json:
        print_json(report)
    else:
        typer.echo(rejudged_text(report))
    if not report.get("success", True):
        for problem in report["problems"]:
            typer.echo(f"\ncareful rejudge: {problem}", err=True)
        raise typer.Exit(report["exit_code"])
