"""Finding datasets by name, and reporting on their cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from careful_assets.card.discovery import find_cards
from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import load_dataset
from careful_assets.errors import CarefulError, Exit, MalformedInput


class UnknownDataset(CarefulError):
    """No card bears this name."""

    exit_code = Exit.USAGE


@dataclass(frozen=True)
class CardReport:
    """One card as `careful check` found it: `loaded` if it holds, else `faults`."""

    name: str
    path: Path
    loaded: LoadedCard | None
    faults: MalformedInput | None


def check_cards(project_root: Path, name: str | None = None) -> list[CardReport]:
    """Every card of the project, or the one called `name`, read and held against the rules.

    Raises:
        UnknownDataset: there is no card of that name.
    """
    reports = [_report(path) for path in find_cards(project_root)]
    if name is None:
        return reports
    chosen = [report for report in reports if report.name == name]
    if not chosen:
        known = ", ".join(report.name for report in reports) or "none"
        raise UnknownDataset(
            f"there is no dataset {name!r}; known: {known}. Its card belongs into cards/{name}/card.yaml"
        )
    return chosen


def dataset_named(project_root: Path, name: str) -> LoadedCard:
    """The card called `name`.

    Raises:
        UnknownDataset: there is none.
        MalformedInput: it has faults.
    """
    reports = check_cards(project_root, name)
    for report in reports:
        if report.faults is not None:
            raise report.faults
    assert reports[0].loaded is not None
    return reports[0].loaded


def _report(path: Path) -> CardReport:
    try:
        loaded = load_dataset(path)
    except MalformedInput as faults:
        return CardReport(path.parent.name, path, None, faults)
    return CardReport(loaded.card.name, path, loaded, None)
