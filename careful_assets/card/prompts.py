"""Prompt templates: reading them, and what can be told to be wrong with one before it is ever rendered.

Belongs here: the file, its digest, and the variables that it may use. Does not belong here: rendering, which
is generation's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from careful_assets.card.document import read_text
from careful_assets.errors import Fault, MalformedInput

# What a prompt is rendered with: the class asked for, and real rows of that class.
VARIABLES = ("label", "exemplars")


@dataclass(frozen=True)
class Prompt:
    """A prompt template; `sha256` is that of its text in UTF-8."""

    prompt_id: str
    path: Path
    text: str
    sha256: str


def resolve_prompt(folder: Path, name: str) -> Path:
    """The path of a prompt that a card names.

    Raises:
        ValueError: it leads out of the card's folder, or there is no such file; the message says so.
    """
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        there = path.is_file()
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links
        raise ValueError(f"{name[:60]!r} cannot be looked up: {error}") from error
    if Path(name).is_absolute() or ".." in Path(name).parts or not inside:
        raise ValueError(f"{name!r} leads out of the card's folder; prompts travel with the card: move it there")
    if not there:
        raise ValueError(f"there is no file {name!r} in the card's folder")
    return path


def read_prompt(path: Path) -> Prompt:
    """A prompt template that parses and uses `VARIABLES` alone.

    Raises:
        MalformedInput: with every fault of the template.
    """
    text = read_text(path)
    faults = [Fault(str(path), line, "", message) for line, message in _faults(text)]
    if faults:
        raise MalformedInput(f"{path.name} is no usable prompt", faults)
    return Prompt(path.stem, path, text, hashlib.sha256(text.encode()).hexdigest())


def _faults(text: str) -> list[tuple[int | None, str]]:
    environment = SandboxedEnvironment()
    try:
        tree = environment.parse(text)
        unknown = meta.find_undeclared_variables(tree) - set(VARIABLES)
    except TemplateSyntaxError as error:
        return [(error.lineno, f"is not a valid Jinja template here: {error.message}")]
    except RecursionError:
        return [(None, "is nested too deeply for a Jinja template")]
    lines: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        lines.setdefault(node.name, node.lineno)
    faults: list[tuple[int | None, str]] = [
        (lines.get(name), f"unknown variable {name!r}; a prompt may use {' and '.join(VARIABLES)}")
        for name in sorted(unknown)
    ]
    for statement in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        faults.append((statement.lineno, "a prompt stands alone: it may not include, import or extend another file"))
    return faults
