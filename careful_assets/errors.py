"""Errors that a person reads: what went wrong, where, why, and what to do about it.

Every refusal of the platform is a `CarefulError`; the command line turns it into a message and an exit code,
an asset's wrapper into a failed step. Nothing here knows about Dagster or DuckDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `careful`."""

    HOLDS = 0
    DOES_NOT_HOLD = 1
    REFUSED = 2
    MALFORMED = 3
    USAGE = 64


class CarefulError(Exception):
    """Something the platform refuses or cannot do; the message says what, where, why and what to do."""

    exit_code = Exit.DOES_NOT_HOLD


class GateClosed(CarefulError):
    """A stage may not open its inputs: an upstream check did not pass for the current data version."""


class StageFailed(CarefulError):
    """A stage could not do its work on valid input (a generator that is down, a detector that died)."""


class HomeUnusable(CarefulError):
    """The folder that the platform writes to cannot be written, or is full."""


class Refused(CarefulError):
    """A request that the card, or the platform's rules, do not allow."""

    exit_code = Exit.REFUSED


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a file: where it stands, what is wrong and what to do.

    `line` counts from 1; None where the fault concerns the whole file.
    """

    file: str
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class MalformedInput(CarefulError):
    """A file with faults, all of them reported at once."""

    exit_code = Exit.MALFORMED

    def __init__(self, what: str, faults: list[Fault]) -> None:
        self.faults = faults
        count = f"{len(faults)} fault{'s' if len(faults) != 1 else ''}"
        super().__init__("\n".join([f"{what}: {count}", *(f"  {fault}" for fault in faults)]))
