"""Rows that come and go: files without provenance, and real rows that are erased."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from careful_assets.commands.app import AsJson, Dataset, WrongUsage, app, home, print_json, root, say


@app.command()
def inherit(
    name: Dataset,
    file: Annotated[Path, typer.Argument(help="JSONL, CSV or Parquet, each also compressed with gzip.")],
    text: Annotated[str | None, typer.Option("--text", help="The column of texts, if its name does not tell.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="The column of labels, likewise.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sort a file without provenance: which lines are real, made here, leaked from the ruler, or unknown.

    Unknown rows with a label of the card's become candidates at the next run. Exit code 3 if the file or its columns
    cannot be read. The same file again changes nothing.
    """
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.operations.inherit import inherit as take_in
    from careful_assets.operations.inherit import inherited_text

    report = take_in(dataset_named(root(), name), home(), file, say, text=text, label=label)
    if as_json:
        print_json(report)
    else:
        typer.echo(inherited_text(report))


@app.command()
def erase(
    name: Dataset,
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line; it stays on record.")],
    anchor: Annotated[
        str | None,
        typer.Option("--anchor", help="A real row's id, its first eight or more digits, or its key in the source."),
    ] = None,
    set_name: Annotated[str | None, typer.Option("--set", help="A sealed evaluation set, by its name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Erase a real row and all that was made from it or copies it; retire the releases that hold any; make anew.

    With --set a sealed evaluation set, whole, which the card no longer names: out of the vault and its record. Cannot
    be undone. If it is interrupted, the same command goes on. Exit code 2 if there is no such row or set; that of the
    run if the successor could not be made: then the rows are gone, and the same command ends it later.
    """
    from careful_assets.operations.datasets import dataset_named

    if (anchor is None) == (set_name is None):
        raise WrongUsage("give exactly one of --anchor, --set")
    project = root()
    loaded = dataset_named(project, name)
    if set_name is not None:
        from careful_assets.operations.erase_set import erase_set, erased_set_text

        report, text = erase_set(project, loaded, home(), set_name, reason, say), erased_set_text
    else:
        from careful_assets.operations.erase import erase as erase_row
        from careful_assets.operations.erasing.receipt import erased_text

        report, text = erase_row(project, loaded, home(), str(anchor), reason, say), erased_text
    if as_json:
        print_json(report)
    else:
        typer.echo(text(report))
    if not report["success"]:
        for problem in report["problems"]:
            typer.echo(f"\ncareful erase: {problem}", err=True)
        raise typer.Exit(report["exit_code"])
