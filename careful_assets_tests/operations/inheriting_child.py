"""A child process that takes in one file, dies where it is told to, and tells its peak memory otherwise.

Arguments: project folder, home, file, place (`nowhere`: it lives and prints its peak in MB).
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from careful_assets.operations import inherit as inheriting
from careful_assets.operations.datasets import dataset_named
from careful_assets.operations.inheriting import intake
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import NAME


def die(*arguments: Any, **named: Any) -> None:
    """What a power failure does."""
    os.kill(os.getpid(), signal.SIGKILL)


def _while_the_intake_is_written() -> None:
    intake._line = die  # type: ignore[assignment]


def _between_intake_and_warehouse() -> None:
    inheriting._record = die  # type: ignore[assignment]


def _in_the_transaction() -> None:
    append, seen = inheriting.append, []

    def dying(con: Any, table: str, frame: Any) -> None:
        append(con, table, frame)
        seen.append(table)
        if seen[-1] == "provenance.inherited":
            die()

    inheriting.append = dying


PLACES: dict[str, Callable[[], None]] = {
    "nowhere": lambda: None,
    "while the intake is written": _while_the_intake_is_written,
    "between intake and warehouse": _between_intake_and_warehouse,
    "in the transaction": _in_the_transaction,
}


def main(project: str, home: str, file: str, place: str) -> None:
    """Take the file in; print the peak of resident memory in MB."""
    PLACES[place]()
    loaded = dataset_named(Path(project), NAME)
    inheriting.inherit(loaded, Home(Path(home)), Path(file), lambda line: None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
