"""What the commands share: the application, common arguments, where the project and its home are, printing JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from careful_assets.errors import CarefulError, Exit

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The command line of careful-assets: check cards, run a dataset's life, see how it stands, trace its rows.",
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Dataset = Annotated[str, typer.Argument(help="The dataset's name, as on its card.")]


class WrongUsage(CarefulError):
    """The command was called wrongly."""

    exit_code = Exit.USAGE


def root() -> Path:
    """The project around the working folder."""
    from careful_assets.card.discovery import find_project_root

    return find_project_root(Path.cwd())


def home() -> Any:
    """CAREFUL_HOME."""
    from careful_assets.warehouse.home import Home

    return Home.of(root())


def say(line: str) -> None:
    """Tell what is going on, beside what the command prints."""
    typer.echo(line, err=True)


def program() -> str:
    """How to call `careful` again from here: a path inside the working folder, or the bare name."""
    path = Path(sys.argv[0]).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) and path.is_file() else "careful"


def print_json(value: Any) -> None:
    """One JSON document; times and paths as text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
