"""`generation.forecasts` as a frame: what each round was to take, told from its probe, beside what it then took.

Belongs here: the columns. Does not belong here: the figures (`llm.forecast`). The probe's answers are in the journal,
so that the forecast of a round that is long over is made again as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import polars as pl

from careful_assets.llm.forecast import forecast, outcome
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Request

FORECASTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "round": pl.Int32, "requests": pl.Int64, "tokens": pl.Int64, "cost": pl.Float64, "seconds": pl.Float64,
    "basis": pl.String, "actual_requests": pl.Int64, "actual_tokens": pl.Int64, "actual_cost": pl.Float64,
    "actual_seconds": pl.Float64,
}  # fmt: skip


def forecasts_frame(requests: Sequence[Request], state: JournalState, prices: Prices, in_flight: int) -> pl.DataFrame:
    """One row a round. `requests`: those of every round, in order of round; `in_flight`: of the generator at work."""
    rows = []
    for number, group in groupby(requests, key=lambda request: request.round):
        asked = list(group)
        expected, basis = forecast(asked, state, prices, in_flight)
        came = outcome(asked, state, prices)
        rows.append(
            (number, expected.requests, expected.tokens, expected.cost, expected.seconds, basis, came.requests,
             came.tokens, came.cost, came.seconds)
        )  # fmt: skip
    return pl.DataFrame(rows, schema=FORECASTS, orient="row")
