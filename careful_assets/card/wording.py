"""What the models find wrong with a card, in plain words and at the key to blame.

Belongs here: turning Pydantic's errors into faults. Does not belong here: deciding what is wrong (`models`,
`rules`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

from pydantic import ValidationError

from careful_assets.card.document import Document, Path
from careful_assets.card.models import Card
from careful_assets.card.part import Part

# Pydantic's error types, as a card's author reads them; {0} is the bound or the choice.
_WORDS = {
    "int_type": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text (in quotes, if need be)",
    "string_unicode": "must be text without halves of surrogate pairs",
    "bool_type": "must be true or false",
    "date_type": "must be a date, such as 2027-05-22 and without quotes",
    "list_type": "must be a list",
    "model_type": "must be keys with values",
    "model_attributes_type": "must be keys with values",
    "greater_than_equal": "must be at least {0}",
    "greater_than": "must be above {0}",
    "less_than_equal": "must be at most {0}",
    "less_than": "must be below {0}",
    "literal_error": "must be one of {0}",
    "union_tag_invalid": "must be one of {0}",
    "string_too_short": "must not be empty",
    "too_short": "holds too few entries, at least {0} are needed",
}
_BOUNDS = ("ge", "gt", "le", "lt", "expected", "expected_tags", "min_length")


def blame_fields(document: Document, error: ValidationError) -> None:
    """Add to `document.faults` what the models refuse, one fault a mistake.

    Left out: places that could not be read in the first place, the card's rules (the reader reports those),
    and a missing key that stands there misspelt.
    """
    missing: list[Path] = []
    misspelt: set[Path] = set()
    for found in error.errors(include_url=False):
        kind, context, given = found["type"], found.get("ctx", {}), found["input"]
        path = _place(document, found["loc"])
        if not path or any(path[:depth] in document.unreadable for depth in range(len(path) + 1)):
            continue
        if kind == "missing":
            missing.append(path)
        elif kind == "union_tag_not_found":
            missing.append((*path, "kind"))
        elif kind == "extra_forbidden":
            known = _keys_at(found["loc"])
            around = document.at(path[:-1])
            absent = sorted(key for key in known if key not in around)
            near = difflib.get_close_matches(str(path[-1]), absent, n=1, cutoff=0.7)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known))}"
            document.blame(path, f"unknown key; {hint}")
            misspelt.update((*path[:-1], key) for key in near)
        elif kind == "union_tag_invalid":
            document.blame((*path, "kind"), f"{_words(kind, context)}, is {shown(given.get('kind'))}")
        elif kind == "value_error":
            document.blame(path, f"{context['error']}, is {shown(given)}")
        else:
            document.blame(path, f"{_words(kind, context) or found['msg']}, is {shown(given)}")
    for path in missing:
        if path not in misspelt:
            document.blame(path, "is missing; add it")


def shown(value: object) -> str:
    """A value as a message quotes it: short, on one line, in YAML's words."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value == "":
        return "empty"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, date):
        return str(value)
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except ValueError:  # Python refuses to print integers of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _words(kind: str, context: dict[str, Any]) -> str:
    bound = next((context[name] for name in _BOUNDS if name in context), "")
    if isinstance(bound, float) and bound.is_integer():
        bound = int(bound)
    return _WORDS.get(kind, "").format(str(bound).replace("'", "").replace(" or ", ", "))


def _place(document: Document, location: tuple[int | str, ...]) -> Path:
    """Pydantic's location without the kinds of unions that it threads into it."""
    path: Path = ()
    for step in location:
        around = document.at(path)
        if not (isinstance(around, dict) and step == around.get("kind")):
            path = (*path, step)
    return path


def _keys_at(location: tuple[int | str, ...]) -> set[str]:
    """The keys that the models know beside the last step of a location."""
    models: list[type[Part]] = [Card]
    for step in location[:-1]:
        inner = [found for model in models for found in _models_in(_annotation(model, step))]
        # A step that is no key is an index, or the kind that tells a union's members apart.
        models = inner or [model for model in models if step in get_args(_annotation(model, "kind"))] or models
    return {key for model in models for key in model.model_fields}


def _annotation(model: type[Part], key: str | int) -> object:
    field = model.model_fields.get(key) if isinstance(key, str) else None
    return field.annotation if field else None


def _models_in(annotation: object) -> Iterator[type[Part]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
