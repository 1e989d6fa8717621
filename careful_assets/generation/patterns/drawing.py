"""Drawing rows balanced over groups, the same on every machine.

Belongs here: seeded numbers and orders. Does not belong here: which rows a request shows (the patterns).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import TypeVar

T = TypeVar("T")


def balanced(groups: Sequence[Sequence[T]], rows: int, draws: Iterator[int]) -> list[T]:
    """`rows` different rows, each of another group as long as there are groups that have not been used.

    `groups` hold at least that many.
    """
    lines = [_shuffled(group, draws) for group in islice(_shuffled(groups, draws), rows)]
    chosen: list[T] = []
    while len(chosen) < rows:
        for line in lines:
            chosen.extend(islice(line, 1))
    return chosen[:rows]


def draws_of(key: str) -> Iterator[int]:
    """Numbers below 2**64 from SHA-256: the same on every platform and in every release of Python."""
    for step in count():
        yield int.from_bytes(hashlib.sha256(f"{key}:{step}".encode()).digest()[:8], "big")


def _shuffled(items: Sequence[T], draws: Iterator[int]) -> Iterator[T]:
    """The items in random order (Fisher and Yates), drawn one at a time as they are asked for."""
    left = list(items)
    for end in range(len(left) - 1, -1, -1):
        at = next(draws) % (end + 1)
        left[at], left[end] = left[end], left[at]
        yield left[end]
