"""The ruler's own quality: how much a class's rows can show, what stands in it twice, where its raters disagreed.

Belongs here: `evaluation.ruler` and what people are advised of it. Does not belong here: counting inside of the vault,
which is the probe's, and whether the ruler can see the change that its owner wishes to see (the purpose room).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from careful_assets.measures.intervals import wilson
from careful_assets.provenance.verdicts import Check, CheckView, Verdict

RULER: dict[str, type[pl.DataType]] = {
    "set_name": pl.String, "origin": pl.String, "label": pl.String, "rows": pl.Int64, "groups": pl.Int64,
    "half_width": pl.Float64, "exact_copies": pl.Int64, "near_copies": pl.Int64, "rated_rows": pl.Int64,
    "disagreement": pl.Float64,
}  # fmt: skip
FEWEST_ROWS = 10
"""Of a class: the vault answers nothing about fewer."""
MOST_COPIES = 0.05
"""Of a class's rows those that stand in it more than once: beyond it, a score counts some rows' outcome twice."""
MOST_DISAGREEMENT = 0.8
"""Mean share of a row's votes that are not for its commonest one: beyond it hardly two raters say the same."""


def ruler_rows(quality: pl.DataFrame) -> pl.DataFrame:
    """`evaluation.ruler` from what `VaultProbe.quality` counts.

    `half_width`: of the 95% interval (Wilson 1927) of a share of the class's rows, at its widest, as if they were
    independent; rows of few groups show less.
    """
    widths = [_half_width(rows) for rows in quality["rows"].to_list()]
    with_widths = quality.with_columns(half_width=pl.Series(widths, dtype=pl.Float64))
    return with_widths.select([pl.col(name).cast(kind) for name, kind in RULER.items()]).sort("set_name", "label")


def _half_width(rows: int) -> float | None:
    widest = wilson(rows // 2, rows)
    return None if widest.low is None or widest.high is None else (widest.high - widest.low) / 2


def ruler_is_sound(view: CheckView) -> Verdict:
    """Advice: no class of the ruler is too small to be answered, full of copies, or a matter of opinion."""
    rows = view.table("evaluation.ruler")
    if rows.is_empty():
        return Verdict(False, "the ruler's quality was not measured; materialize evaluation again", {"classes": 0})
    wrong = [words for row in rows.sort("set_name", "label").iter_rows(named=True) for words in _faults(row)]
    evidence = {"classes": rows.height, "wrong": len(wrong)}
    if wrong:
        remedy = "collect more real rows of these classes, or read scores on them with that in mind"
        return Verdict(False, f"{'; '.join(wrong[:6])}{' and more' if len(wrong) > 6 else ''}; {remedy}", evidence)
    return Verdict(True, f"{rows.height} classes: none too small, doubled or disputed", evidence)


def _faults(row: Mapping[str, Any]) -> Iterator[str]:
    where = row["label"] if row["origin"] == "real" else f"{row['label']} of set {row['set_name']}"
    if row["rows"] < FEWEST_ROWS:
        yield f"{where}: {row['rows']} rows"
    copies = max(row["exact_copies"], row["near_copies"])
    if copies > MOST_COPIES * row["rows"]:
        yield f"{where}: {copies} of {row['rows']} rows are copies of others"
    if row["disagreement"] is not None and row["disagreement"] > MOST_DISAGREEMENT:
        yield f"{where}: {row['disagreement']:.0%} of the votes differ from the row's commonest one"


RULER_CHECKS = (
    Check("ruler_is_sound", 1, "EA", "Can each class of the ruler carry a score?", ruler_is_sound, severity="warn"),
)
