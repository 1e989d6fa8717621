"""What goes into a release: its rows, the record of each generated row, and everything that was turned away."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from careful_assets.provenance.stage import Inputs, StageContext


@dataclass(frozen=True)
class Contents:
    """The three tables of a release folder, each sorted by row_id."""

    rows: pl.DataFrame
    records: pl.DataFrame
    rejects: pl.DataFrame


def gather(context: StageContext, inputs: Inputs) -> Contents:
    """Kept, confirmed and unstruck generated rows, the train anchors if the card wants them, and all rejects."""
    candidates = inputs.table("generation.candidates")
    labels = inputs.table("labeling.labels")
    struck = inputs.table("evaluation.leaks").select("row_id").unique()
    admitted = labels.filter(pl.col("confirmed")).join(struck, on="row_id", how="anti")
    generated = (
        candidates.join(admitted, on="row_id")
        .select("row_id", "text", "label")
        .with_columns(split=pl.lit("train"), origin=pl.lit("generated"))
    )
    anchors = inputs.table("anchors.rows").filter(pl.col("split") == "train")
    real = anchors.select("row_id", "text", "label").with_columns(split=pl.lit("train"), origin=pl.lit("real"))
    rows = pl.concat([generated, real] if context.card.release.include_anchors else [generated]).sort("row_id")
    return Contents(rows, _records(candidates, admitted, inputs), _rejects(candidates, struck, inputs))


def _records(candidates: pl.DataFrame, admitted: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    requests = inputs.table("generation.requests").select(
        "request_id", "round", "prompt_id", "prompt_sha256", "rendered_prompt", "generator_id", "generator_family",
        "generator_digest", "generator_revision", "params", "seed", "parent_ids",
    )  # fmt: skip
    own = candidates.select(
        "row_id", "request_id", "ordinal", "finish_reason", "artifact_type", "depth", "requested_label"
    )
    votes = inputs.table("labeling.votes").sort("row_id", "judge")
    ballots = votes.group_by("row_id", maintain_order=True).agg(
        pl.format("{}: {}", pl.col("judge"), pl.col("label")).alias("votes")
    )
    sources = admitted.select("row_id", "label_source")
    return own.join(sources, on="row_id").join(requests, on="request_id").join(ballots, on="row_id").sort("row_id")


def _rejects(candidates: pl.DataFrame, struck: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """One row a rejected candidate: which stage and gate refused it, why, and the nearest thing to proof."""
    refused = (
        inputs.table("filtering.decisions")
        .filter(pl.col("passed").not_())
        .select("row_id", "gate", "reason", "score", "threshold", "matched_row_id")
        .with_columns(stage=pl.lit("filtering"))
    )
    texts = candidates.select("row_id", "text", "requested_label")
    # What is struck is kin of a sealed row: the release tells that it was struck, and does not carry its text.
    labels = inputs.table("labeling.labels")
    kept_leaks = struck.join(labels, on="row_id", how="semi")
    leaked = kept_leaks.select("row_id").with_columns(stage=pl.lit("evaluation"), reason=pl.lit("leak"))
    unconfirmed = (
        labels.filter(pl.col("confirmed").not_())
        .join(struck, on="row_id", how="anti")
        .select("row_id")
        .with_columns(stage=pl.lit("labeling"), reason=pl.lit("label not confirmed"))
    )
    rejects = pl.concat([refused, leaked, unconfirmed], how="diagonal").join(texts, on="row_id")
    text = pl.when(pl.col("row_id").is_in(struck["row_id"].to_list())).then(None).otherwise(pl.col("text"))
    columns = ["row_id", "text", "requested_label", "stage", "gate", "reason", "score", "threshold", "matched_row_id"]
    return rejects.with_columns(text=text).select(columns).sort("row_id")
