"""How far a model knows a canary's secret: exposure by rank (Carlini et al. 2019, "The Secret Sharer", section 4).

Exposure is log2 |R| - log2 rank, where R are all secrets and the rank is the secret's among them by probability: a
model that never saw the canary has 0 to 2 bits, one that knows it by heart log2 |R|. Belongs here: exposure from a
model's probabilities or completions, and how likely chance gives as much. Does not belong here: which canaries are
asked, and of whom (`operations.canaries`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from careful_assets.llm.requests import CallFailed
from careful_assets.text.canaries import SECRET_DIGITS, Canary

MOST_LIKELY = 20
"""How many next tokens are asked for: common servers give no more."""
_DIGITS = frozenset("0123456789")
_SECRET = re.compile(rf"(?<![0-9])[0-9]{{{SECRET_DIGITS}}}(?![0-9])")


class TellsLikely(Protocol):
    """A generator whose server may tell probabilities."""

    async def likeliest(self, prompt: str, most: int) -> Mapping[str, float] | None:
        """The likeliest next tokens with their natural log-probabilities; None if the server tells none."""
        ...


@dataclass(frozen=True)
class Exposure:
    """`bits`, and how they are meant: `bound` is `at least`, `about` or `at most about`.

    `method`: `log_probabilities` or `completions`. `asked`: calls or completions; `hits`: completions with the secret;
    `others`: how many other secrets they held. `chance`: with which probability, at most, a model that never saw the
    canary shows as much.
    """

    bits: float
    bound: str
    method: str
    asked: int
    hits: int
    others: int
    chance: float


async def exposure_by_probability(model: TellsLikely, canary: Canary) -> Exposure | None:
    """Digit by digit, the probability p of the secret after its prefix; None where the server does not tell it.

    At most 1 / p secrets are as likely, so that the exposure is at least log2(|R| p). The secret was drawn
    independently of a model that never saw it; then |R| p is 1 on average at most, and reaches x with a probability of
    at most 1 / x (Markov). Where all ten digits are told, p is among digits alone.
    """
    log_p, told = 0.0, canary.prefix
    for digit in canary.secret:
        try:
            likely = await model.likeliest(told, MOST_LIKELY)
        except CallFailed:
            return None  # the question goes beyond what servers must know; completions are asked instead
        step = None if likely is None else _step(likely, digit)
        if step is None:
            return None
        log_p, told = log_p + step, told + digit
    gain = log_p / math.log(2) + math.log2(canary.alternatives)
    bits = min(max(0.0, gain), math.log2(canary.alternatives))
    return Exposure(bits, "at least", "log_probabilities", SECRET_DIGITS, 0, 0, min(1.0, 2.0**-gain))


def exposure_by_completions(canary: Canary, completions: Iterable[str]) -> Exposure:
    """By the secrets that n drawn completions of the prefix hold: the first of each, if it holds one.

    The rank is told among those drawn: as many as were drawn as often are before it. One that was never drawn ranks
    behind all that were, so that its exposure is at most about log2 |R| less their log2: a bound that grows with n.
    A model that never saw the canary gives it n / |R| times on average at most, and k times with a probability of at
    most n / (k |R|).
    """
    texts = list(completions)
    drawn = Counter(found[0] for text in texts if (found := _SECRET.search(text)) is not None)
    hits = drawn.pop(canary.secret, 0)
    before = sum(times >= max(hits, 1) for times in drawn.values())
    bits = math.log2(canary.alternatives) - math.log2(1 + before)
    chance = min(1.0, len(texts) / (hits * canary.alternatives)) if hits else 1.0
    bound = "about" if hits else "at most about"
    return Exposure(bits, bound, "completions", len(texts), hits, len(drawn), chance)


def _step(likely: Mapping[str, float], digit: str) -> float | None:
    """The digit's log-probability; None if it is not told, or tokens hold several digits at once."""
    if digit not in likely or any(len(token) > 1 and token.strip() and set(token) <= _DIGITS for token in likely):
        return None
    if not likely.keys() >= _DIGITS:
        return min(0.0, likely[digit])
    return likely[digit] - math.log(sum(math.exp(likely[one]) for one in _DIGITS))
