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


def find_cards(project_root: Path) -> list[Path]:
    """The card.yaml of every dataset in the package's `defs/` and in `<project_root>/cards/`; sorted.

    Raises:
        MalformedInput: two folders bear one dataset's name.
    """
    package = Path(careful_assets.__file__).parent
    found = sorted({*(package / "defs").glob("*/card.yaml"), *(project_root.absolute() / "cards").glob("*/card.yaml")})
    first: dict[str, Path] = {}
    faults = []
    for path in found:
        earlier = first.setdefault(path.parent.name, path)
        if earlier != path:
            message = f"a second dataset called {path.parent.name!r}, beside {earlier}; rename one of them"
            faults.append(Fault(str(path), None, "name", message))
    if faults:
        raise MalformedInput("the datasets' names clash", faults)
    return found


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
