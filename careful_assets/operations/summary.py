"""What a run came to, read from the warehouse: the figures that `careful run` prints last."""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.generation.rounds import ending_of
from careful_assets.provenance.digests import sha256
from careful_assets.provenance.stages import STAGES
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import read

_SAMPLES = 5
_TOLD_BY = {
    "requests": "generation",
    "held_back": "generation",
    "spent": "generation",
    "generator": "generation",
    "candidates": "generation",
    "rejected": "filtering",
    "rounds": "filtering",
    "kept": "labeling",
    "labels_confirmed": "labeling",
    "kappa": "labeling",
    "leaks_struck": "evaluation",
    "gap_scores": "training",
    "release": "release",
    "samples": "evaluation",
}
_LABELED = {
    "consensus": "label confirmed by all judges",
    "judge": "label confirmed by a judge",
    "human": "label set by a person",
    "prompted": "label not confirmed: not released",
}


def summary_of(loaded: LoadedCard, home: Home, to_stage: str) -> dict[str, Any]:
    """What the stages up to `to_stage` came to: counts, agreement, leaks, scores, release, samples.

    Raises:
        StageFailed: nothing was materialized yet.
    """
    card = loaded.card
    with connect(home.warehouse(card.name), read_only=True) as con:
        names = (
            "generation.requests", "generation.candidates", "generation.forecasts", "filtering.decisions",
            "labeling.labels", "labeling.agreement", "evaluation.leaks", "training.results", "release.releases",
            "provenance.rounds",
        )  # fmt: skip
        tables = {name: read(con, name) for name in names}
        reasons = run_model(con, "filtering/rejects_by_reason")
    candidates, labels = tables["generation.candidates"], tables["labeling.labels"]
    requests = tables["generation.requests"]
    release = tables["release.releases"].sort("made_at").tail(1).to_dicts()
    summary = {
        "dataset": card.name,
        "requests": requests.height,
        "held_back": _held_back(requests),
        "spent": _spent(loaded, tables["generation.forecasts"]),
        "generator": requests["generator_id"][0] if requests.height else None,
        "candidates": candidates.height,
        "kept": labels.height,
        "rejected": reasons.select("gate", "reason", "n").to_dicts(),
        "rounds": ending_of(card.purpose.gap, tables["provenance.rounds"], card.generation.max_rounds),
        "labels_confirmed": int(labels["confirmed"].sum()),
        "kappa": tables["labeling.agreement"].select("name", "value", "n").to_dicts(),
        "leaks_struck": tables["evaluation.leaks"]["row_id"].n_unique(),
        "gap_scores": _gap_scores(loaded, tables["training.results"]),
        "release": None if not release else _release(release[0], home, card.name),
        "samples": _samples(candidates, tables["filtering.decisions"], labels, tables["evaluation.leaks"]),
    }
    # What later stages left of an earlier run is not this run's account.
    reached = STAGES.index(to_stage)
    return {key: value for key, value in summary.items() if STAGES.index(_TOLD_BY.get(key, "anchors")) <= reached}


def _held_back(requests: pl.DataFrame) -> dict[str, Any] | None:
    """What the budget did not let through, and why; None if nothing."""
    held = requests.filter(pl.col("status") == "held_back")
    return None if held.is_empty() else {"requests": held.height, "cause": held["cause"][0]}


def _spent(loaded: LoadedCard, forecasts: pl.DataFrame) -> dict[str, Any]:
    """What all rounds took, and what was forecast of them, as far as either is known."""
    names = ("tokens", "cost", "seconds")
    sums = {name: (forecasts[f"actual_{name}"].sum(), forecasts[name].sum()) for name in names}
    spent = {name: {"took": took, "forecast": told} for name, (took, told) in sums.items()}
    unpriced = forecasts["actual_cost"].null_count() > 0
    return spent | {"currency": loaded.card.purpose.currency} | ({"cost": None} if unpriced else {})


def _gap_scores(loaded: LoadedCard, results: pl.DataFrame) -> list[dict[str, Any]]:
    names = [f"{score} of {gap.label}" for gap in loaded.card.purpose.gap for score in ("recall", "precision")]
    wanted = results.filter(pl.col("name").is_in(names)).sort("name", "arm", descending=[True, True])
    return wanted.select("arm", "name", "value", "low", "high", "n").to_dicts()


def _release(row: dict[str, Any], home: Home, dataset: str) -> dict[str, Any]:
    return {
        "version": row["version"],
        "folder": str(home.releases(dataset) / row["version"]),
        "content_digest": row["content_digest"],
        "rows": row["rows"],
        "generated": row["generated"],
    }


def _samples(
    candidates: pl.DataFrame, decisions: pl.DataFrame, labels: pl.DataFrame, leaks: pl.DataFrame
) -> dict[str, list[dict[str, Any]]]:
    """Rows to look at, drawn by the digest of their id; the texts of struck rows are not shown."""
    refused = decisions.filter(pl.col("passed").not_()).select("row_id", pl.col("gate").alias("why"), "reason")
    kept = labels.join(leaks, on="row_id", how="anti").select(
        "row_id", pl.col("label_source").replace_strict(_LABELED).alias("why")
    )
    texts = candidates.join(leaks, on="row_id", how="anti").select("row_id", "text")
    return {
        "kept": _drawn(kept.join(texts, on="row_id")),
        "rejected": _drawn(
            refused.join(texts, on="row_id").with_columns(why=pl.col("why") + ": " + pl.col("reason")).drop("reason")
        ),
    }


def _drawn(rows: pl.DataFrame) -> list[dict[str, Any]]:
    return sorted(rows.to_dicts(), key=lambda row: sha256(row["row_id"]))[:_SAMPLES]
