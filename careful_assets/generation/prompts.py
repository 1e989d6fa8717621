"""Rendering prompts in Jinja's sandbox.

Belongs here: what a template sees (`label` and `exemplars`, nothing else) and what may come of it. Does not belong
here: reading templates (`card.prompts`), which exemplars a prompt shows (`plan`) and what is masked in them
(`scrubbing`). Exemplars are data: braces in them come out as they stand.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from careful_assets.card.prompts import Prompt
from careful_assets.errors import Fault, MalformedInput

# Prompts are plain text, not HTML: escaping would show the model `&quot;` for a quotation mark.
_SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def render(prompt: Prompt, label: str, exemplars: Sequence[str]) -> str:
    """The text of one request: the template with the label asked for and the exemplars, each on one line.

    Raises:
        MalformedInput: the template is faulty, or asks for what it is not given or not allowed.
    """
    try:
        template = _SANDBOX.from_string(prompt.text)
        return template.render(label=one_line(label), exemplars=[one_line(text) for text in exemplars])
    except RecursionError as error:
        raise _refused(prompt, None, "it calls itself without end") from error
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError) as error:
        line = error.lineno if isinstance(error, TemplateSyntaxError) else None
        raise _refused(prompt, line, str(error)) from error


def one_line(text: str) -> str:
    """`text` with every run of white space and control characters as one space."""
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join(spaced.split())


def _refused(prompt: Prompt, line: int | None, what: str) -> MalformedInput:
    message = f"{what}; a template sees `label` and `exemplars` (a list of texts), nothing else"
    return MalformedInput(
        f"the prompt {prompt.prompt_id} cannot be rendered", [Fault(str(prompt.path), line, "", message)]
    )
