"""Bias, from the start: how the real rows are spread over the groups that the card names, and labelled within them.

The reference that later gates hold generated rows against. Sealed rows are not in it: their attributes stay in the
vault. Belongs here: rates with intervals from counts. Does not belong here: the counting, which is SQL.
"""

from __future__ import annotations

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.measures.intervals import wilson

MOST_VALUES = 1_000
LONGEST_VALUE = 100
_BIAS: dict[str, type[pl.DataType]] = {
    "attribute": pl.String, "value": pl.String, "label": pl.String, "n": pl.Int64, "of": pl.Int64, "rate": pl.Float64,
    "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def bias_frame(shares: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """`purpose.bias`: the share of each value (label null), and of each label given the value, with 95% intervals.

    The intervals are Wilson's (1927), by row; rows of one group are alike, so that they are somewhat too narrow.

    Args:
        shares: the model `purpose/attribute_shares`: attribute, value, n, total.
        labels: the model `purpose/attribute_labels`: attribute, value, label, n, total.

    Raises:
        StageFailed: an attribute has more values than shares can be told of, or values that are no group's name.
    """
    _refuse_what_names_no_groups(shares)
    counts = pl.concat([shares.with_columns(label=pl.lit(None, pl.String)).select(labels.columns), labels])
    rows = []
    for attribute, value, label, n, total in counts.iter_rows():
        rate = wilson(n, total)
        rows.append((attribute, value, label, n, total, rate.value, rate.low, rate.high))
    return pl.DataFrame(rows, schema=_BIAS, orient="row").sort("attribute", "value", "label", nulls_last=False)


def _refuse_what_names_no_groups(shares: pl.DataFrame) -> None:
    remedy = "name a column of groups in anchors.source.columns.attributes, or drop this one, and materialize again"
    for attribute, values in shares.group_by("attribute").len().sort("attribute").iter_rows():
        if values > MOST_VALUES:
            raise StageFailed(
                f"purpose: the attribute {attribute!r} has {values:,} values, more than {MOST_VALUES:,}: the share of "
                f"no group can be told; {remedy}"
            )
    long = shares.filter(pl.col("value").str.len_chars() > LONGEST_VALUE)["attribute"].unique().sort().to_list()
    if long:
        raise StageFailed(
            f"purpose: the attribute {long[0]!r} holds values of more than {LONGEST_VALUE} characters: that is text, "
            f"not the name of a group; {remedy}"
        )
