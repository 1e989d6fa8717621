"""Group balance: whether gates refuse the rows of one group more than those of others.

Belongs here: what a row counts as, shares before and after each gate beside the anchors', and which gates tilt them.
Does not belong here: the counting, which is SQL.

A generated row bears no group of its own. It counts for the label it was asked for, for its band of length, and for
each value of an attribute that the card names by the share of its parents that bear it.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from careful_assets.filtering.gates import RESERVED
from careful_assets.measures.differences import newcombe
from careful_assets.text.normalize import tokens
from careful_assets.warehouse.models import run_model_over

WHOLE = 1_000_000  # a row's weight
LONG, TERSE = 30, 8  # tokens, as the demo card's slices have them
_NOTHING_LOST = ("exact_duplicate",)  # of equal rows one stands: what it refuses tells of the generator alone
_TRAITS = {
    "row_id": pl.String, "label": pl.String, "attribute": pl.String, "value": pl.String, "weight": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Tilt:
    """A gate that keeps less than four fifths of a value's share of rows; rows in and out, of the value and others."""

    gate: str
    attribute: str
    value: str
    kept: tuple[int, int]
    others: tuple[int, int]

    def in_words(self) -> str:
        """Gate, value and both counts."""
        return (
            f"{self.gate} keeps {self.kept[0]} of {self.kept[1]} rows of {self.attribute} {self.value}, "
            f"{self.others[0]} of {self.others[1]} others"
        )


def traits(rows: pl.DataFrame, parents: pl.DataFrame, attributes: pl.DataFrame) -> pl.DataFrame:
    """`filtering.traits`: what each row counts as, in millionths of a row.

    Args:
        rows: row_id, label and text.
        parents: row_id and parent_id, one row a pair; a real row is its own parent.
        attributes: `anchors.attributes`: row_id, attribute and value.
    """
    own = [(row_id, label, "label", label, WHOLE) for row_id, label, _ in rows.iter_rows()]
    own += [(row_id, label, "length", _band(text), WHOLE) for row_id, label, text in rows.iter_rows()]
    shares = parents.with_columns(weight=WHOLE // pl.len().over("row_id"))
    inherited = (
        shares.join(attributes.rename({"row_id": "parent_id"}), on="parent_id")
        .join(rows.select("row_id", "label"), on="row_id")
        .group_by("row_id", "label", "attribute", "value")
        .agg(pl.col("weight").sum().cast(pl.Int64))
    )
    found = pl.concat([pl.DataFrame(own, schema=_TRAITS, orient="row"), inherited.select(list(_TRAITS))])
    return found.sort("row_id", "attribute", "value")


def balance(decisions: pl.DataFrame, generated: pl.DataFrame, real: pl.DataFrame) -> pl.DataFrame:
    """`filtering.balance`: each value's share before and after each gate, and among the anchors.

    Rows without a label are shares of a value; those with one are rates of the label given the value.

    Args:
        decisions: `filtering.decisions`.
        generated: the candidates' traits.
        real: the anchors' traits, of the labels that are generated: others are no reference.
    """
    flow = run_model_over(
        {"filtering.decisions": decisions, "filtering.traits": generated}, "filtering/balance_flow"
    ).with_columns(share_before=_share("before", "of_before"), share_after=_share("after", "of_after"))
    reference = run_model_over({"filtering.traits": real}, "filtering/balance_reference")
    key = ["attribute", "value", "label"]
    shares = reference.select(*key, anchors_share=_share("weight", "of_weight"))
    joined = flow.join(shares, on=key, how="left", nulls_equal=True)
    return joined.sort("position", *key, nulls_last=False)


def tilts(table: pl.DataFrame) -> list[Tilt]:
    """The gates and values for which fewer rows are kept, by the four-fifths rule (29 CFR 1607.4(D)).

    Named is a value whose rate of kept rows is under four fifths of the others', where the interval of the difference
    (Newcombe 1998) excludes equality at 95%, shared out over the comparisons (Bonferroni). Inherited values are rounded
    to whole rows. Exact copies are left out: the row that they copy stands. So is what people excluded.

    Args:
        table: `filtering.balance`.
    """
    pairs = []
    judged = table.filter(pl.col("label").is_null() & ~pl.col("gate").is_in([*_NOTHING_LOST, *RESERVED]))
    for row in judged.iter_rows(named=True):
        before, after, of_before, of_after = (
            round(row[name] / WHOLE) for name in ("before", "after", "of_before", "of_after")
        )
        kept, others = (after, before), (max(of_after - after, 0), max(of_before - before, 0))
        if kept[1] > 0 and others[1] > 0 and kept[0] <= kept[1] and others[0] <= others[1]:
            pairs.append(Tilt(row["gate"], row["attribute"], row["value"], kept, others))
    level = 1 - 0.05 / max(1, len(pairs))
    return [pair for pair in pairs if _under_four_fifths(pair) and _surely_less(pair, level)]


def _under_four_fifths(tilt: Tilt) -> bool:
    return 5 * tilt.kept[0] * tilt.others[1] < 4 * tilt.others[0] * tilt.kept[1]


def _surely_less(tilt: Tilt, level: float) -> bool:
    low = newcombe(*tilt.others, *tilt.kept, level=level).low
    return low is not None and low > 0


def _share(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _band(text: str) -> str:
    n = len(tokens(text))
    if n < TERSE:
        return f"under {TERSE} tokens"
    return f"{TERSE} to {LONG - 1} tokens" if n < LONG else f"{LONG} tokens and more"
