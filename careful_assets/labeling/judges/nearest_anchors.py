"""The judge `nearest_anchors`: the labels of the real rows that are written most alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.labeling.judge import Vote, commonest_label
from careful_assets.text.normalize import normalize

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

# From 9 to 45 make little difference on the 3,708 review sentences of the first dataset (kappa 0.35 to 0.40).
NEIGHBOURS = 15
# Similarities held in memory at once: 64 MB.
_PAIRS_AT_ONCE = 8_000_000
# Similarities are compared to 9 decimals, so that the order of summing decides no vote.
_DECIMALS = 9


class NearestAnchors:
    """The anchors nearest by cosine of TF-IDF over runs of 3 to 5 characters vote with their similarity.

    A label's votes are divided by its number of anchors, so that a rare label is not outvoted by its
    rarity. The confidence is the winner's share of the votes. A text that shares nothing with any anchor
    gets an abstention.
    """

    name: ClassVar[str] = "nearest_anchors"
    family: ClassVar[str] = "neighbours"
    version: ClassVar[int] = 1

    def __init__(self) -> None:
        self._features: TfidfVectorizer | None = None
        self._anchors: csr_matrix
        self._labels: list[str] = []
        self._weights: npt.NDArray[np.float64]
        self._commonest = ""

    def fit(self, anchors: pl.DataFrame) -> None:
        """Keep the anchors' features, and one column of weights a label."""
        import numpy as np
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = anchors["text"].to_list()
        if not any(map(normalize, texts)):
            raise StageFailed(f"judge {self.name}: no anchor holds a character; look at anchors.source in the card")
        self._features = TfidfVectorizer(
            preprocessor=normalize, analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True
        )
        self._anchors = self._features.fit_transform(texts)
        self._labels = sorted(set(anchors["label"]))
        is_label = np.array([[label == own for label in self._labels] for own in anchors["label"]])
        self._weights = is_label / is_label.sum(axis=0)
        self._commonest = commonest_label(anchors)

    def vote(self, texts: Sequence[str]) -> list[Vote]:
        """Vote by the nearest anchors; of equally near ones the first by `row_id`, of even labels by name."""
        if self._features is None:
            raise ValueError(f"judge {self.name} votes after it was fitted")
        if not texts:
            return []
        features = self._features.transform(texts)
        at_once = max(1, _PAIRS_AT_ONCE // self._anchors.shape[0])
        votes: list[Vote] = []
        for start in range(0, len(texts), at_once):
            similar = (features[start : start + at_once] @ self._anchors.T).toarray().round(_DECIMALS)
            votes.extend(self._vote_of(row) for row in similar)
        return votes

    def _vote_of(self, similar: npt.NDArray[np.float64]) -> Vote:
        import numpy as np

        # A stable sort keeps equally near anchors in the order of `fit`.
        nearest = np.argsort(-similar, kind="stable")[:NEIGHBOURS]
        shares = (similar[nearest, np.newaxis] * self._weights[nearest]).sum(axis=0)
        total = shares.sum()
        if total == 0:
            return Vote(self._commonest, 0.0)
        best = int(shares.argmax())
        return Vote(self._labels[best], round(float(shares[best] / total), 6))
