"""`careful`, the command line: check cards, run a dataset's life, see how it stands, trace a row.

Belongs here: arguments, what is printed, exit codes. Each command's work is in `operations/`, imported when it is
called, so that looking something up stays quick.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from careful_assets.errors import CarefulError, Exit

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__.splitlines()[0]
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Dataset = Annotated[str, typer.Argument(help="The dataset's name, as on its card.")]


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="One dataset; all of them without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the cards and report every fault, with its file and line. Exit code 3 if there is one."""
    from careful_assets.operations.datasets import check_cards

    reports = check_cards(_root(), name)
    faulty = [report for report in reports if report.faults is not None]
    if as_json:
        _print_json([_report_json(report) for report in reports])
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
        raise _Usage(f"there is no stage {to!r}; the stages are {', '.join(STAGES)}")
    root, home = _root(), _home()
    loaded = dataset_named(root, name)
    from careful_assets.operations.jobs import run_life

    report = run_life(root, home, name, to, lambda line: typer.echo(line, err=True))
    if not report.success:
        if as_json:
            _print_json(
                {"run_id": report.run_id, "success": False, "problems": report.problems, "advice": report.advice}
            )
        for problem in report.problems:
            typer.echo(f"\ncareful run: {problem}", err=True)
        raise typer.Exit(report.exit_code)
    from careful_assets.operations.summary import summary_of
    from careful_assets.operations.text import summary_text

    summary = {"run_id": report.run_id, "success": True, "advice": report.advice, **summary_of(loaded, home, to)}
    if as_json:
        _print_json(summary)
    elif to == STAGES[-1]:
        typer.echo(summary_text(summary, _program()))


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="One dataset; all of them without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show by stage the newest data, its checks, and which gate is closed and why.

    Exit code 1 if a blocking check failed, or if data stands below a gate that is closed now.
    """
    from careful_assets.operations.datasets import check_cards
    from careful_assets.operations.status import status_of
    from careful_assets.operations.text import status_text

    reports = check_cards(_root(), name)
    faulty = [report.faults for report in reports if report.faults is not None]
    for faults in faulty:
        typer.echo(f"careful: {faults}", err=True)
    states = [status_of(report.loaded, _home()) for report in reports if report.loaded is not None]
    if as_json:
        _print_json(states)
    else:
        typer.echo("\n".join(status_text(state) for state in states))
    if any(
        stage["failed"] or (stage["closed"] and stage["data_version"]) for state in states for stage in state["stages"]
    ):
        raise typer.Exit(Exit.DOES_NOT_HOLD)
    if faulty:
        raise typer.Exit(Exit.MALFORMED)


@app.command()
def trace(
    row_id: Annotated[str, typer.Argument(help="A row's id, or its first eight or more digits.")],
    as_json: AsJson = False,
) -> None:
    """Tell a row's story: prompt, generator, seed, parents, every decision and vote, and where the row is used."""
    from careful_assets.card.discovery import find_cards
    from careful_assets.operations.text import trace_text
    from careful_assets.operations.trace import trace_row

    datasets = [path.parent.name for path in find_cards(_root())]
    story = trace_row(_home(), datasets, row_id)
    if as_json:
        _print_json(story)
    else:
        typer.echo(trace_text(story))


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

    loaded = dataset_named(_root(), name)
    report = ask_again(loaded, _home(), lambda line: typer.echo(line, err=True), most=requests, seed=seed)
    if as_json:
        _print_json(report)
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
        raise _Usage("--apply needs --reason, and --reason needs --apply: an override is recorded with its reason")
    root, home = _root(), _home()
    loaded = dataset_named(root, name)
    if reason is None:
        report = judge_again(loaded, home, gate, threshold)
    else:
        report = apply_rejudging(root, loaded, home, gate, threshold, reason, lambda line: typer.echo(line, err=True))
    if as_json:
        _print_json(report)
    else:
        typer.echo(rejudged_text(report))
    if not report.get("success", True):
        for problem in report["problems"]:
            typer.echo(f"\ncareful rejudge: {problem}", err=True)
        raise typer.Exit(report["exit_code"])


def main() -> None:
    """Run the command line; a refusal is printed without a trace and gives its exit code."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    try:
        # Outside of standalone mode a `typer.Exit` is not raised: its code is returned.
        sys.exit(app(standalone_mode=False) or 0)
    except CarefulError as error:
        typer.echo(f"careful: {error}", err=True)
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if type(error).__module__.startswith("click") or hasattr(error, "format_message"):
            message = error.format_message()  # type: ignore[attr-defined]
            if message:  # none where no command was given: then the help was printed
                typer.echo(f"careful: {message}", err=True)
            sys.exit(Exit.USAGE)
        raise


class _Usage(CarefulError):
    """The command was called wrongly."""

    exit_code = Exit.USAGE


def _root() -> Path:
    from careful_assets.card.discovery import find_project_root

    return find_project_root(Path.cwd())


def _home() -> Any:
    from careful_assets.warehouse.home import Home

    return Home.of(_root())


def _program() -> str:
    """How to call `careful` again from here: a path inside the working folder, or the bare name."""
    path = Path(sys.argv[0]).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) and path.is_file() else "careful"


def _report_json(report: Any) -> dict[str, Any]:
    faults = [] if report.faults is None else report.faults.faults
    listed = [{"file": fault.file, "line": fault.line, "key": fault.key, "message": fault.message} for fault in faults]
    return {"name": report.name, "path": str(report.path), "holds": not listed, "faults": listed}


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


if __name__ == "__main__":
    main()
