"""The latent space of a set of rows: directions in which their words tell them apart.

Belongs here: the space, fitted and applied, for the embedder (`tfidf_svd`) and for coverage (`measures.coverage`). Does
not belong here: which rows it is fitted on, and how near is near.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from careful_assets.text.embedders.protocol import unit_rows
from careful_assets.text.normalize import tokens

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Where dimensions near the number of rows each row has a direction of its own: hence three rows each.
ROWS_PER_DIMENSION = 3
SEED = 0
# A vector below it has no direction.
TOLERANCE = 1e-9


def drawn(texts: Iterable[str], most: int) -> list[str]:
    """At most this many of the texts, ordered by their digests: a draw, and not the head of an alphabet."""
    return sorted(texts, key=lambda text: (sha256(text.encode("utf-8", "surrogatepass")).digest(), text))[:most]


class LatentSpace:
    """TF-IDF of words (logarithmic counts), reduced by a truncated singular value decomposition.

    Latent semantic indexing: Deerwester et al. 1990, Journal of the American Society for Information Science
    41:391-407; computed as by Halko, Martinsson and Tropp 2011, SIAM Review 53:217-288. Deterministic: the
    decomposition is seeded, the signs of its axes are fixed, and it runs on one thread, since a sum that is shared out
    hangs on the number of threads. `dimensions`: at most those asked for, a third of the rows, and the number of words.
    """

    def __init__(self, rows: Sequence[str], dimensions: int) -> None:
        """Fit on rows, in this order; at least one of them holds a word."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.utils.extmath import randomized_svd
        from threadpoolctl import threadpool_limits

        self._tfidf = TfidfVectorizer(tokenizer=tokens, token_pattern=None, lowercase=False, sublinear_tf=True)
        features = self._tfidf.fit_transform(rows)
        most = max(1, min(dimensions, len(rows) // ROWS_PER_DIMENSION, features.shape[1]))
        with threadpool_limits(1):
            # The function, since the class refuses rows of one word.
            _, sizes, axes = randomized_svd(features, most, random_state=SEED)
        # Rows that repeat one another span fewer dimensions; the axes that are left over are rounding.
        self._axes = axes[sizes > TOLERANCE * sizes[0]].T
        self.dimensions = self._axes.shape[1]

    @property
    def digest(self) -> str:
        """sha256, in hex, of the words, their weights and the axes."""
        import numpy as np

        found = sha256("\n".join(self._tfidf.get_feature_names_out()).encode("utf-8", "surrogatepass"))
        for numbers in (self._tfidf.idf_, self._axes):
            found.update(f"\n{numbers.shape}\n".encode())
            found.update(np.ascontiguousarray(numbers, dtype="<f8").tobytes())
        return found.hexdigest()

    def directions(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Rows of length 1, or 0 for a text of which the space sees nothing."""
        return unit_rows(self._tfidf.transform(texts) @ self._axes, TOLERANCE)
