"""Rows that come and go: files without provenance, and real rows that are erased."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from careful_assets.commands.app import AsJson, Dataset, app, home, print_json, root, say


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
    anchor: Annotated[
        str,
        typer.Option("--anchor", help="A real row's id, its first eight or more digits, or its key in the source."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line; it stays on record.")],
    as_json: AsJson = False,
) -> None:
    """Erase a real row and all that was made from it or copies it; retire the releases that hold any; make anew.

    Cannot be undone. If it is interrupted, the same command goes on. Exit code 2 if there is no such row; that of the
    run if the successor could not be made: then the rows are gone, and the same command ends it later.
    """
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.operations.erase import erase as erase_row
    from careful_assets.operations.erasing.receipt import erased_text

    project = root()
    report = erase_row(project, dataset_named(project, name), home(), anchor, reason, say)
    if as_json:
        print_json(report)
    else:
        typer.echo(erased_text(report))
    if not report["success"]:
        for problem in report["problems"]:
            typer.echo(f"\ncareful erase: {problem}", err=True)
        raise typer.Exit(report["exit_code"])
