"""From the vault's verdict counts to scores with intervals: recall a class, precision of the gap, accuracy a slice.

Synthetic sets are scored apart, and told by how far they are from the real rows; never averaged with them.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.measures.differences import newcombe
from careful_assets.measures.intervals import Interval, group_bootstrap, paired_group_bootstrap
from careful_assets.provenance.digests import canonical
from careful_assets.warehouse.vault_scorer import SET_SLICE

GAP = "gap to "
"""Before a synthetic set's name: how much better a predictor does on the real rows than on that set."""
_CONFIG = canonical({"interval": "percentile bootstrap over groups, 95%", "repetitions": 1000})
_GAP_CONFIG = canonical({"interval": "hybrid score for two independent samples, 95%", "rows": "as if independent"})


def scores_of(verdicts: pl.DataFrame, predictor: str, gap_labels: list[str], seed: int) -> list[dict[str, Any]]:
    """One predictor's scores.

    Args:
        verdicts: predictor, slice, group_digest, label, predicted, n, as the vault's scorer gives them.
        predictor: whose rows to score.
        gap_labels: the classes whose precision is wanted as well.
        seed: of the bootstrap.

    Returns:
        Rows of slice, name, value, low, high, n, config.
    """
    own = verdicts.filter(pl.col("predictor") == predictor)
    return [_row(part, name, group_bootstrap(counts, seed)) for part, name, counts in _counts(own, gap_labels)]


def differences_of(
    verdicts: pl.DataFrame, predictor: str, reference: str, gap_labels: list[str], seed: int
) -> list[dict[str, Any]]:
    """How much better `predictor` does than `reference` on the same rows: recalls and accuracies, paired by group."""
    own = _counts(verdicts.filter(pl.col("predictor") == predictor), [])
    other = _counts(verdicts.filter(pl.col("predictor") == reference), [])
    return [
        _row(part, name, paired_group_bootstrap(_paired(counts, baseline), seed))
        for (part, name, counts), (_, _, baseline) in zip(own, other, strict=True)
    ]


def gaps_of(verdicts: pl.DataFrame, predictor: str) -> list[dict[str, Any]]:
    """A predictor's accuracy on all real rows minus that on each synthetic set, as rows of `scores_of`.

    The two are independent samples, told by Newcombe's hybrid score interval, as if their rows were independent.
    `n` counts the rows of both.
    """
    right = pl.when(pl.col("label") == pl.col("predicted")).then(pl.col("n")).otherwise(0).sum()
    own = verdicts.filter(pl.col("predictor") == predictor).group_by("slice").agg(hits=right, n=pl.col("n").sum())
    counts = {part: (hits, n) for part, hits, n in own.sort("slice").iter_rows()}
    return [
        _row(part, GAP + part.removeprefix(SET_SLICE), newcombe(*counts["all"], *own_counts), _GAP_CONFIG)
        for part, own_counts in counts.items()
        if part.startswith(SET_SLICE) and "all" in counts
    ]


def _paired(counts: pl.DataFrame, baseline: pl.DataFrame) -> pl.DataFrame:
    """Both predictors' hits by group; they saw the same rows, so groups and n are the same."""
    return counts.join(baseline.select("group", pl.col("hits").alias("baseline_hits")), on="group").sort("group")


def _counts(verdicts: pl.DataFrame, gap_labels: list[str]) -> list[tuple[str, str, pl.DataFrame]]:
    """By slice and score: group, hits and n. Recall by class on all rows, accuracy on each slice."""
    right = pl.col("label") == pl.col("predicted")
    everything = verdicts.filter(pl.col("slice") == "all")
    found = [
        ("all", f"recall of {label}", _by_group(everything.filter(pl.col("label") == label), right))
        for label in sorted(everything["label"].unique().to_list())
    ]
    found += [
        ("all", f"precision of {label}", _by_group(everything.filter(pl.col("predicted") == label), right))
        for label in gap_labels
    ]
    found += [
        (part, "accuracy", _by_group(verdicts.filter(pl.col("slice") == part), right))
        for part in sorted(verdicts["slice"].unique().to_list())
    ]
    return found


def _by_group(verdicts: pl.DataFrame, right: pl.Expr) -> pl.DataFrame:
    hits = pl.when(right).then(pl.col("n")).otherwise(0).sum().alias("hits")
    return (
        verdicts.group_by("group_digest").agg(hits, pl.col("n").sum()).rename({"group_digest": "group"}).sort("group")
    )


def _row(part: str, name: str, interval: Interval, config: str = _CONFIG) -> dict[str, Any]:
    return {
        "slice": part,
        "name": name,
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "config": config,
    }
