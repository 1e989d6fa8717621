"""Leaks by lineage: what candidates and sealed sets have in common by their records, whatever their texts say.

Belongs here: gathering the records for the models of `dbt_like_sql/models/evaluation/`, and asking the vault which of
their ids are sealed. Does not belong here: what must hold of it (`lineage_checks`), texts. Seeds that two sets share
are no leak: another model makes other rows of them; they are on record in `anchors.set_lineage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import polars as pl

from careful_assets.provenance.descent import FITTED_FAMILY, UNKNOWN_FAMILY
from careful_assets.provenance.stage import Inputs
from careful_assets.warehouse.models import run_model_over
from careful_assets.warehouse.vault_probe import VaultProbe

LINEAGE: dict[str, type[pl.DataType]] = {
    "set_name": pl.String, "kind": pl.String, "item": pl.String, "rows": pl.Int64,
}  # fmt: skip
SEALED_PARENT, SEALED_EXEMPLAR, SEALED_SET_PARENT = "sealed_parent", "sealed_exemplar", "sealed_set_parent"


class Source(Protocol):
    """A stage's inputs, or what a check may look at."""

    def model(self, name: str) -> pl.DataFrame:
        """The rows of a SQL model over the warehouse."""
        ...


@dataclass(frozen=True)
class Records:
    """What is on record of the generated rows and of the sealed sets.

    Attributes:
        makers: request_id, generator_family, generator_digest, prompt_sha256, made (how many rows).
        parentage: request_id, parent_id.
        exemplars: row_id of the rows that are or were exemplars.
        set_lineage: set_name, kind, item.
    """

    makers: pl.DataFrame
    parentage: pl.DataFrame
    exemplars: pl.DataFrame
    set_lineage: pl.DataFrame

    @classmethod
    def gather(cls, source: Source, set_lineage: pl.DataFrame) -> Records:
        """From the warehouse. `set_lineage`: the table of that name."""
        made = source.model("evaluation/makers")
        parentage = made.select("request_id", parent_id="parent_ids").explode("parent_id").drop_nulls()
        return cls(made.drop("parent_ids"), parentage, source.model("provenance/exemplars_ever"), set_lineage)

    @property
    def ids(self) -> list[str]:
        """The ids that must not be sealed ones: parents of generated rows, exemplars, and parents of sets."""
        of_sets = self.set_lineage.filter(kind="parent")["item"]
        return pl.concat([self.parentage["parent_id"], self.exemplars["row_id"], of_sets]).unique().sort().to_list()


def lineage_leaks(inputs: Inputs, probe: VaultProbe) -> pl.DataFrame:
    """`evaluation.lineage_leaks`, from the records alone.

    Returns:
        set_name, kind, item, rows (how many generated rows it concerns). By kind the item is: `generator_family`,
        `generator`, `prompt`, `parent`, `row`: what a synthetic set shares with generated rows, by name, digest or id;
        `unrecorded`: what is not on record of a set; `sealed_parent`, `sealed_exemplar`, `sealed_set_parent`: a sealed
        row that one of them is, by keyed digest.

    Raises:
        StageFailed: the vault refuses to answer.
    """
    set_lineage = inputs.table("anchors.set_lineage")
    records = Records.gather(inputs, set_lineage)
    found = [shared_by_records(inputs, records), _sealed(records, probe.sealed_among(records.ids))]
    return pl.concat(found).unique().sort("set_name", "kind", "item")


def shared_by_records(source: Source, records: Records) -> pl.DataFrame:
    """What can be told without the vault; columns as `lineage_leaks`."""
    tables = {
        "makers": records.makers,
        "parentage": records.parentage,
        "exemplars": records.exemplars,
        "anchors.set_lineage": records.set_lineage,
    }
    families = {"unknown": UNKNOWN_FAMILY, "fitted": FITTED_FAMILY}
    shared = run_model_over(tables, "evaluation/shared_makers", families)
    found = [
        _typed(shared),
        _typed(source.model("evaluation/generated_in_sets")),
        _typed(source.model("evaluation/unrecorded_sets")),
    ]
    return pl.concat(found).group_by("set_name", "kind", "item").agg(pl.col("rows").max()).sort(pl.all())


def _sealed(records: Records, sealed: pl.DataFrame) -> pl.DataFrame:
    """`sealed`: id, eval_row_digest, set_name, as `VaultProbe.sealed_among` answers."""
    made = records.makers.group_by("request_id").agg(pl.col("made").sum())
    by_parent = records.parentage.unique().join(made, on="request_id").group_by("parent_id").agg(pl.col("made").sum())
    fitted = int(records.makers.filter(generator_family=FITTED_FAMILY)["made"].sum())
    exemplars = records.exemplars.select(id="row_id", made=pl.lit(fitted, pl.Int64))
    of_sets = records.set_lineage.filter(kind="parent").select(id="item", made=pl.lit(0, pl.Int64)).unique()
    asked = {
        SEALED_PARENT: by_parent.rename({"parent_id": "id"}),
        SEALED_EXEMPLAR: exemplars,
        SEALED_SET_PARENT: of_sets,
    }
    return pl.concat(
        _typed(sealed.join(ids, on="id").select("set_name", "made", kind=pl.lit(kind), item="eval_row_digest"))
        for kind, ids in asked.items()
    )


def _typed(found: pl.DataFrame) -> pl.DataFrame:
    return found.rename({"made": "rows"}).select(pl.col(name).cast(kind) for name, kind in LINEAGE.items())
