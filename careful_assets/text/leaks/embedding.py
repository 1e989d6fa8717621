"""Paraphrases: a row that is nearer to a sealed row than both are to anything else.

Belongs here: the detector, and reading an embedder with distrust. Does not belong here: the embedders
(`text.embedders`), densities (`embedding_pool`), the shortcut by words (`embedding_words`), which rows are asked about
(`scan`: those in which nothing else was found).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.text.embedders.latent import drawn
from careful_assets.text.embedders.protocol import Embedder
from careful_assets.text.embedders.tfidf_svd import TfidfSvd
from careful_assets.text.leaks.embedding_pool import Pool
from careful_assets.text.leaks.embedding_words import FEW_SEALED, RareWords
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Found

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

MOST_REFERENCE = 2_000
"""Of more reference rows these many are drawn, by their digests: enough to tell where a domain is dense."""
_LENGTH_TOLERANCE = 1e-3


class EmbeddingDetector:
    """Cosines of an embedder, less how dense it is where the two rows lie.

    In a dense domain any two rows are alike: of clean review sentences one in two hundred has a cosine of 0.85 or more
    with some sealed row (MiniLM), of paraphrases 6 in a hundred. So of the cosine the mean is taken of both rows'
    densities, a row's density being its mean cosine with the four rows nearest to it among sealed and reference rows,
    but for those of the two's own direction; a negative cosine, or a neighbour that is missing, counts 0. That is half
    of CSLS: Conneau et al. 2018, "Word Translation Without Parallel Data" (ICLR), section 2.3. A score of 200
    thousandths: the two are nearer to one another than to what else is nearest, by a fifth of the way from unlike to
    equal.

    A copy of a sealed row that lies among many alike does not score high here; it is for the detectors before this
    one to find. Texts of which the embedder sees nothing match nothing; equal texts, and texts that the embedder
    takes for equal, count once for a density. Rows under `SHORTEST_JUDGED` words, sealed or asked about, are not
    judged.

    Rough cosines drop no pair that can reach the threshold. With `TfidfSvd`, which sees words alone, and over 2,000
    sealed rows, there is one shortcut that can miss (see `RareWords`). Memory: vectors of the sealed side, of 2,000
    reference rows and of one batch, and 64 MB.
    """

    name = "embedding"
    version = 1
    asks_last = True

    def __init__(self, embedder: Embedder, threshold: int, reference: Sequence[str]) -> None:
        """`threshold`: thousandths. `reference`: open rows of the same domain; where there are few, fewer are dense.

        Raises:
            ValueError: the threshold does not lie between 1 and 1000.
        """
        if not 1 <= threshold <= 1000:
            raise ValueError(f"a threshold lies between 1 and 1000 thousandths; {threshold} does not")
        self.threshold = threshold
        self.sends_to = embedder.sends_to
        self._embedder = embedder
        self._reference = drawn(reference, MOST_REFERENCE)

    def index(self, sealed: Prepared) -> EmbeddingIndex:
        """See `Detector`.

        Raises:
            StageFailed: the embedder failed, answered what is no set of vectors, or sees nothing of any sealed row.
        """
        import numpy as np

        if not len(sealed):
            return EmbeddingIndex(self._embedder, self.threshold, None, None)
        vectors = _embedded(self._embedder, sealed.texts.to_list(), None)
        judged = sealed.word_counts >= SHORTEST_JUDGED
        if judged.any() and not vectors[judged].any():
            raise StageFailed(
                f"embedder {self._embedder.name} sees nothing of any of {int(judged.sum())} sealed rows, and so can "
                "find none; it needs more anchors, or write another embedder into the card (`filtering.embedder`)"
            )
        reference = _embedded(self._embedder, self._reference, vectors.shape[1])
        pool = Pool.of(vectors, np.flatnonzero(judged), reference)
        by_words = isinstance(self._embedder, TfidfSvd) and len(sealed) > FEW_SEALED
        words = RareWords.of(sealed, pool, self.threshold) if by_words else None
        return EmbeddingIndex(self._embedder, self.threshold, pool, words)


@dataclass(frozen=True, eq=False)
class EmbeddingIndex:
    """The sealed rows with their densities; `pool` is None where nothing is sealed, `words` where all is compared."""

    embedder: Embedder
    threshold: int
    pool: Pool | None
    words: RareWords | None

    def find(self, rows: Prepared) -> Found:
        """See `Index`.

        Raises:
            StageFailed: as `EmbeddingDetector.index`.
        """
        import numpy as np

        from careful_assets.text.leaks.embedding_kernel import NEIGHBOURS, UNITS

        asked = np.flatnonzero(rows.word_counts >= SHORTEST_JUDGED)
        of = 2 * NEIGHBOURS * UNITS
        best = shared = np.full(0, -1, dtype=np.int64)
        if self.pool is None:
            asked = asked[:0]
        elif len(asked):
            texts = rows.texts.gather(pl.Series(asked)).to_list()
            vectors = _embedded(self.embedder, texts, self.pool.vectors.shape[1])
            if self.words is not None:
                kin = self.words.kin(rows, asked, vectors)
                asked, vectors = asked[kin], vectors[kin]
            best, shared = self.pool.best(vectors, self.threshold)
        found = np.flatnonzero(best >= 0)
        nowhere = np.full(len(found), -1, dtype=np.int64)
        score = shared[found] * 1000 // of
        return Found(asked[found], best[found], score, shared[found], np.full(len(found), of), nowhere, nowhere.copy())


def _embedded(embedder: Embedder, texts: Sequence[str], dimensions: int | None) -> Floats:
    """The texts' vectors, held to what an embedder promises: of `dimensions` numbers, if it is known of how many."""
    import numpy as np

    if not len(texts):
        return np.zeros((0, dimensions or 1), dtype=np.float32)
    vectors = np.asarray(embedder.embed(texts))
    wrong = None
    if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1]:
        wrong = f"an answer of shape {vectors.shape} to {len(texts)} texts"
    elif dimensions is not None and vectors.shape[1] != dimensions:
        wrong = f"vectors of {vectors.shape[1]} numbers, and before of {dimensions}"
    elif vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
        wrong = "numbers that are not finite"
    else:
        lengths = np.linalg.norm(vectors, axis=1)
        if (np.abs(lengths[lengths > 0] - 1) > _LENGTH_TOLERANCE).any():
            wrong = "vectors whose length is neither 1 nor 0"
    if wrong:
        raise StageFailed(f"embedder {embedder.name} gave {wrong}; rows cannot be held against sealed ones by it")
    return np.ascontiguousarray(vectors, dtype=np.float32)
