"""Anchors: read the real rows, deal them out by group, seal the evaluation side before any prompt is rendered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from careful_assets.anchors.dealing import deal
from careful_assets.anchors.discovery import Discovery
from careful_assets.anchors.drift import drift_of, profile_of
from careful_assets.anchors.evaluation_sets import readable_sets, refuse_copies, seal_sets, set_tables
from careful_assets.anchors.grouping import NEAR_THOUSANDTHS, assign_groups, cluster_texts
from careful_assets.anchors.loading import Loaded, contract_fails, load, open_failures
from careful_assets.anchors.page import contract_table, shown
from careful_assets.anchors.sealing import mark_rows
from careful_assets.anchors.vintages import (
    all_changes,
    earlier_sources,
    recall,
    refuse_silent_change,
    settings_text,
    settle,
)
from careful_assets.card.anchors import Anchors
from careful_assets.provenance.digests import sha256
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.provenance.stages import TABLES
from careful_assets.text import near_texts
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.staging import Staging
from careful_assets.warehouse.tables import Table
from careful_assets.warehouse.vault import Sealed, VaultSealer
from careful_assets.warehouse.vault_near import Near
from careful_assets.warehouse.vault_sets import OWN


def seal_and_split(context: StageContext, inputs: Inputs, vault_sealer: VaultSealer) -> Outcome:
    """The anchors stage: all rows but the vault's go to `anchors.rows`; of the vault's, only counts do."""
    card = context.card.anchors
    earlier, erased = earlier_sources(inputs, card), inputs.erased("anchor")
    sets = readable_sets(context)
    staging = Staging(context.scratch)
    loaded = load(context, staging, erased)
    refuse_silent_change(inputs, card, loaded.digest)
    if contract_fails(loaded.findings):
        return _as_before(inputs, staging, loaded)
    refuse_copies(staging, sets)
    near = Near(NEAR_THOUSANDTHS, near_texts) if card.split.join == "near" else None
    with staging.opened() as con:
        recall(con, inputs, card.vintage, erased)
        discovery = assign_groups(con, _settled_column(inputs.table("anchors.sources").sort("vintage"), card))
    cluster_texts(staging, card, context.scratch)
    kin = vault_sealer.kin(staging.path, near)
    with staging.opened() as con:
        deal(con, card.split, kin, context.scratch)
        mark_rows(con, context.card.evaluation.slices)
    sealed = vault_sealer.seal(staging.path, card.vintage, near, _known_state(inputs))
    further = seal_sets(vault_sealer, sets)
    sealed = replace(sealed, registry_state=further.registry_state)
    tables = _tables(context, inputs, staging, earlier, loaded, discovery, sealed)
    tables |= set_tables(further, sealed.rows)
    told = {"erased": loaded.erased} if erased else {}
    return Outcome(tables, shown(context, staging, tables, discovery, sealed) | told)


def _as_before(inputs: Inputs, staging: Staging, loaded: Loaded) -> Outcome:
    """Rows that fail their contract are neither dealt out nor sealed, since neither can be undone."""
    before: dict[str, Table] = {}
    with staging.opened() as con:
        for name in (table.name for table in TABLES["anchors"]):
            copy = f"staged.former_{name.partition('.')[2]}"
            inputs.copy_into(con, name, copy)
            before[name] = staging.table(copy.partition(".")[2])
    before |= {"anchors.contract": loaded.findings, "anchors.contract_failures": loaded.failures}
    return Outcome(before, {"contract": contract_table(loaded.findings), "dealt out": "nothing: the contract fails"})


def _contrasts(texts: pl.Series) -> pl.DataFrame:
    """Each different text of another kind that came with the anchors, under its digest."""
    rows = {sha256(text): text for text in texts.to_list()}
    return pl.DataFrame({"row_id": rows.keys(), "text": rows.values()}, schema={"row_id": pl.String, "text": pl.String})


def _settled_column(sources: pl.DataFrame, card: Anchors) -> str | None:
    """The column that was discovered earlier, also for this vintage, unless the card names one now."""
    columns = getattr(card.source, "columns", None)
    named = columns is None or columns.group is not None
    return None if named or sources.is_empty() else sources["group_column"][-1]


def _known_state(inputs: Inputs) -> str | None:
    own = inputs.table("anchors.evaluation_sets").filter(set_name=OWN)["set_digest"].to_list()
    states = own or inputs.table("anchors.vault_counts")["registry_state"].to_list()
    return states[0] if states else None


def _tables(
    context: StageContext,
    inputs: Inputs,
    staging: Staging,
    earlier: pl.DataFrame,
    loaded: Loaded,
    discovery: Discovery,
    sealed: Sealed,
) -> dict[str, Table]:
    card = context.card.anchors
    with staging.opened() as con:
        settle(con, card.vintage, card.name)
        profiles = inputs.table("anchors.profiles").filter(pl.col("vintage") < card.vintage)
        profiles = pl.concat([profiles, profile_of(con, card.vintage)])
        changes = all_changes(inputs, con, card.vintage, sealed.changes)
        counts = run_model(con, "anchors/staged_counts").row(0, named=True)
        failures = open_failures(con, loaded.failures)
    source: dict[str, Any] = {
        "source": card.name,
        "vintage": card.vintage,
        "sha256": loaded.digest,
        "owner": f"{card.owner.name} <{card.owner.email}>",
        "licence": card.licence,
        "settings": settings_text(card),
        "group_column": discovery.column,
        **counts,
    }
    now = pl.DataFrame([source], schema=earlier.schema)
    drift = inputs.table("anchors.drift").filter(pl.col("vintage") < card.vintage)
    rows_before = None if earlier.is_empty() else int(earlier["rows"][-1])
    return {
        "anchors.rows": staging.table("open_rows"),
        "anchors.vault_counts": sealed.counts.with_columns(registry_state=pl.lit(sealed.registry_state)),
        "anchors.sources": pl.concat([earlier, now]),
        "anchors.history": staging.table("history"),
        "anchors.contrasts": _contrasts(loaded.contrasts),
        "anchors.changes": changes,
        "anchors.attributes": staging.table("open_attributes"),
        "anchors.contract": loaded.findings,
        "anchors.contract_failures": failures,
        "anchors.profiles": profiles,
        "anchors.drift": pl.concat([drift, drift_of(profiles, changes, rows_before, card.vintage, card.max_drift)]),
    }
