"""Paraphrases, by a judge that reads: of what nothing else flagged, the nearest sealed rows are shown to it.

Belongs here: which pairs are shown, and what its yes means. Does not belong here: the judge (`llm.paraphrase_judge`),
the embedders (`text.embedders`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from careful_assets.errors import StageFailed
from careful_assets.text.embedders.protocol import Embedder
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Found

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

SURE = 1000
_JUDGE = "careful_assets.llm.paraphrase_judge"
# Cosines that are held at once, 4 bytes each.
_AT_ONCE = 16_000_000


class PairJudge(Protocol):
    """`llm.paraphrase_judge.ParaphraseJudge`, as far as it is used here."""

    @property
    def provider(self) -> str | None:
        """Who is shown the texts; None for a model on this machine."""
        ...

    def same(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Whether the two texts of each pair (asked, sealed) say the same.

        Raises:
            StageFailed: of one pair there is no answer.
        """
        ...


class JudgedDetector:
    """A pair that the judge calls the same is a leak, with a score of 1000 thousandths; of several the nearest.

    A row's pairs are the sealed rows of the `nearest` highest cosines from `floor_threshold` (thousandths) on. Rows
    under `SHORTEST_JUDGED` words, sealed or asked about, are not judged. To be named after every other detector, since
    those that ask last are asked in the order in which they were named. Memory: the sealed rows' texts and vectors,
    those of one batch, and 64 MB.
    """

    name = "paraphrase_judge"
    version = 1
    threshold = SURE
    asks_last = True

    def __init__(self, judge: PairJudge, embedder: Embedder, nearest: int, floor_threshold: int) -> None:
        """Raises:
        ValueError: the judge is none of the workshop's, and would be shown sealed texts; judge and embedder are two
            providers; nearest or the floor is out of bounds.
        """
        if type(judge).__module__ != _JUDGE:
            raise ValueError(f"sealed texts are shown to {_JUDGE} alone, not to {type(judge).__name__}; hand that in")
        if nearest < 1 or not 1 <= floor_threshold <= 1000:
            raise ValueError("nearest is at least 1, the floor lies between 1 and 1000 thousandths")
        providers = {one for one in (judge.provider, embedder.sends_to) if one is not None}
        if len(providers) > 1:
            raise ValueError(
                f"judge and embedder are of two providers, {' and '.join(sorted(providers))}, and a detector shows its "
                "texts to one; take an embedder that works on this machine"
            )
        self.sends_to = next(iter(providers), None)
        self._judge = judge
        self._embedder = embedder
        self._nearest = nearest
        self._floor = floor_threshold

    def index(self, sealed: Prepared) -> JudgedIndex:
        """See `Detector`.

        Raises:
            StageFailed: the embedder failed.
        """
        import numpy as np

        places = np.flatnonzero(sealed.word_counts >= SHORTEST_JUDGED)
        texts = sealed.of(places).texts.to_list()
        vectors = self._embedder.embed(texts) if texts else None
        return JudgedIndex(self._judge, self._embedder, self._nearest, self._floor, places, texts, vectors)


@dataclass(frozen=True, eq=False)
class JudgedIndex:
    """The sealed rows that can be shown: their places, texts and vectors."""

    judge: PairJudge
    embedder: Embedder
    nearest: int
    floor: int
    places: Ints
    texts: list[str]
    vectors: Floats | None

    def find(self, rows: Prepared) -> Found:
        """See `Index`.

        Raises:
            StageFailed: embedder or judge gave no answer to one of its questions.
        """
        import numpy as np

        asked = np.flatnonzero(rows.word_counts >= SHORTEST_JUDGED)
        shown: list[tuple[int, int]] = []
        texts = rows.of(asked).texts.to_list()
        if self.vectors is not None and texts:
            shown = self._pairs(self.embedder.embed(texts), self.vectors)
        said = self.judge.same([(texts[ours], self.texts[theirs]) for ours, theirs in shown])
        if len(said) != len(shown):
            raise StageFailed(f"the paraphrase judge gave {len(said)} answers to {len(shown)} questions")
        best: dict[int, int] = {}
        for (ours, theirs), yes in zip(shown, said, strict=True):
            if yes:
                best.setdefault(ours, theirs)
        rows_found = np.array(list(best), dtype=np.int64)
        sealed_found = np.array(list(best.values()), dtype=np.int64)
        sure, one, nowhere = (np.full(len(best), value, dtype=np.int64) for value in (SURE, 1, -1))
        return Found(asked[rows_found], self.places[sealed_found], sure, one, one.copy(), nowhere, nowhere.copy())

    def _pairs(self, asked: Floats, sealed: Floats) -> list[tuple[int, int]]:
        """Which are shown to the judge: by asked row, nearest first; of equally near ones the first."""
        import numpy as np

        step = max(1, _AT_ONCE // len(sealed))
        pairs: list[tuple[int, int]] = []
        for start in range(0, len(asked), step):
            # To 6 decimals, so that no choice hangs on the order in which a machine adds.
            cosines = np.rint(asked[start : start + step] @ sealed.T * 1_000_000)
            for place, row in enumerate(cosines):
                order = np.argsort(-row, kind="stable")[: self.nearest]
                near = order[row[order] >= self.floor * 1000]
                pairs += [(start + place, int(theirs)) for theirs in near]
        return pairs
