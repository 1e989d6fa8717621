"""How much of a text only repeats itself: after Rae et al. 2021 (Gopher, table A1), for rows of a few words.

Belongs here: shares of a text's characters, as whole thousandths. Does not belong here: thresholds, and likeness to
other texts (`ngrams`, `novelty`).

Gopher's measures (characters in duplicate n-grams of 5 to 10 words and in the most frequent of 2 to 4) presuppose
documents. A row is short, so that one n-gram length serves for all, and emphasis ("sooooo good", "no no no!") must not
count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NGRAM = 3
EMPHASIS = 20
"""Characters of a run ("nooooo", "hahahaha") that are emphasis; what goes beyond is repetition."""
EMPHASIS_WORDS = 8
"""Repeated words up to which a text insists ("do not buy this" thrice) rather than repeats itself."""
_PERIOD = 8
_RUN = re.compile(rf"(\S{{1,{_PERIOD}}}?)\1{{2,}}")


def repeated_ngrams(words: Sequence[str]) -> int:
    """Thousandths of the words' characters in runs of three words that came before; 0 up to `EMPHASIS_WORDS`."""
    seen: set[tuple[str, ...]] = set()
    repeats = [False] * len(words)
    for start in range(len(words) - NGRAM + 1):
        ngram = tuple(words[start : start + NGRAM])
        if ngram in seen:
            repeats[start : start + NGRAM] = [True] * NGRAM
        seen.add(ngram)
    return _share(words, repeats)


def repeated_words(words: Sequence[str]) -> int:
    """Thousandths of the words' characters in words that are the one before once more; 0 up to `EMPHASIS_WORDS`."""
    return _share(words, [place > 0 and word == words[place - 1] for place, word in enumerate(words)])


def repeated_characters(text: str) -> int:
    """Thousandths of a text's visible characters that prolong a run beyond emphasis.

    A run is a piece of up to 8 characters, one of them a letter or digit at least, three times or more without a
    space between.
    """
    visible = len("".join(text.split()))
    beyond = sum(
        max(0, len(run.group()) - EMPHASIS) for run in _RUN.finditer(text) if any(map(str.isalnum, run.group(1)))
    )
    return beyond * 1000 // visible if visible else 0


def _share(words: Sequence[str], repeats: Sequence[bool]) -> int:
    if sum(repeats) <= EMPHASIS_WORDS:
        return 0
    total = sum(map(len, words))
    repeated = sum(len(word) for word, again in zip(words, repeats, strict=True) if again)
    return repeated * 1000 // total if total else 0
