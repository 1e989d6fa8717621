"""The language of a text, by py3langid (naive Bayes over byte n-grams: Lui and Baldwin 2012; a model of 139 languages).

Belongs here: the one identifier, and what it says of a text. Does not belong here: which languages are welcome.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Longer texts tell no more, and the identifier flattens its probabilities with a text's length.
_READ = 1000


def probabilities(text: str) -> dict[str, float]:
    """By language code (ISO 639) the probability that the text's first 1,000 characters are in it; sums to 1."""
    return dict(_identifier().rank(text[:_READ]))


def likeliest(text: str) -> str:
    """The code of the likeliest language."""
    return next(iter(probabilities(text)))


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
