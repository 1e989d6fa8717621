"""Prompt templates: reading them, and which variables those of an artifact type have.

Belongs here: the file, its digest, and the variables. Does not belong here: the language of templates (`templates`),
and rendering and choosing rows, which are generation's (`generation.patterns`: one pattern an artifact type).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from careful_assets.card.document import read_text
from careful_assets.card.templates import LIST, template_faults
from careful_assets.errors import Fault, MalformedInput


@dataclass(frozen=True)
class Variables:
    """What the templates of one artifact type are rendered with, and those of it that each has to use."""

    may: tuple[str, ...]
    must: tuple[str, ...] = ()


# By artifact type. The label is the class asked for; the others are real rows of that class.
VARIABLES: Mapping[str, Variables] = {
    "paraphrase": Variables(("label", "seed", LIST), must=("seed",)),
    "rare_class": Variables(("label", LIST)),
}


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


def read_prompt(path: Path, artifact_type: object) -> Prompt:
    """A prompt template in the language of `templates` that uses the variables of its artifact type.

    Variables are not looked at for an artifact type without any: no profile takes it, which is told at its place.

    Raises:
        MalformedInput: with every fault of the template.
    """
    text = read_text(path)
    variables = VARIABLES.get(artifact_type) if isinstance(artifact_type, str) else None
    may, must = (variables.may, variables.must) if variables else (None, ())
    faults = [Fault(str(path), line, "", message) for line, message in template_faults(text, may, must)]
    if faults:
        raise MalformedInput(f"{path.name} is no usable prompt", faults)
    return Prompt(path.stem, path, text, hashlib.sha256(text.encode()).hexdigest())
