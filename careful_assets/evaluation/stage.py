"""Evaluation: every candidate is held against all sealed rows: by its records, by its text, and for canaries.

Rejects too: they are kept and released, and a sealed row's text must not travel among them. What is found is struck
and stops nothing; what must hold is in `checks`.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.evaluation import page
from careful_assets.evaluation.benchmark import Quality
from careful_assets.evaluation.canaries import canary_leaks
from careful_assets.evaluation.detecting import detector_rows, detectors_beside, judge_of, leak_rows
from careful_assets.evaluation.lineage import lineage_leaks
from careful_assets.evaluation.remembered import remembered_quality
from careful_assets.evaluation.rescans import scan_releases
from careful_assets.evaluation.ruler import ruler_rows
from careful_assets.measures.intervals import wilson
from careful_assets.provenance.digests import canonical
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.text import near_texts
from careful_assets.text.leaks.scan import LeakScan
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.vault_near import Near
from careful_assets.warehouse.vault_probe import VaultProbe

_NEAR_THOUSANDTHS = 700  # as two rows of one group are near
_MEASURES: dict[str, type[pl.DataType]] = {
    "name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "n": pl.Int64,
    "reference_value": pl.Float64, "config": pl.String,
}  # fmt: skip


def find_leaks(
    context: StageContext, inputs: Inputs, vault_probe: VaultProbe, canary_registry: CanaryRegistry
) -> Outcome:
    """The evaluation stage: leaks by lineage and text, how far their detectors can be trusted, the ruler's quality."""
    lineage = lineage_leaks(inputs, vault_probe)
    measured, scan = _detectors(context, inputs)
    rows = inputs.pages("generation.candidates", ["text"])
    leaks = vault_probe.find_leaks(rows, scan, context.card.vault.may_be_sent_to)
    canaries, searched = canary_leaks(inputs, canary_registry)
    release_leaks, release_scans = scan_releases(context, inputs, vault_probe, scan)
    struck = pl.concat([leak_rows(leaks, lambda ids: _texts_of(inputs, ids)), canaries])
    tables = {
        "evaluation.leaks": struck.sort("row_id", "detector", "eval_row_digest"),
        "evaluation.detectors": pl.concat([detector_rows(leaks), searched]),
        "evaluation.measures": _measures(context, inputs, struck, vault_probe, scan),
        "evaluation.lineage_leaks": lineage,
        "evaluation.detector_quality": measured.quality,
        "evaluation.detector_curves": measured.curves,
        "evaluation.ruler": ruler_rows(vault_probe.quality(Near(_NEAR_THOUSANDTHS, near_texts))),
        "evaluation.release_leaks": release_leaks,
        "evaluation.release_scans": release_scans,
    }
    for run in tables["evaluation.detectors"].filter(~pl.col("ran")).iter_rows(named=True):
        context.log(f"leak detector {run['detector']} did not run: {run['cause']}; the check on it will fail")
    labels, sets = inputs.table("labeling.labels"), inputs.table("anchors.evaluation_sets")
    return Outcome({**tables}, page.shown(tables, labels, sets))


def _detectors(context: StageContext, inputs: Inputs) -> tuple[Quality, LeakScan]:
    """How well the detectors work on the dataset's own rows, and the scan with the cut-offs that follow from it."""
    settings = context.profile.leaks
    anchors = inputs.table("anchors.rows")
    contrasts = inputs.table("anchors.contrasts")["text"]
    embedder = context.card.filtering.embedder.model_dump(mode="json")

    def beside(texts: pl.Series) -> Any:
        return detectors_beside(context.card, settings, texts)

    other = contrasts if len(contrasts) else None
    measured = remembered_quality(context.home, anchors, other, beside, settings, embedder)
    texts = anchors.sort("row_id")["text"]
    families = inputs.table("generation.requests")["generator_family"].unique().to_list()
    judge = judge_of(context.card, families, texts, context.home.cache)
    return measured, LeakScan([*beside(texts)(measured.thousandths), *judge], settings.timeout_s)


def _texts_of(inputs: Inputs, row_ids: list[str]) -> pl.DataFrame:
    """row_id and text of these candidates."""
    named = pl.DataFrame({"row_id": row_ids}, schema={"row_id": pl.String})
    found = [page.join(named, on="row_id", how="semi") for page in inputs.pages("generation.candidates", ["text"])]
    return pl.concat(found) if row_ids else named.with_columns(text=pl.lit(None, pl.String))


def _measures(
    context: StageContext, inputs: Inputs, struck: pl.DataFrame, probe: VaultProbe, scan: LeakScan
) -> pl.DataFrame:
    """The share of kept rows that is struck; and of real train rows that would be, were they generated."""
    labels = inputs.table("labeling.labels")
    train = inputs.table("anchors.rows").filter(pl.col("split") == "train").select("row_id", "text").sort("row_id")
    alike = probe.find_leaks(train.iter_slices(50_000), scan, context.card.vault.may_be_sent_to).found
    kept = labels.join(struck, on="row_id", how="semi").height
    shares = [
        _share("struck_share", kept, labels.height, context.card.evaluation.max_leak_share),
        _share("train_anchors_near_the_ruler", alike["row_id"].n_unique(), train.height, None),
    ]
    return pl.DataFrame(shares, schema=_MEASURES)


def _share(name: str, hits: int, n: int, limit: float | None) -> dict[str, Any]:
    interval = wilson(hits, n)
    return {
        "name": name,
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "n": n,
        "reference_value": limit,
        "config": canonical({"hits": hits, "interval": "Wilson 95%"}),
    }
