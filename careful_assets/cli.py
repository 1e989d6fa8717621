"""`careful`, the command line: the commands, and what a refusal, a wrong call or an interruption ends with."""

from __future__ import annotations

import os
import sys

import typer

from careful_assets.commands import canaries, judging, life, lineage, records, rows
from careful_assets.commands.app import app
from careful_assets.errors import CarefulError, Exit

# Importing a module of commands adds them to the application.
COMMANDS = (life, records, judging, rows, lineage, canaries)


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


if __name__ == "__main__":
    main()
