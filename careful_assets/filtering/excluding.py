"""Which candidates the standing exclusions take out, and the gate that refuses them.

Belongs here: ranges and descent laid out for the SQL model that finds the rows. Does not belong here: what is asked for
and recorded (`exclusions`).
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from careful_assets.filtering.exclusions import Known, seed_range
from careful_assets.filtering.gates.excluded import Excluded
from careful_assets.filtering.material import Material
from careful_assets.filtering.settings import SetGate
from careful_assets.llm.requests import SEEDS
from careful_assets.provenance.descent import FITTED_FAMILY, UNKNOWN_FAMILY
from careful_assets.provenance.stage import Inputs
from careful_assets.warehouse.models import run_model_over

_EXCLUDING: dict[str, pl.DataType | type[pl.DataType]] = {
    "seq": pl.Int64, "kind": pl.String, "item": pl.String, "first_seed": pl.Int64, "last_seed": pl.Int64,
}  # fmt: skip
# Rows that came in a file were drawn by nobody's seed: the one on record is a stand-in.
_SEED = pl.when(pl.col("generator_family") != UNKNOWN_FAMILY).then(pl.col("seed")).alias("seed")
_PAIRS: dict[str, pl.DataType | type[pl.DataType]] = {"row_id": pl.String, "ancestor": pl.String}


def known(inputs: Inputs, material: Material) -> Known:
    """What an exclusion may name."""
    own = material.candidates.select("row_id", "request_id", "ordinal")
    drawn = own.join(material.requests.select("request_id", _SEED), on="request_id")
    generated = drawn.select("row_id", seed=(pl.col("seed") + pl.col("ordinal")) % SEEDS)
    erased = inputs.erased("anchor") | inputs.erased("candidate") | inputs.erased("request")
    real = frozenset(inputs.table("anchors.rows")["row_id"].to_list())
    return Known(material.requests, generated, real, inputs.table("filtering.exclusions"), erased)


def excluded_rows(
    standing: pl.DataFrame, candidates: pl.DataFrame, requests: pl.DataFrame, exemplars: Collection[str]
) -> pl.DataFrame:  # fmt: skip
    """The candidates that exclusions take out: row_id, and kind and seq of the first exclusion that does.

    Args:
        standing: the model `filtering/standing_exclusions`.
        candidates: row_id, request_id and ordinal.
        requests: `generation.requests`.
        exemplars: ids of the rows that are or were exemplars: a model that was fitted to them learned from each.
    """
    rows = []
    for seq, kind, item in standing.select("seq", "kind", "item").iter_rows():
        first, last = seed_range(item) if kind == "seed" else (None, None)
        rows.append((seq, kind, item, first, last))
    excluding = pl.DataFrame(rows, schema=_EXCLUDING, orient="row")
    tables = {
        "generation.candidates": candidates.select("row_id", "request_id", "ordinal"),
        "generation.requests": requests.drop("parent_ids").with_columns(_SEED),
        "excluding": excluding,
        "row_ancestors": _descent(excluding.filter(kind="anchor")["item"].to_list(), candidates, requests, exemplars),
    }
    return run_model_over(tables, "filtering/excluded_rows", {"seeds": SEEDS})


def excluding_gates(standing: pl.DataFrame, material: Material) -> list[SetGate]:
    """The gate before the profile's: none where nothing is excluded. `standing`: as of `excluded_rows`."""
    if standing.is_empty():
        return []
    found = excluded_rows(standing, material.candidates, material.requests, material.exemplars)
    return [SetGate(Excluded({row_id: (kind, seq) for row_id, kind, seq in found.iter_rows()}), None)]


def _descent(
    ancestors: list[str], candidates: pl.DataFrame, requests: pl.DataFrame, exemplars: Collection[str]
) -> pl.DataFrame:  # fmt: skip
    """Each of these rows with every candidate that it is a parent of, or a parent's parent and so on.

    An exemplar, shown or not, is a parent of all rows of a model that was fitted to the exemplars.
    """
    asked = requests.select("request_id", pl.col("parent_ids").alias("parent")).explode("parent").drop_nulls()
    pairs = candidates.select("row_id", "request_id").join(asked, on="request_id").select("row_id", "parent")
    by_fitted = requests.filter(pl.col("generator_family") == FITTED_FAMILY).select("request_id")
    fitted = set(candidates.join(by_fitted, on="request_id", how="semi")["row_id"])
    found = [pl.DataFrame(schema=_PAIRS)]
    for ancestor in ancestors:
        newest = reached = {ancestor} | (fitted if ancestor in exemplars else set())
        while newest:
            children = set(pairs.filter(pl.col("parent").is_in(list(newest)))["row_id"])
            newest = children - reached
            reached = reached | newest
        rows = [(row_id, ancestor) for row_id in sorted(reached - {ancestor})]
        found.append(pl.DataFrame(rows, schema=_PAIRS, orient="row"))
    return pl.concat(found)
