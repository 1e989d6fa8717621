"""What a card's generation must hold: a budget that limits something, and that lets at least one request through.

Belongs here: rules over several keys of `generation`. Does not belong here: which model answers, and so whether it has
a price: the environment says that (`llm.prices`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from careful_assets.card.plain import Broken, Values, integer_at, value_at

_LIMITS = ("requests", "tokens", "cost", "seconds")


def _budget_limits_something(card: Values) -> Iterator[Broken]:
    budget = value_at(card, "generation", "budget")
    if isinstance(budget, dict) and all(budget.get(key) is None for key in _LIMITS):
        yield ("generation", "budget"), f"sets no limit; name one of {', '.join(_LIMITS)}, or drop the key"


def _one_request_fits(card: Values) -> Iterator[Broken]:
    tokens = integer_at(card, "generation", "budget", "tokens")
    completions = integer_at(card, "generation", "completions_per_request")
    longest = integer_at(card, "generation", "parameters", "max_tokens")
    if tokens is None or completions is None or longest is None or tokens < 1:
        return
    if tokens <= completions * longest:
        yield (
            ("generation", "budget", "tokens"),
            f"{tokens} would let no request through: one may answer with {completions * longest} tokens "
            "(completions_per_request times parameters.max_tokens), and its prompt counts, too; raise it",
        )


GENERATION_RULES: tuple[Callable[[Values], Iterator[Broken]], ...] = (_budget_limits_something, _one_request_fits)
