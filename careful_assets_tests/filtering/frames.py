"""Candidates and anchors as frames, for the tests of filtering."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

TEXT_SCHEMA = {"row_id": pl.String, "text": pl.String}


@dataclass(frozen=True)
class Setting:
    """A gate's setting as a profile gives it."""

    gate: str
    threshold: float | None = None


RARE_CLASS = [
    Setting("format"),
    Setting("minimum_length", 3),
    Setting("maximum_length", 600),
    Setting("truncation"),
    Setting("exact_duplicate"),
    Setting("near_duplicate", 0.7),
]


def candidates_of(texts: Sequence[str], finish_reasons: Sequence[str | None] | None = None) -> pl.DataFrame:
    """Candidates c0, c1, ... of one round; below ten of them the ids sort in the order of the texts."""
    return pl.DataFrame(
        {
            "row_id": [f"c{i}" for i in range(len(texts))],
            "round": [1] * len(texts),
            "text": list(texts),
            "finish_reason": list(finish_reasons) if finish_reasons is not None else ["stop"] * len(texts),
        },
        schema={"row_id": pl.String, "round": pl.Int32, "text": pl.String, "finish_reason": pl.String},
    )


def anchors_of(texts: Sequence[str]) -> pl.DataFrame:
    """Anchors a0, a1, ..."""
    return pl.DataFrame({"row_id": [f"a{i}" for i in range(len(texts))], "text": list(texts)}, schema=TEXT_SCHEMA)


VOCABULARY = """
battery speaker camera screen charger keyboard zoom remote manual button lens player weak loud dim cheap sturdy awful
splendid heavy noisy elegant useless reliable kitchen office garage car train garden hotel airport school bedroom
yesterday last week after a month within two days on arrival every morning stopped failed started broke worked
overheated froze rattled glowed lasted the and but when I it never
"""


def sentences(n: int, seed: int) -> list[str]:
    """Distinct review-like sentences of 8 to 40 words out of a seeded shuffle of ordinary words."""
    rng = random.Random(seed)
    words = VOCABULARY.split()
    made: dict[str, None] = {}
    while len(made) < n:
        made[" ".join(rng.choice(words) for _ in range(rng.randint(8, 40))) + "."] = None
    return list(made)
