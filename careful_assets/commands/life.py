"""A dataset's life: cards checked, stages run, how they stand."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from careful_assets.commands.app import AsJson, Dataset, WrongUsage, app, home, print_json, program, root, say
from careful_assets.errors import Exit


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="One dataset; all of them without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the cards and report every fault, with its file and line. Exit code 3 if there is one."""
    from careful_assets.operations.datasets import check_cards

    reports = check_cards(root(), name)
    faulty = [report for report in reports if report.faults is not None]
    if as_json:
        print_json([_report_json(report) for report in reports])
    else:
        for report in reports:
            typer.echo(f"{report.name}: {'holds' if report.faults is None else report.faults}")
        typer.echo(f"{len(reports) - len(faulty)} of {len(reports)} cards hold")
    if faulty:
        raise typer.Exit(Exit.MALFORMED)


@app.command()
def run(
    name: Dataset,
    to: Annotated[str, typer.Option("--to", help="The last stage to materialize.")] = "retirement",
    as_json: AsJson = False,
) -> None:
    """Take a dataset through its life as Dagster runs: one, or one more a round, and print what it came to."""
    from careful_assets.operations.datasets import dataset_named
    from careful_assets.provenance.stages import STAGES

    if to not in STAGES:
        raise WrongUsage(f"there is no stage {to!r}; the stages are {', '.join(STAGES)}")
    project, where = root(), home()
    loaded = dataset_named(project, name)
    from careful_assets.operations.jobs import run_life

    report = run_life(project, where, name, to, say)
    if not report.success:
        if as_json:
            print_json(
                {"run_id": report.run_id, "success": False, "problems": report.problems, "advice": report.advice}
            )
        for problem in report.problems:
            typer.echo(f"\ncareful run: {problem}", err=True)
        raise typer.Exit(report.exit_code)
    from careful_assets.operations.summary import summary_of
    from careful_assets.operations.text import summary_text

    summary = {"run_id": report.run_id, "success": True, "advice": report.advice, **summary_of(loaded, where, to)}
    if as_json:
        print_json(summary)
    elif to == STAGES[-1]:
        typer.echo(summary_text(summary, program()))


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="One dataset; all of them without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show by stage the newest data, its checks, and which gate is closed and why.

    Exit code 1 if a blocking check failed, if data stands below a gate that is closed now, or an erasure is unfinished.
    """
    from careful_assets.operations.datasets import check_cards
    from careful_assets.operations.status import status_of
    from careful_assets.operations.text import status_text

    reports = check_cards(root(), name)
    faulty = [report.faults for report in reports if report.faults is not None]
    for faults in faulty:
        typer.echo(f"careful: {faults}", err=True)
    states = [status_of(report.loaded, home()) for report in reports if report.loaded is not None]
    if as_json:
        print_json(states)
    else:
        typer.echo("\n".join(status_text(state) for state in states))
    if any(state["erasures"] for state in states) or any(
        stage["failed"] or (stage["closed"] and stage["data_version"]) for state in states for stage in state["stages"]
    ):
        raise typer.Exit(Exit.DOES_NOT_HOLD)
    if faulty:
        raise typer.Exit(Exit.MALFORMED)


def _report_json(report: Any) -> dict[str, Any]:
    faults = [] if report.faults is None else report.faults.faults
    listed = [{"file": fault.file, "line": fault.line, "key": fault.key, "message": fault.message} for fault in faults]
    return {"name": report.name, "path": str(report.path), "holds": not listed, "faults": listed}
