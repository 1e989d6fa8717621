"""Reading `card.yaml`: one call from a path to a card that holds, or to every fault of it at once.

Belongs here: putting together what the document, the models, the rules, the profiles and the prompts say.
Does not belong here: any of those judgements themselves.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import ValidationError

from careful_assets.card.document import Document, read_document
from careful_assets.card.fields import ArtifactType, Use
from careful_assets.card.models import Card, ReplayGenerator
from careful_assets.card.own_gate_files import read_query, read_suite
from careful_assets.card.own_gates import OwnGateFile, blame_names
from careful_assets.card.profiles import Profile, profile_for, refusals
from careful_assets.card.prompts import Prompt, read_prompt, resolve_prompt
from careful_assets.card.recorded import Recorded, read_recorded
from careful_assets.card.rules import broken_rules, leads_out
from careful_assets.card.wording import blame_fields, shown
from careful_assets.errors import MalformedInput

Found = TypeVar("Found")


@dataclass(frozen=True)
class LoadedCard:
    """A card that holds, with the profile of its cell, its prompts, the contract of its anchors and its own gates.

    `digest` is the sha256 of the card's values and the digests of its prompts, contract, recorded answers and the files
    of its own gates: comments, formatting and the place of the folder do not count.
    """

    card: Card
    profile: Profile
    folder: Path
    path: Path
    prompts: tuple[Prompt, ...]
    contract: Path | None
    contract_sha256: str | None
    own_gates: tuple[OwnGateFile, ...]
    digest: str


def read_card(
    path: Path, *, known_judges: Collection[str] | None = None, known_gates: Collection[str] = ()
) -> LoadedCard:
    """The card at `path`, whose folder bears the dataset's name.

    Its judges are held against `known_judges`; gates of its own may not bear a name of `known_gates`. The bytes of the
    contract and of suites are hashed; what they say is judged where they are used.

    Raises:
        MalformedInput: with every fault of the card and of its prompts, by file and line.
    """
    path = path.absolute()
    document = read_document(path)
    card = _validated(document)
    for place, message in broken_rules(document.values):
        document.blame(place, message)
    _blame_profile(document)
    _blame_folder(document, path.parent)
    _blame_judges(document, known_judges)
    blame_names(document, known_gates)
    prompts = _read_prompts(document, path.parent)
    contract, contract_sha256 = _find_contract(document, path.parent)
    recorded = _find_recorded(document, path.parent)
    own_files = _find_own_files(document, path.parent)
    if card is None or document.faults:
        # The card's own faults first, then those of its prompts.
        faults = sorted(document.faults, key=lambda fault: (fault.file != document.file, fault.file, fault.line or 0))
        raise MalformedInput(f"the card of {path.parent.name} cannot be used", faults)
    if recorded is not None and isinstance(card.generation.generator, ReplayGenerator):
        card.generation.generator.found(recorded)
    own_gates = tuple(OwnGateFile(one, *own_files.get(at, ())) for at, one in enumerate(card.filtering.own_gates))
    digest = _digest(card, prompts, contract_sha256, recorded, own_gates)
    return LoadedCard(card, profile_for(card), path.parent, path, prompts, contract, contract_sha256, own_gates, digest)


def _validated(document: Document) -> Card | None:
    try:
        return Card.model_validate(document.values)
    except ValidationError as error:
        blame_fields(document, error)
        return None


def _blame_profile(document: Document) -> None:
    artifact_type, use = document.at(("purpose", "artifact_type")), document.at(("purpose", "use"))
    if artifact_type not in get_args(ArtifactType) or use not in get_args(Use):
        return
    overrides = document.at(("filtering", "overrides"))
    places = [("filtering", "overrides", index, "gate") for index, _ in enumerate(_list(overrides))]
    named = [(place, gate) for place in places if isinstance(gate := document.at(place), str)]
    for index, message in refusals(f"{artifact_type}.{use}", [gate for _, gate in named]):
        document.blame(("purpose", "artifact_type") if index is None else named[index][0], message)


def _blame_folder(document: Document, folder: Path) -> None:
    name = document.at(("name",))
    if isinstance(name, str) and name != folder.name:
        document.blame(("name",), f"is {shown(name)}, but the card's folder is called {folder.name!r}; make them equal")


def _blame_judges(document: Document, known: Collection[str] | None) -> None:
    for index, name in enumerate(_list(document.at(("labeling", "judges")))):
        if known is not None and isinstance(name, str) and name not in known:
            place = ("labeling", "judges", index)
            document.blame(place, f"is {shown(name)}, but there is no such judge; known: {', '.join(sorted(known))}")


def _read_prompts(document: Document, folder: Path) -> tuple[Prompt, ...]:
    artifact_type = document.at(("purpose", "artifact_type"))
    prompts: dict[Path, Prompt | None] = {}
    for index, _ in enumerate(_list(document.at(("generation", "prompts")))):
        name = _file_named(document, ("generation", "prompts", index))
        if name is None:
            continue
        try:
            path = resolve_prompt(folder, name)
            if path not in prompts:
                prompts[path] = None
                prompts[path] = read_prompt(path, artifact_type)
        except MalformedInput as error:
            document.faults += error.faults
        except ValueError as error:
            document.blame(("generation", "prompts", index), str(error))
    return tuple(prompt for prompt in prompts.values() if prompt)


def _find_contract(document: Document, folder: Path) -> tuple[Path | None, str | None]:
    """The file that `anchors.contract` names and its sha256; faults are told at its line."""
    found = _read_beside(document, folder, ("anchors", "contract"), _with_digest)
    return found if found is not None else (None, None)


def _find_recorded(document: Document, folder: Path) -> Recorded | None:
    """The recorded answers that a replay names; faults are told at its line, or at those of the file."""
    if document.at(("generation", "generator", "kind")) != "replay":
        return None
    return _read_beside(document, folder, ("generation", "generator", "answers"), read_recorded)


def _find_own_files(document: Document, folder: Path) -> dict[int, tuple[Path, bytes]]:
    """The files of the dataset's own gates, by their place in the list; faults are told at their lines."""
    found: dict[int, tuple[Path, bytes]] = {}
    for index, _ in enumerate(_list(document.at(("filtering", "own_gates")))):
        for kind, read in (("sql", read_query), ("expectations", read_suite)):
            place = ("filtering", "own_gates", index, kind)
            content = _read_beside(document, folder, place, read)
            if content is not None:
                found[index] = (folder / document.at(place).strip(), content)
    return found


def _with_digest(path: Path) -> tuple[Path, str]:
    with path.open("rb") as stream:
        return path, hashlib.file_digest(stream, "sha256").hexdigest()


def _read_beside(
    document: Document, folder: Path, place: tuple[str | int, ...], read: Callable[[Path], Found]
) -> Found | None:
    """What `read` makes of the file that the card names at `place`; None, with the fault told, if that cannot be."""
    name = _file_named(document, place)
    if name is None or leads_out(name):
        return None  # none is named, or models and rules refuse it
    path = folder / name
    try:
        if not path.is_file():
            document.blame(place, f"there is no file {shown(name)} in the card's folder; put it there, or drop this")
        elif not path.resolve().is_relative_to(folder.resolve()):
            document.blame(place, f"{shown(name)} is a link out of the card's folder; put the file itself there")
        else:
            return read(path)
    except MalformedInput as error:
        document.faults += error.faults
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links, no right to read
        document.blame(place, f"{shown(name)} cannot be read: {error.__class__.__name__}; put a readable file there")
    return None


def _file_named(document: Document, place: tuple[str | int, ...]) -> str | None:
    """The name of a file at `place`; None if there is none, or it holds what nobody can see, which is a fault."""
    name = document.at(place)
    if not isinstance(name, str) or not name.strip():
        return None  # the models refuse it
    if name.strip().isprintable():
        return name.strip()
    if not any(unicodedata.category(character) in ("Cc", "Cs") for character in name):  # these the models refuse
        document.blame(place, f"holds a character that cannot be seen, is {shown(name)}; rename the file")
    return None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _digest(
    card: Card,
    prompts: tuple[Prompt, ...],
    contract_sha256: str | None,
    recorded: Recorded | None,
    own_gates: tuple[OwnGateFile, ...],
) -> str:
    content: dict[str, object] = {
        "card": card.model_dump(mode="json"),
        "prompts": {entry.prompt_id: entry.sha256 for entry in prompts},
        "contract": contract_sha256,
    }
    if recorded is not None:
        content["answers"] = recorded.sha256
    if own_gates:
        content["own_gates"] = [one.sha256 for one in own_gates]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
