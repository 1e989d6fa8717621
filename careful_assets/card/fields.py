"""The kinds of values that a card's keys hold, each with what is wrong with others in plain words.

Belongs here: one value by itself. Does not belong here: which key holds what (`models`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints


def _shaped(pattern: str, words: str) -> AfterValidator:
    """Text that must match `pattern` as a whole; `words` tells the card's author what that means."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(words)
        return value

    return AfterValidator(check)


def _printable(allowed: str) -> Callable[[str], str]:
    """Refuses control characters other than `allowed`, and halves of surrogate pairs, which UTF-8 lacks."""

    def check(value: str) -> str:
        for character in value:
            if unicodedata.category(character) in ("Cc", "Cs") and character not in allowed:
                what = "a line break" if character in "\n\r" else f"the control character {character!r}"
                raise ValueError(f"must not hold {what}")
        return value

    return check


_Filled = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Text = Annotated[_Filled, AfterValidator(_printable("\n\t"))]
Line = Annotated[_Filled, AfterValidator(_printable(""))]
Name = Annotated[
    str,
    _shaped("[a-z][a-z0-9_]{0,59}", "must be lower-case letters, digits and _, at most 60, a letter first"),
]
Sha256 = Annotated[str, _shaped("[0-9a-f]{64}", "must be a SHA-256 digest: 64 hexadecimal digits in lower case")]
Email = Annotated[
    Line, _shaped(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", "must be an e-mail address, such as data@example.org")
]
Requirement = Annotated[
    str, _shaped("[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", "must name one version, such as vaderSentiment==0.5")
]
Version = Annotated[Line, _shaped(r"\d{1,6}\.\d{1,6}\.\d{1,6}", "must be a release's version, such as 1.0.0")]
EntryPoint = Annotated[
    str,
    _shaped(
        r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*",
        "must name an attribute of a module, such as my_package.gates:MyGate",
    ),
]
RelativePath = Line
Variable = Annotated[
    Line, _shaped("env:[A-Za-z_][A-Za-z0-9_]*", "must name an environment variable, such as env:ANCHORS_URL")
]
Share = Annotated[float, Field(ge=0, le=1)]
# What is divided by has a floor, and amounts of time, money and rows a ceiling: what is computed from them is finite.
PositiveShare = Annotated[float, Field(ge=0.001, le=1)]
Positive = Annotated[float, Field(ge=0.001, le=10**9)]
Amount = Annotated[float, Field(ge=0, le=10**9)]
# The share of rows on which two predictors differ, where the card does not say.
DISCORDANT_SHARE = 0.3
Currency = Annotated[str, _shaped("[A-Z]{3}", "must be a currency's three capital letters, such as EUR")]
# More rows than any one card has use for; keeps counts inside every engine's integers.
Count = Annotated[int, Field(ge=0, le=10**9)]
Stop = Annotated[str, StringConstraints(min_length=1), AfterValidator(_printable("\n\r\t"))]

ArtifactType = Literal[
    "paraphrase", "rare_class", "edge_case", "counterfactual", "structured_record",
    "adversarial_prompt", "rag_question", "rationale", "tone_pair", "code_with_tests",
]  # fmt: skip
Use = Literal["training", "evaluation", "red_team", "demo", "documentation", "privacy"]
