"""Rendering prompts in the templates' sandbox.

Belongs here: turning a template and what it sees into one request's text. Does not belong here: reading templates
(`card.prompts`), their language and its limits (`card.templates`), what a template sees (`patterns`) and what is masked
in it (`scrubbing`). Exemplars are data: braces in them come out as they stand.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from jinja2 import Template, TemplateError, TemplateRuntimeError

from careful_assets.card.prompts import Prompt
from careful_assets.card.templates import PROMPT_CHARACTERS, SANDBOX, template_faults
from careful_assets.errors import Fault, MalformedInput


def render(prompt: Prompt, seen: Mapping[str, str | Sequence[str]]) -> str:
    """The text of one request: the template with what it sees, each text on one line.

    `seen`: texts and lists of texts by variable.

    Raises:
        MalformedInput: the template is faulty, asks for what it is not given or not allowed, or would make a prompt of
            more than `PROMPT_CHARACTERS`.
    """
    faults = _faults(prompt.text, tuple(seen))
    if faults:
        raise _refused(prompt, faults)
    variables = {
        name: one_line(value) if isinstance(value, str) else [one_line(text) for text in value]
        for name, value in seen.items()
    }
    try:
        return _written(_compiled(prompt.text), variables)
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        raise _refused(prompt, [(None, f"{error}; a template sees {', '.join(seen)}, nothing else")]) from error


def one_line(text: str) -> str:
    """`text` with every run of white space and control characters as one space."""
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join(spaced.split())


def _written(template: Template, variables: Mapping[str, object]) -> str:
    """What the template writes, ended where it gets too long rather than after it."""
    pieces: list[str] = []
    size = 0
    for piece in template.generate(variables):
        size += len(piece)
        if size > PROMPT_CHARACTERS:
            raise TemplateRuntimeError(
                f"the prompt would have more than {PROMPT_CHARACTERS:,} characters: show fewer or shorter exemplars"
            )
        pieces.append(piece)
    return "".join(pieces)


# A round renders a few templates thousands of times.
@lru_cache(maxsize=64)
def _compiled(text: str) -> Template:
    return SANDBOX.from_string(text)


@lru_cache(maxsize=64)
def _faults(text: str, may: tuple[str, ...]) -> list[tuple[int | None, str]]:
    return template_faults(text, may)


def _refused(prompt: Prompt, faults: Sequence[tuple[int | None, str]]) -> MalformedInput:
    return MalformedInput(
        f"the prompt {prompt.prompt_id} cannot be rendered",
        [Fault(str(prompt.path), line, "", message) for line, message in faults],
    )
