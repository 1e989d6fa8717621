"""Finding cards and the project they belong to.

Belongs here: where on disk a card may stand. Does not belong here: what is in it (`reader`).
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import careful_assets
from careful_assets.errors import CarefulError, Exit, Fault, MalformedInput


class NoProject(CarefulError):
    """No folder upwards of the start is a project."""

    exit_code = Exit.USAGE


_PACKAGED = Path(careful_assets.__file__).parent / "defs"


def find_cards(project_root: Path) -> list[Path]:
    """The card.yaml of every dataset in the package's `defs/` and in `<project_root>/cards/`, by dataset name."""
    own = (project_root.absolute() / "cards").glob("*/card.yaml")
    return sorted({*_PACKAGED.glob("*/card.yaml"), *own}, key=lambda path: (path.parent.name, path))


def refuse_clash(path: Path) -> None:
    """Refuse a card whose dataset bears the name of one that the package brings: both would write to one warehouse.

    Raises:
        MalformedInput: naming both files.
    """
    name = path.parent.name
    packaged = _PACKAGED / name / "card.yaml"
    if packaged.exists() and not packaged.samefile(path):
        message = f"is {name!r}, as in {packaged}; rename your dataset and its folder"
        raise MalformedInput(f"the card of {name} cannot be used", [Fault(str(path), None, "name", message)])


def find_project_root(start: Path) -> Path:
    """The nearest folder upwards whose pyproject.toml has [tool.dg.project]; failing that, with `cards/`.

    Raises:
        MalformedInput: a pyproject.toml on the way cannot be read.
        NoProject: there is neither.
    """
    upwards = (start.absolute(), *start.absolute().parents)
    for folder in upwards:
        if _is_dagster_project(folder / "pyproject.toml"):
            return folder
    for folder in upwards:
        if (folder / "cards").is_dir():
            return folder
    raise NoProject(
        f"no project at {start.absolute()} or above it: no pyproject.toml with [tool.dg.project], and no "
        "folder cards/. Change into your project, or make a folder cards/<dataset>/ with a card.yaml in it"
    )


def _is_dagster_project(pyproject: Path) -> bool:
    if not pyproject.is_file():
        return False
    try:
        settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fault = Fault(str(pyproject), None, "", f"cannot be read: {error}; mend it, or move it away")
        raise MalformedInput("the project's settings cannot be read", [fault]) from error
    section: object = settings
    for key in ("tool", "dg", "project"):
        section = section.get(key) if isinstance(section, dict) else None
    return isinstance(section, dict)
