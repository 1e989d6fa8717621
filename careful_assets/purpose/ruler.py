"""The ruler, before anything is spent: the least change in a gap class that the sealed rows can show.

Belongs here: bringing the vault's counts and the card's wish to `measures.power`, and saying in words what comes back.
"""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from careful_assets.card.models import Card

POWER = 0.8
_RULER: dict[str, type[pl.DataType]] = {
    "label": pl.String, "rows": pl.Int64, "groups": pl.Int64, "design_effect": pl.Float64, "effective_rows": pl.Int64,
    "discordant_share": pl.Float64, "visible_change": pl.Float64, "wished_change": pl.Float64, "more_rows": pl.Int64,
}  # fmt: skip


def ruler_frame(card: Card, vault_counts: pl.DataFrame) -> pl.DataFrame:
    """`purpose.ruler`: one row a gap class, in the card's order.

    Args:
        card: its `evaluation.ruler` holds the wish and the assumptions.
        vault_counts: `anchors.vault_counts`: label, n, groups, sum_of_squares; a class that is not in it has no rows.
    """
    from careful_assets.measures.power import INTRA_GROUP_CORRELATION, ruler  # scipy is not for the definitions to load

    wish = card.evaluation.ruler
    correlation = INTRA_GROUP_CORRELATION if wish.intra_group_correlation is None else wish.intra_group_correlation
    counts = {
        label: sizes for label, *sizes in vault_counts.select("label", "n", "groups", "sum_of_squares").iter_rows()
    }
    rows: list[dict[str, object]] = []
    for gap in card.purpose.gap:
        n, groups, squares = counts.get(gap.label, (0, 0, 0))
        found = ruler(n, groups, squares, wish.visible_change, wish.discordant_share, correlation)
        rows.append({"label": gap.label} | {name: getattr(found, name) for name in _RULER if name != "label"})
    return pl.DataFrame(rows, schema=_RULER, orient="row")


def sees_the_wish(row: dict[str, Any]) -> bool:
    """Whether a row of `purpose.ruler` shows the change that the card wishes to see."""
    return row["visible_change"] is not None and row["visible_change"] <= row["wished_change"]


def in_words(row: dict[str, Any], vault_percent: int) -> str:
    """What a row of `purpose.ruler` says, and how many real rows it lacks; `vault_percent` of the groups are sealed."""
    rows = (
        f"{row['rows']:,} sealed rows of {row['groups']:,} groups count as {row['effective_rows']:,} independent ones"
    )
    share = f"{row['discordant_share']:g}"
    if row["visible_change"] is None:
        seen = (
            f"cannot be seen with {row['effective_rows']:,} effective rows: no change up to {share} reaches a power of"
        )
        said = f"a change in its recall {seen} {POWER:g}"
    else:
        # Rounded up, so that the figure never promises more than there is.
        visible = math.ceil(row["visible_change"] * 1000 - 1e-9) / 1000
        said = f"a change in its recall can be seen from {visible:.3f} on, if predictors differ on {share} of the rows"
    wish = f"the card wishes to see {row['wished_change']:g}, {_lacking(row, vault_percent)}"
    return f"{row['label']}: {rows}; {said}; {wish}"


def _lacking(row: dict[str, Any], vault_percent: int) -> str:
    if sees_the_wish(row):
        return "which it can"
    if row["more_rows"] is None:
        return "and not even a million rows more would show it"
    collected = math.ceil(row["more_rows"] * 100 / vault_percent)
    return (
        f"which takes {row['more_rows']:,} more sealed real rows of the class, about {collected:,} collected ones at "
        f"{vault_percent} percent sealed"
    )
