"""Evaluation: every candidate is held against the sealed rows, through the vault's probe; a leak is struck.

Rejects too: they are kept and released, and a sealed row's text must not travel among them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from careful_assets.errors import CarefulError
from careful_assets.measures.intervals import wilson
from careful_assets.provenance.digests import canonical
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.text.ngrams import ngram_hashes
from careful_assets.text.normalize import hash64, normalize, tokens
from careful_assets.warehouse.vault_probe import Detector, VaultProbe

DETECTOR_VERSIONS = {"exact": 1, "ngram": 1}
_LEAKS = {
    "row_id": pl.String, "eval_row_digest": pl.String, "detector": pl.String, "score": pl.Float64,
    "threshold": pl.Float64, "evidence": pl.String,
}  # fmt: skip
_DETECTORS = {
    "detector": pl.String, "version": pl.Int32, "ran": pl.Boolean, "rows_seen": pl.Int64, "sealed_rows": pl.Int64,
    "cause": pl.String,
}  # fmt: skip
_FINGERPRINTS = {"row_id": pl.String, "hash": pl.Int64}


def find_leaks(context: StageContext, inputs: Inputs, vault_probe: VaultProbe) -> Outcome:
    """The evaluation stage: leaks by detector, whether each detector ran, and the share that was struck."""
    labels = inputs.table("labeling.labels")
    candidates = inputs.table("generation.candidates").sort("row_id")
    train = inputs.table("anchors.rows").filter(pl.col("split") == "train").sort("row_id")
    runs = [_detect(detector, candidates, context, vault_probe) for detector in context.profile.leaks.detectors]
    leaks = pl.concat([found for found, _ in runs]) if runs else pl.DataFrame(schema=_LEAKS)
    detectors = pl.DataFrame([run for _, run in runs], schema=_DETECTORS)
    natural = pl.concat(
        [_detect(detector, train, context, vault_probe)[0] for detector in context.profile.leaks.detectors]
    )
    measures = pl.DataFrame(
        [
            _share("struck_share", _struck(leaks, labels), labels.height, context.card.evaluation.max_leak_share),
            _share("train_anchors_near_the_ruler", natural["row_id"].n_unique(), train.height, None),
        ]
    )
    return Outcome(
        {
            "evaluation.leaks": leaks.sort("row_id", "detector", "eval_row_digest"),
            "evaluation.detectors": detectors,
            "evaluation.measures": measures,
        },
        _shown(leaks, labels, detectors, measures),
    )


def _detect(
    detector: Detector, rows: pl.DataFrame, context: StageContext, probe: VaultProbe
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """One detector over the rows. One that fails leaves a record that it did not run: never a clean bill."""
    settings = context.profile.leaks
    threshold = 1.0 if detector == "exact" else settings.ngram_containment
    run = {
        "detector": detector,
        "version": DETECTOR_VERSIONS.get(detector, 0),
        "ran": False,
        "rows_seen": rows.height,
        "sealed_rows": 0,
        "cause": None,
    }
    try:
        prints = pl.DataFrame(_fingerprints(detector, rows, settings.ngram_tokens), schema=_FINGERPRINTS, orient="row")
        found = probe.find_leaks(detector, prints, round(threshold * 1000))
        run |= {"ran": True, "sealed_rows": probe.sealed_rows()}
    except Exception as error:  # noqa: BLE001  whatever it was, the detector did not run
        context.log(f"leak detector {detector} did not run: {type(error).__name__}; the check on it will fail")
        return pl.DataFrame(schema=_LEAKS), run | {"cause": _cause(error)}
    evidence = pl.format("{} of {} fingerprints shared", pl.col("shared"), pl.col("of"))
    leaks = found.with_columns(
        detector=pl.lit(detector), score=pl.col("score") / 1000, threshold=pl.lit(threshold), evidence=evidence
    )
    return leaks.select(list(_LEAKS)).cast(_LEAKS), run  # type: ignore[arg-type]


def _struck(leaks: pl.DataFrame, labels: pl.DataFrame) -> int:
    """How many of the rows that the gates kept are leaks."""
    return labels.join(leaks, on="row_id", how="semi").height


def _cause(error: Exception) -> str:
    """Our own errors carry no row text; of any other only the kind is told."""
    return str(error) if isinstance(error, CarefulError) else type(error).__name__


def _fingerprints(detector: str, rows: pl.DataFrame, size: int) -> list[tuple[str, int]]:
    makers: dict[str, Callable[[str], list[int]]] = {
        "exact": lambda text: [hash64(normalize(text))],
        "ngram": lambda text: ngram_hashes(tokens(text), size),
    }
    make = makers[detector]
    return [(row_id, value) for row_id, text in rows.select("row_id", "text").iter_rows() for value in make(text)]


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


def _shown(
    leaks: pl.DataFrame, labels: pl.DataFrame, detectors: pl.DataFrame, measures: pl.DataFrame
) -> dict[str, Any]:
    by_detector = dict(leaks.group_by("detector").agg(pl.col("row_id").n_unique()).iter_rows())
    ran = [
        {**row, "struck": by_detector.get(row["detector"], 0)}
        for row in detectors.select("detector", "version", "ran", "rows_seen", "sealed_rows").iter_rows(named=True)
    ]
    return {
        "struck": leaks["row_id"].n_unique(),
        "of these, rows that the gates had kept": _struck(leaks, labels),
        "detectors": ran,
        "measures": measures.select("name", "value", "low", "high", pl.col("n").alias("rows")).to_dicts(),
    }
