"""What tokens cost: the card's price table, and the models that are free because they run here.

Belongs here: the price of one model's tokens, and refusing a model without one. Does not belong here: how many tokens
there are (`spending`) and how much may be spent (`budget`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from careful_assets.card.budget import Price
from careful_assets.errors import StageFailed
from careful_assets.llm.requests import Request
from careful_assets.llm.spending import Tokens
from careful_assets.llm.weights import SHA256

_PER = 1_000_000
_NGRAM = ("ngram", "ngram")


def is_free(request: Request) -> bool:
    """Whether the request's generator runs in this house: the n-gram model, or the embedded weights."""
    return (request.generator_id, request.generator_family) == _NGRAM or request.generator_digest == SHA256


class Prices:
    """A price table by model name, in `currency`; sums are exact, so that no order of answers changes them.

    `free`: nothing costs anything, since recorded answers are replayed.
    """

    def __init__(self, table: Mapping[str, Price], currency: str, *, free: bool = False) -> None:
        self._table = table
        self._free = free
        self.currency = currency

    def cost(self, request: Request, tokens: Tokens) -> Decimal | None:
        """What these tokens of the request's generator cost; None where nobody has named a price."""
        if self._free or is_free(request):
            return Decimal(0)
        price = self._table.get(request.generator_id)
        if price is None:
            return None
        prompt, completion = Decimal(str(price.prompt)), Decimal(str(price.completion))
        return (prompt * tokens.prompt + completion * tokens.completion) / _PER

    def refuse_unpriced(self, requests: Iterable[Request], dataset: str, *, cost_is_limited: bool) -> None:
        """See that every generator has a price, where the card has a price table or limits the cost.

        Raises:
            StageFailed: one has none; the message says what to add.
        """
        if self._free or (not self._table and not cost_is_limited):
            return
        models = {one.generator_id for one in requests if not is_free(one)} - self._table.keys()
        if models:
            lines = ", ".join(f"`{model}: {{prompt: ..., completion: ...}}`" for model in sorted(models))
            raise StageFailed(
                f"card {dataset}: generation.prices has no price for {', '.join(sorted(models))}, so that its cost "
                f"cannot be told before it is spent; nothing was sent. Add {lines} under generation.prices "
                f"({self.currency} for a million tokens), or drop "
                f"{'generation.budget.cost' if cost_is_limited else 'generation.prices'}"
            )
