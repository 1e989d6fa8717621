"""What every finder gives: spans of a reading, with a kind and the basis on which it was told.

Belongs here: the words that finders share. Does not belong here: any pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Kind = Literal[
    "email", "phone", "card", "iban", "national_id", "account_number", "address", "name", "ip_address"
]  # fmt: skip
Basis = Literal["checksum", "pattern", "context"]
"""Why: a valid check digit, a telling form, or words beside it."""

KINDS: tuple[Kind, ...] = get_args(Kind)
REFUSED = frozenset(KINDS) - {"name"}
"""What a cell that refuses personal data refuses for itself. Of names, only those that no real row has are refused."""

_VERSION = re.compile(
    r"\b(?:v|ver|version|firmware|release|build|driver|software|update)\b[^\d\n]{0,12}\Z", re.IGNORECASE
)


@dataclass(frozen=True)
class Finding:
    """Personal data of one kind at `start:end` of a text (characters, end excluded)."""

    kind: Kind
    start: int
    end: int
    basis: Basis


class Finder(Protocol):
    """One kind's finder: findings in a reading's text, in any order, overlapping or not; in time linear in it."""

    def __call__(self, text: str, /) -> Iterator[Finding]:
        """What stands in `text`, which is the text of a reading."""
        ...


def close_before(text: str, start: int, reach: int) -> str:
    """The `reach` characters before `start`, as far as they stand on the same line."""
    return text[max(0, start - reach) : start].rpartition("\n")[2]


def close_after(text: str, end: int, reach: int) -> str:
    """The `reach` characters from `end` on, as far as they stand on the same line."""
    return text[end : end + reach].partition("\n")[0]


def is_version(text: str, start: int) -> bool:
    """Whether the words before `start` make what follows the version of a program."""
    return bool(_VERSION.search(close_before(text, start, 30)))
