"""Labeling: judges of other families than the generator's vote on every kept row and confirm its label, or do not."""

from __future__ import annotations

import itertools
from typing import Any

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.labeling.judges import JUDGES
from careful_assets.labeling.votes import collect_votes
from careful_assets.measures.agreement import cohen_kappa
from careful_assets.provenance.digests import canonical
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.warehouse.models import run_model_over


def vote_on_kept(context: StageContext, inputs: Inputs) -> Outcome:
    """The labeling stage: votes, labels with their source, and how far the judges agree.

    Raises:
        StageFailed: filtering kept nothing, which is a normal outcome of it and the end of this run.
    """
    kept = inputs.model("filtering/kept", {"gates": len(context.profile.gates)})
    if kept.is_empty():
        raise StageFailed(
            f"{context.card.name}/labeling has nothing to label: filtering kept no candidate. Nothing was lost or "
            f"broken: {_remedy(context.card.name, inputs)}"
        )
    candidates = inputs.table("generation.candidates").join(kept, on="row_id", how="semi").sort("row_id")
    anchors = inputs.table("anchors.rows")
    train = anchors.filter(pl.col("split") == "train").select("row_id", "text", "label").sort("row_id")
    holdout = anchors.filter(pl.col("split") == "holdout").select("row_id", "text", "label").sort("row_id")
    names = context.card.labeling.judges
    # One fit serves both: votes on the kept rows, and on the holdout, where people's labels tell how good a judge is.
    ballots = collect_votes(
        pl.concat([frame.select("row_id", "text") for frame in (candidates, holdout)]), train, names
    )
    votes = ballots.join(candidates, on="row_id", how="semi").sort("row_id", "judge")
    calibration = ballots.join(holdout, on="row_id", how="semi")
    labels = run_model_over(
        {"generation.candidates": candidates, "labeling.votes": votes},
        "labeling/confirmations",
        {"judges": len(names), "confirmations": context.card.labeling.confirmations},
    )
    agreement = _agreement(votes, calibration, holdout, names)
    return Outcome(
        {"labeling.votes": votes, "labeling.labels": labels, "labeling.agreement": agreement},
        _shown(labels, votes, agreement),
    )


def _remedy(name: str, inputs: Inputs) -> str:
    standing = inputs.model("filtering/standing_exclusions")
    out = inputs.model("filtering/excluded_now").height
    if not out:
        return (
            "look at the rejects by reason on filtering's page, then change prompts or gates, or raise "
            "generation.max_rounds, and materialize generation again"
        )
    told = ", ".join(f"{kind} {item[:16]}" for kind, item in standing.select("kind", "item").iter_rows())
    return (
        f"{out} candidates are out by what people excluded ({told}). First name another generator or prompt in the "
        "card where that is what they excluded (another round would be refused); else raise generation.max_rounds, "
        f"or set another generation.seed. Then run `careful run {name}`. Or take an exclusion back with "
        f"`careful exclude {name} ... --withdraw --reason ...`"
    )


def _agreement(
    votes: pl.DataFrame, calibration: pl.DataFrame, holdout: pl.DataFrame, judges: list[str]
) -> pl.DataFrame:
    """Cohen's kappa of each pair of judges on the kept rows, and of each judge with people's labels on the holdout."""
    rows: list[dict[str, Any]] = []
    for first, second in itertools.combinations(judges, 2):
        both = _ballot(votes, first).join(_ballot(votes, second), on="row_id", suffix="_other").sort("row_id")
        rows.append(_kappa(f"{first} with {second}", both["label"], both["label_other"], "kept candidates"))
    for judge in judges:
        both = _ballot(calibration, judge).join(holdout, on="row_id", suffix="_people").sort("row_id")
        rows.append(_kappa(f"{judge} with people", both["label"], both["label_people"], "holdout anchors"))
    schema = {"name": pl.String, "value": pl.Float64, "n": pl.Int64, "config": pl.String}
    return pl.DataFrame(rows, schema=schema)


def _ballot(votes: pl.DataFrame, judge: str) -> pl.DataFrame:
    return votes.filter(pl.col("judge") == judge).select("row_id", "label")


def _kappa(name: str, first: pl.Series, second: pl.Series, on: str) -> dict[str, Any]:
    value = cohen_kappa(first.to_list(), second.to_list())
    return {"name": name, "value": value, "n": len(first), "config": canonical({"measure": "cohen_kappa", "on": on})}


def _shown(labels: pl.DataFrame, votes: pl.DataFrame, agreement: pl.DataFrame) -> dict[str, Any]:
    by_source = labels.group_by("label", "label_source", "confirmed").len("rows").sort("label", "label_source")
    judges = sorted(set(votes["judge"].to_list()))
    cast = {(judge, label): count for judge, label, count in votes.group_by("judge", "label").len().iter_rows()}
    by_label = [
        {"label": label, **{judge: cast.get((judge, label), 0) for judge in judges}}
        for label in sorted(set(votes["label"].to_list()))
    ]
    return {
        "confirmed": int(labels["confirmed"].sum()),
        "not confirmed": int((~labels["confirmed"]).sum()),
        "labels by source": by_source.to_dicts(),
        "votes by label": by_label,
        "agreement": agreement.select(
            "name", pl.col("value").alias("Cohen's kappa"), pl.col("n").alias("rows")
        ).to_dicts(),
        "judges": [{"judge": judge, "family": JUDGES[judge].family} for judge in judges],
    }
