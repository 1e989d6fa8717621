"""What the anchors asset's page shows: counts and digests, never a row."""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.anchors.discovery import Discovery
from careful_assets.anchors.grouping import NEAR_THOUSANDTHS, different_texts
from careful_assets.provenance.stage import StageContext
from careful_assets.text import near_texts
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.staging import Staging
from careful_assets.warehouse.tables import Table
from careful_assets.warehouse.vault import Sealed

_SIDES = ("exemplar", "train", "holdout", "aside")


def shown(
    context: StageContext, staging: Staging, tables: dict[str, Table], discovery: Discovery, sealed: Sealed
) -> dict[str, Any]:
    """Titles and values, in the order in which somebody asks: what is it, where does it lie, what changed."""
    card = context.card.anchors
    sources, changes, drift, contract = (
        _frame(tables, f"anchors.{name}") for name in ("sources", "changes", "drift", "contract")
    )
    source = sources.row(-1, named=True)
    with staging.opened() as con:
        by_bands = different_texts(con) > near_texts.EXACT_TEXTS
        counts = {(side, label): n for side, label, n in run_model(con, "anchors/open_counts").iter_rows()}
    vault = dict(sealed.counts.select("label", "n").iter_rows())
    page: dict[str, Any] = {
        "rows by label and split": [
            {"label": label, **{side: counts.get((side, label), 0) for side in _SIDES}, "vault": vault.get(label, 0)}
            for label in card.labels
        ],
        "source": f"{card.name}, licence {card.licence}; owner {source['owner']}",
        "source sha256": source["sha256"],
        "vintage": f"{card.vintage}",
        "groups": _groups(source, card.source.kind, discovery),
        "joined groups": f"{source['joined_groups']:,}, because they share {_shared(card.split.join, by_bands)}",
        "sealed real rows": sealed.rows,
        "sealed earlier": f"{sealed.kept:,} rows that are no longer in the source",
        "registry state": sealed.registry_state,
        "contract": contract_table(contract),
    }
    if sealed.again:
        page["sealed again"] = (
            "The vault on record was gone, and the same rows were sealed in a new one. Its key is another: digests of "
            "sealed rows in earlier records are those of the lost vault. If nobody removed it, restore it from a backup"
        )
    further = _frame(tables, "anchors.evaluation_sets").filter(origin="synthetic")
    if further.height:
        page["further sets, scored apart"] = further.select("set_name", "dataset", "version", "rows").to_dicts()
    drift = drift.filter(pl.col("vintage") == card.vintage)
    if discovery.considered:
        page["columns that may tell groups"] = discovery.considered
    if drift.height:
        page["drift from the vintage before"] = drift.select("name", "value", "threshold").to_dicts()
        page["changes of this vintage"] = _changes(changes.filter(pl.col("vintage") == card.vintage))
    return page


def _frame(tables: dict[str, Table], name: str) -> pl.DataFrame:
    frame = tables[name]
    assert isinstance(frame, pl.DataFrame)
    return frame


def _groups(source: dict[str, Any], kind: str, discovery: Discovery) -> str:
    if discovery.column is not None:
        return f"{source['groups']:,}, by the column {discovery.column!r}, which was found by its name and its values"
    return f"{source['groups']:,}"


def _shared(join: str, by_bands: bool) -> str:
    if join == "exact":
        return "a text; near copies were not looked for"
    near = f"a text, or a near copy of one (Jaccard similarity from {NEAR_THOUSANDTHS / 1000} on)"
    missed = "; among so many texts about one pair in a hundred of similarity 0.7 is missed, fewer of those more alike"
    return near + missed if by_bands else near


def contract_table(contract: pl.DataFrame) -> str | list[dict[str, Any]]:
    """What was expected of the rows, and how many fail it. `contract`: `anchors.contract`."""
    if contract.is_empty():
        return "the card names none"
    # Words instead of names, which the page could not break.
    return [
        {
            "column": row["column_name"],
            "is expected": row["type"].removeprefix("expect_").removeprefix("column_").replace("_", " "),
            "severity": row["severity"],
            "rows that fail": row["unexpected"],
            "holds": row["passed"],
        }
        for row in contract.sort("expectation").iter_rows(named=True)
    ]


def _changes(changes: pl.DataFrame) -> list[dict[str, Any]] | str:
    counted = changes.group_by("change", "split").len("rows").sort("change", "split")
    return counted.to_dicts() or "none"
