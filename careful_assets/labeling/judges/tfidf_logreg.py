"""The judge `tfidf_logreg`: a linear model over the words and word pairs of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.labeling.judge import Vote, commonest_label
from careful_assets.text.normalize import tokens

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SEED = 0


class TfidfLogreg:
    """Logistic regression, one label against the rest, on TF-IDF of words and pairs; labels weigh alike.

    The confidence is the model's probability for the label. Texts without a known word get an abstention.
    """

    name: ClassVar[str] = "tfidf_logreg"
    family: ClassVar[str] = "linear"
    version: ClassVar[int] = 1

    def __init__(self) -> None:
        self._model: Pipeline | None = None
        self._commonest = ""

    def fit(self, anchors: pl.DataFrame) -> None:
        """Fit on the anchors; deterministic, since liblinear runs in one thread and is seeded."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.pipeline import make_pipeline

        words = TfidfVectorizer(
            tokenizer=tokens, token_pattern=None, lowercase=False, ngram_range=(1, 2), sublinear_tf=True
        )
        # liblinear itself takes two classes only.
        one_label = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=SEED)
        model = make_pipeline(words, OneVsRestClassifier(one_label))
        if not any(map(tokens, anchors["text"])):
            raise StageFailed(f"judge {self.name}: no anchor holds a word; look at anchors.source in the card")
        model.fit(anchors["text"].to_list(), anchors["label"].to_list())
        self._model = model
        self._commonest = commonest_label(anchors)

    def vote(self, texts: Sequence[str]) -> list[Vote]:
        """Vote for the most probable label, the first by name at equal probability."""
        if self._model is None:
            raise ValueError(f"judge {self.name} votes after it was fitted")
        if not texts:
            return []
        features = self._model[0].transform(texts)
        probabilities = self._model[-1].predict_proba(features)
        best = probabilities.argmax(axis=1)
        return [
            Vote(str(self._model.classes_[label]), round(float(probabilities[row, label]), 6))
            if features.indptr[row] < features.indptr[row + 1]
            else Vote(self._commonest, 0.0)
            for row, label in enumerate(best)
        ]
