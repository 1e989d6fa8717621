"""What generation may take at most, and what a generator's tokens cost.

Belongs here: what each key may hold. Does not belong here: rules over several keys (`generation_rules`), and counting
what was taken (`llm.budget`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from careful_assets.card.fields import Amount, Positive
from careful_assets.card.part import Part


class Limits(Part):
    """What all of a dataset's requests together may take, over all rounds and runs; a key left out sets no limit.

    `tokens`: of prompts and completions. `cost`: in the purpose's currency. `seconds`: in which a request was open.
    """

    requests: Annotated[int, Field(ge=1, le=10**9)] | None = None
    tokens: Annotated[int, Field(ge=1, le=10**15)] | None = None
    cost: Amount | None = None
    seconds: Positive | None = None


class Price(Part):
    """What a million tokens of a prompt, and a million of its completions, cost in the purpose's currency."""

    prompt: Amount
    completion: Amount
