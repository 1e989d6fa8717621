"""Coverage of real by round and stratum: what each round, on top of those before it, brought near the real rows.

Belongs here: which rows are compared. Does not belong here: the measure itself (`measures.coverage`), and what
generation makes of it.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from careful_assets.measures.coverage import LEAST_REAL, RealSpace, measurable

_COVERAGE = {"round": pl.Int32, "stratum": pl.String, "coverage": pl.Float64, "coverage_noise": pl.Float64}


def with_coverage(
    rounds: pl.DataFrame, kept: pl.DataFrame, anchors: pl.DataFrame, cut: Collection[int] = ()
) -> tuple[pl.DataFrame, list[str]]:
    """The rounds with `coverage` and `coverage_noise`, both of the union of rounds up to and including each.

    Compared with a stratum's kept rows are the anchors of its label in the train split: never a holdout row, which
    other measures compare with, and none of the vault. A stratum with too few of them has nulls, and so
    has a round that people cut: what it brought by itself can no longer be told.

    Args:
        rounds: round, stratum and further columns, one row each.
        kept: round, stratum and text of the rows that passed every gate.
        anchors: text, label and split.
        cut: rounds of which people excluded or erased rows.

    Returns:
        The rounds, in their order, and a line a stratum on what its coverage was measured with.
    """
    train = anchors.filter(pl.col("split") == "train")
    measured, told = [], []
    for stratum in sorted(set(rounds["stratum"])):
        real = train.filter(pl.col("label") == stratum)["text"].to_list()
        if not measurable(real):
            told.append(f"{stratum}: not measured, its train anchors with a word are fewer than {LEAST_REAL}")
            continue
        space = RealSpace(real)
        numbers = sorted(set(rounds.filter(pl.col("stratum") == stratum)["round"]))
        own = kept.filter(pl.col("stratum") == stratum)
        texts = [own.filter(pl.col("round") == number)["text"].to_list() for number in numbers]
        found = zip(numbers, space.coverage(texts), strict=True)
        measured += [(number, stratum, one.value, one.noise) for number, one in found if number not in cut]
        told.append(f"{stratum}: {space.rows} train anchors, {space.dimensions} dimensions, radius {space.radius:.3f}")
    coverage = pl.DataFrame(measured, schema=_COVERAGE, orient="row")
    return rounds.join(coverage, on=["round", "stratum"], how="left", maintain_order="left"), told
