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
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Which requests are drawn.")] = None,
    row: Annotated[list[str] | None, typer.Option("--row", help="A row to rebuild, by its id; once a row.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="With --row: from the record, asking nobody.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the live generator again what it was asked, and show how many rows come out the same. Changes no data.

    A low share is no error. Exit code 1 if not one row could be compared, 2 if it is not the recorded generator.
    With --row the named rows are rebuilt from the journal, too: exit code 1 if one of them does not come out the same.
    """
    if row and (requests is not None or seed is not None):
        raise WrongUsage("--row names the rows itself: --requests and --seed draw requests, leave them out")
    if offline and not row:
        raise WrongUsage("--offline goes with --row: without rows there is nothing to rebuild from the record")
    if row:
        _regenerate_rows(name, row, offline, as_json)
        return
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.operations.regenerate import match_text
    from careful_assets.operations.regenerate import regenerate as ask_again

    loaded = dataset_named(root(), name)
    report = ask_again(loaded, home(), say, most=requests, seed=seed or 0)
    if as_json:
        print_json(report)
    else:
        typer.echo(match_text(report))
    if not report["rows"]:
        raise typer.Exit(Exit.DOES_NOT_HOLD)


def _regenerate_rows(name: str, row_ids: list[str], offline: bool, as_json: bool) -> None:
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.operations.regenerating.rows import regenerate_rows, rows_text

    report = regenerate_rows(dataset_named(root(), name), home(), row_ids, say, offline=offline)
    if as_json:
        print_json(report)
    else:
        typer.echo(rows_text(report))
    compared = [one for one in report["rows"] if one.get("again", {}).get("outcome") not in ("failed", "short")]
    if not report["holds"] or not compared:
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


@app.command()
def exclude(
    name: Dataset,
    generator: Annotated[str | None, typer.Option("--generator", help="Its id or digest.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="Its id or digest.")] = None,
    request: Annotated[str | None, typer.Option("--request", help="Its id.")] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", help="FROM..TO, both included; a row's own seed counts.")
    ] = None,
    anchor: Annotated[str | None, typer.Option("--anchor", help="The id of a row that prompts showed.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take such an exclusion back.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would leave, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take all rows of a generator, prompt, request, range of seeds or parent out of the versions to come.

    It is recorded, filtering's data is made anew, and all after it is out of date until `careful run`. Releases stay.
    Eight digits of an id or digest are enough. Exit code 2 if nothing bears the name.
    """
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.operations.exclude import apply_exclusion, excluded_text
    from careful_assets.operations.exclude import exclude as try_exclusion

    given = {"generator": generator, "prompt": prompt, "request": request, "seed": seed, "anchor": anchor}
    named = [(kind, item) for kind, item in given.items() if item is not None]
    if len(named) != 1 or not named[0][1].strip():
        raise WrongUsage(f"name one of {', '.join(f'--{kind}' for kind in given)}, and which; nothing was changed")
    if not reason.strip() and not dry_run:
        raise WrongUsage("--reason is needed: an exclusion is recorded with its reason")
    ((kind, item),) = named
    project, where = root(), home()
    loaded = dataset_named(project, name)
    if dry_run:
        report = try_exclusion(loaded, where, kind, item, reason or "a trial", withdraw=withdraw)
    else:
        report = apply_exclusion(project, loaded, where, kind, item, reason, say, withdraw=withdraw)
    if as_json:
        print_json(report)
    else:
        typer.echo(excluded_text(report))
    if not report.get("success", True):
        for problem in report["problems"]:
            typer.echo(f"\ncareful exclude: {problem}", err=True)
        raise typer.Exit(report["exit_code"])
