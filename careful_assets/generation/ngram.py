"""An n-gram word model as a generator: fitted on the exemplars in a moment, deterministic on every platform.

The probability of a word is interpolated over the orders with fixed weights (Jelinek and Mercer 1980,
"Interpolated estimation of Markov source parameters from sparse data"; Chen and Goodman 1999 for the
comparison). Belongs here: the model and its sampling. Does not belong here: prompts: it reads the label asked
for, never the prompt.
"""

from __future__ import annotations

import hashlib
import random
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import accumulate
from types import TracebackType
from typing import Self

from careful_assets.generation.prompts import one_line
from careful_assets.llm.requests import Answer, CallFailed, Choice, GeneratorIdentity, Request, digest_of
from careful_assets.provenance.descent import FITTED_FAMILY

_START, _END = "\x02", "\x03"  # no word: `one_line` leaves no control characters in a text
_LABEL_WEIGHT = 0.9
"""How often a word follows the asked label's exemplars rather than all of them."""

Context = tuple[str, ...]


class NgramGenerator:
    """A generator fitted on `exemplars`, pairs of label and text, in any order.

    `order` words make an n-gram.
    """

    def __init__(self, exemplars: Iterable[tuple[str, str]], order: int) -> None:
        texts = sorted({(label, one_line(text)) for label, text in exemplars})
        self._order = order
        self._identity = GeneratorIdentity("ngram", FITTED_FAMILY, digest_of({"order": order, "exemplars": texts}))
        self._all = _Counts((text for _, text in texts), order)
        labels = sorted({label for label, _ in texts})
        self._by_label = {label: _Counts((text for other, text in texts if other == label), order) for label in labels}

    @property
    def identity(self) -> GeneratorIdentity:
        """`ngram`; the digest is that of the order and of the exemplars with their labels."""
        return self._identity

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def complete(self, request: Request) -> Answer:
        """Completion i is drawn with the request's seed + i.

        `max_tokens` counts words, `stop` is heeded, other parameters are not. `tokens` is the number of words
        drawn.

        Raises:
            CallFailed: no exemplar bears the label asked for.
        """
        if request.stratum not in self._by_label:
            raise CallFailed("no exemplar bears the label that is asked for", retryable=False)
        begun, drawn, choices = time.monotonic(), 0, []
        for choice in range(request.completions):
            words, reason = self._draw(request.stratum, request.seed + choice, int(request.params["max_tokens"]))
            drawn += len(words)
            choices.append(_stopped(" ".join(words), reason, request.params.get("stop", [])))
        return Answer(request.request_id, tuple(choices), drawn, round(time.monotonic() - begun, 6))

    def _draw(self, label: str, seed: int, max_words: int) -> tuple[list[str], str]:
        key = f"{self._identity.digest}:{label}:{seed}".encode()
        # Only `random()` is used: of the module's methods the one whose stream never changes.
        rng = random.Random(int.from_bytes(hashlib.sha256(key).digest(), "big"))
        words: list[str] = []
        history = [_START] * (self._order - 1)
        while len(words) < max_words:
            counts = self._by_label[label] if rng.random() < _LABEL_WEIGHT else self._all
            word = counts.draw(history, rng)
            if word == _END:
                return words, "stop"
            words.append(word)
            history = [*history, word][1:]
        return words, "length"


class _Counts:
    """How often each word follows each context, for contexts of 0 to order - 1 words."""

    def __init__(self, texts: Iterable[str], order: int) -> None:
        counts: list[dict[Context, Counter[str]]] = [defaultdict(Counter) for _ in range(order)]
        for text in texts:
            words = [_START] * (order - 1) + text.split() + [_END]
            for at in range(order - 1, len(words)):
                for length in range(order):
                    counts[length][tuple(words[at - length : at])][words[at]] += 1
        self._tables = [{context: _cumulated(seen) for context, seen in table.items()} for table in counts]

    def draw(self, history: list[str], rng: random.Random) -> str:
        """A word after `history`.

        The interpolation is a mixture, so an order is drawn first, then a word of it.
        """
        known = [
            (4**length, table[context])
            for length, table in enumerate(self._tables)
            if (context := tuple(history[len(history) - length :])) in table
        ]
        weights = list(accumulate(weight for weight, _ in known))
        words, cumulated = known[bisect_right(weights, int(rng.random() * weights[-1]))][1]
        return words[bisect_right(cumulated, int(rng.random() * cumulated[-1]))]


def _cumulated(seen: Counter[str]) -> tuple[list[str], list[int]]:
    words = sorted(seen)  # the order of the texts must not decide
    return words, list(accumulate(seen[word] for word in words))


def _stopped(text: str, reason: str, stops: list[str]) -> Choice:
    cuts = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return Choice(text[: min(cuts)], "stop") if cuts else Choice(text, reason)
