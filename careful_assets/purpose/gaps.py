"""The gap, counted: claimed against counted rows, and what collecting would take against what generating is to take.

Belongs here: arithmetic over the card and the anchors' counts. Does not belong here: judging it (`checks`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.purpose import Gap

_SECONDS_A_DAY = 86_400
_GAPS: dict[str, type[pl.DataType]] = {
    "label": pl.String, "claimed": pl.Int64, "counted": pl.Int64, "target": pl.Int64, "missing": pl.Int64,
    "damage": pl.String, "collect_days": pl.Float64, "collect_cost": pl.Float64, "generate_requests": pl.Int64,
    "generate_days": pl.Float64, "generate_cost": pl.Float64,
}  # fmt: skip


def gaps_frame(card: Card, counted: Mapping[str, int]) -> pl.DataFrame:
    """`purpose.gaps`, in the card's order. `counted`: the anchors' rows by label, sealed ones included.

    Costs are in the purpose's currency; days are of 24 hours.
    """
    rows = [_gap_row(card, gap, counted.get(gap.label, 0)) for gap in card.purpose.gap]
    return pl.DataFrame(rows, schema=_GAPS, orient="row")


def _gap_row(card: Card, gap: Gap, counted: int) -> dict[str, object]:
    missing = max(gap.target_count - counted, 0)
    forecast = card.generation.forecast
    # A request asks for this many rows, of which this share, as it is written, is expected to be kept.
    requests = math.ceil(missing / (card.generation.completions_per_request * Fraction(str(forecast.kept_share))))
    return {
        "label": gap.label,
        "claimed": gap.current_count,
        "counted": counted,
        "target": gap.target_count,
        "missing": missing,
        "damage": gap.damage,
        "collect_days": missing / gap.collecting.rows_per_day,
        "collect_cost": missing * gap.collecting.cost_per_row,
        "generate_requests": requests,
        "generate_days": requests * forecast.seconds_per_request / _SECONDS_A_DAY,
        "generate_cost": requests * forecast.cost_per_request,
    }


def span(days: float) -> str:
    """A time as a person says it."""
    for size, unit in ((1.0, "days"), (1 / 24, "hours"), (1 / 1440, "minutes")):
        if days >= size:
            return f"{days / size:,.1f} {unit}"
    return f"{days * _SECONDS_A_DAY:.0f} seconds"
