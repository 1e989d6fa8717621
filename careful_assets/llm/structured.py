"""Answers that must be JSON of a given shape: the schemas allowed, the check, the words that ask for a repair.

A small part of JSON Schema (draft 2020-12): an object of named strings, numbers, integers, booleans or enums of
strings. Belongs here: pure functions. Does not belong here: sending (`client`), and asking again (`dispatch`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MOST_SHOWN = 4000
"""Characters of a refused answer that its repair is shown."""
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what `parsed` could not check.

    Raises:
        ValueError: the schema is not of the allowed kind.
    """
    unknown = set(schema) - {"type", "properties", "required", "additionalProperties", "title", "description"}
    properties, required = schema.get("properties"), schema.get("required", [])
    if schema.get("type") != "object" or unknown or not isinstance(properties, Mapping) or not properties:
        raise ValueError("a schema is an object with properties, required and additionalProperties")
    if not isinstance(required, list | tuple) or not set(required) <= set(properties):
        raise ValueError("required names a property that the schema does not have")
    if schema.get("additionalProperties", False) not in (True, False):
        raise ValueError("additionalProperties is true or false")
    for name, rule in properties.items():
        if not isinstance(rule, Mapping) or set(rule) - {"type", "enum", "description"}:
            raise ValueError(f"property {name}: only type, enum and description are known")
        if "enum" in rule:
            if not rule["enum"] or not all(isinstance(value, str) for value in rule["enum"]):
                raise ValueError(f"property {name}: an enum is a list of strings")
            if rule.get("type", "string") != "string":
                raise ValueError(f"property {name}: an enum is of the type string")
        elif rule.get("type") not in _PYTHON_TYPES:
            raise ValueError(f"property {name}: type is one of {', '.join(_PYTHON_TYPES)}")


def parsed(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The object that an answer holds.

    Raises:
        ValueError: it does not fit the schema; the message names properties of the schema and never the answer's text.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(value, dict):
        raise ValueError("it is JSON, but not an object")
    missing = [name for name in schema.get("required", []) if name not in value]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    properties = schema["properties"]
    wrong = [name for name, rule in properties.items() if name in value and not _fits(value[name], rule)]
    if wrong:
        raise ValueError(f"the value of {', '.join(wrong)} does not fit the schema")
    strangers = len(set(value) - set(properties))
    if strangers and schema.get("additionalProperties", True) is False:
        raise ValueError(f"it has {strangers} properties that the schema does not name")
    return value


def repair_prompt(prompt: str, answer: str, fault: str, schema: Mapping[str, Any]) -> str:
    """The prompt of the second call: what was asked, what came (its beginning), what is wrong and what is wanted."""
    return (
        f"{prompt}\n\nThis answer was given:\n{answer[:MOST_SHOWN]}\n\nIt is refused: {fault}. Answer again, "
        f"with nothing but one JSON object of this schema:\n{json.dumps(schema, sort_keys=True)}\n"
    )


def _fits(value: object, rule: Mapping[str, Any]) -> bool:
    if "enum" in rule:
        return value in rule["enum"]
    kind = rule["type"]
    if isinstance(value, bool):  # in Python a kind of integer, in JSON not
        return bool(kind == "boolean")
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()  # to JSON Schema 1.0 is one
    return isinstance(value, _PYTHON_TYPES[kind])


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
