"""Candidates and anchors as frames, for the tests of filtering."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from careful_assets.filtering.gate import ANCHORS, CANDIDATES, Beside
from careful_assets.filtering.settings import set_gates
from careful_assets.text.embedders.protocol import unit_rows
from careful_assets.text.normalize import hash64, tokens


@dataclass(frozen=True)
class Setting:
    """A gate's setting as a profile gives it."""

    gate: str
    threshold: float | None = None


RARE_CLASS = set_gates(
    [
        Setting("format"),
        Setting("minimum_length", 3),
        Setting("maximum_length", 600),
        Setting("truncation"),
        Setting("exact_duplicate"),
        Setting("near_duplicate", 0.7),
    ]
)


def candidates_of(
    texts: Sequence[str], finish_reasons: Sequence[str | None] | None = None, *,
    ids: Sequence[str] | None = None, parents: Sequence[Sequence[str]] | None = None,
    personal_data: Sequence[Sequence[str]] | None = None, label: str = "negative",
) -> pl.DataFrame:  # fmt: skip
    """Candidates c0, c1, ... of one round; below ten of them the ids sort in the order of the texts."""
    n = len(texts)
    return pl.DataFrame(
        {
            "row_id": list(ids) if ids is not None else [f"c{i}" for i in range(n)],
            "round": [1] * n,
            "text": list(texts),
            "finish_reason": list(finish_reasons) if finish_reasons is not None else ["stop"] * n,
            "requested_label": [label] * n,
            "parent_ids": [list(one) for one in parents] if parents is not None else [[]] * n,
            "personal_data": [list(one) for one in personal_data] if personal_data is not None else [[]] * n,
        },
        schema=CANDIDATES,
    )


def anchors_of(texts: Sequence[str], ids: Sequence[str] | None = None) -> Beside:
    """Anchors a0, a1, ... of the train split, each of a group of its own."""
    own = list(ids) if ids is not None else [f"a{i}" for i in range(len(texts))]
    frame = pl.DataFrame({"row_id": own, "text": list(texts), "label": "negative", "group_id": own, "split": "train"},
                         schema=ANCHORS)  # fmt: skip
    return Beside(frame.sort("row_id", "text"), WordBag)


class WordBag:
    """An embedder that is quickly made and sees every word: their counts, by hash."""

    name, digest = "word_bag", "0" * 64

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Embedder`."""
        counts = np.zeros((len(texts), 512))
        for row, text in enumerate(texts):
            for word in tokens(text):
                counts[row, hash64(word) % 512] += 1
        return unit_rows(counts).astype(np.float32)


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
