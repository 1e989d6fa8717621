"""Training: freeze the slices with a baseline, fit on real rows and on the capped mix, let the vault score both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from careful_assets.card.fields import Use
from careful_assets.measures.plots import intervals
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.training.fit import command_for, fit_to_file, majority_command
from careful_assets.training.mix import capped_mix, mix_id
from careful_assets.training.records import newly_admitted
from careful_assets.training.scores import GAP, differences_of, gaps_of, scores_of
from careful_assets.warehouse.vault_scorer import SET_SLICE, Scores, VaultScorer

REAL_ONLY, MIX, BASELINE = "real only", "mix", "majority class"
DIFFERENCE = "mix minus real only"
_MODEL = ["mix_id", "arm", "model_digest"]
NO_BREAK = "\N{NO-BREAK SPACE}"
_SCORES: dict[str, pl.DataType | type[pl.DataType]] = {
    "slice": pl.String, "name": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "n": pl.Int64, "reference_value": pl.Float64, "config": pl.String,
}  # fmt: skip
_SLICES: dict[str, pl.DataType | type[pl.DataType]] = {
    **_SCORES,
    "registry_state": pl.String,
    "frozen_at": pl.Datetime("us", "UTC"),
}
_RESULTS: dict[str, pl.DataType | type[pl.DataType]] = {"arm": pl.String, **_SCORES, "registry_state": pl.String}


def train_and_score(context: StageContext, inputs: Inputs, vault_scorer: VaultScorer) -> Outcome:
    """The training stage: what went into each mix, and what each model scores on the sealed ruler."""
    real, generated = _training_rows(inputs, context.card.purpose.use)
    registry_state = str(inputs.table("anchors.vault_counts")["registry_state"][0])
    # The slices and their baselines are fixed before any model exists that could suggest others.
    slices = _frozen_slices(context, inputs, real, registry_state, vault_scorer)
    seed = context.card.training.seed
    mixes = {
        REAL_ONLY: capped_mix(real, generated.clear(), context.card.training.max_synthetic_share, seed),
        MIX: capped_mix(real, generated, context.card.training.max_synthetic_share, seed),
    }
    paths = {arm: context.scratch / f"model-{number}.joblib" for number, arm in enumerate(mixes)}
    digests = {arm: fit_to_file(mix, seed, paths[arm]) for arm, mix in mixes.items()}
    commands = {arm: command_for(path) for arm, path in paths.items()}
    scored = vault_scorer.score(commands, context.card.anchors.labels)
    results = _results(scored, slices, context)
    mix_rows = _mix_rows(mixes, digests, registry_state)
    return Outcome(
        {"training.results": results, "training.mixes": mix_rows, "training.slices": slices},
        _shown(results, mixes, scored.withheld, scored.protections),
        {
            "training.runs": _first_seen(mix_rows, inputs, context.run_id),
            "training.records": newly_admitted(inputs, context.run_id),
        },
    )


def _training_rows(inputs: Inputs, use: Use) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Real rows to train on, and generated rows whose label was confirmed and that are not struck.

    Of an evaluation set no generated row is: what a model was trained on cannot measure it.
    """
    anchors = inputs.table("anchors.rows")
    real = anchors.filter(pl.col("split") == "train").select("row_id", "text", "label")
    struck = inputs.table("evaluation.leaks").select("row_id")
    confirmed = inputs.table("labeling.labels").filter(pl.col("confirmed")).join(struck, on="row_id", how="anti")
    texts = inputs.table("generation.candidates").select("row_id", "text")
    generated = confirmed.join(texts, on="row_id").select("row_id", "text", "label")
    return real, generated.clear() if use == "evaluation" else generated


def _frozen_slices(
    context: StageContext, inputs: Inputs, real: pl.DataFrame, registry_state: str, scorer: VaultScorer
) -> pl.DataFrame:
    """The slices as they were frozen for this state of the ruler; frozen now, if this is the first time."""
    before = inputs.table("training.slices").filter(pl.col("registry_state") == registry_state)
    if before.height:
        return before.select(list(_SLICES))
    counts = real.group_by("label").len().sort(["len", "label"], descending=[True, False])
    scored = scorer.score({BASELINE: majority_command(str(counts["label"][0]))}, context.card.anchors.labels)
    rows = scores_of(scored.counts, BASELINE, [], context.card.training.seed)
    frozen = {"registry_state": registry_state, "frozen_at": datetime.now(UTC), "reference_value": None}
    return pl.DataFrame([row | frozen for row in rows], schema=_SLICES)


def _results(scored: Scores, slices: pl.DataFrame, context: StageContext) -> pl.DataFrame:
    verdicts = scored.counts
    baselines = {(part, name): value for part, name, value in slices.select("slice", "name", "value").iter_rows()}
    gap_labels = [gap.label for gap in context.card.purpose.gap]
    seed = context.card.training.seed
    rows = [
        {"arm": arm, **row, "reference_value": baselines.get((row["slice"], row["name"]))}
        for arm in (REAL_ONLY, MIX)
        for row in scores_of(verdicts, arm, gap_labels, seed)
    ]
    rows += [
        {"arm": DIFFERENCE, **row, "reference_value": 0.0}
        for row in differences_of(verdicts, MIX, REAL_ONLY, gap_labels, seed)
    ]
    rows += [{"arm": arm, **row, "reference_value": 0.0} for arm in (REAL_ONLY, MIX) for row in gaps_of(verdicts, arm)]
    state = {"registry_state": scored.registry_state}
    return pl.DataFrame([row | state for row in rows], schema=_RESULTS)


def _mix_rows(mixes: dict[str, pl.DataFrame], digests: dict[str, str], registry_state: str) -> pl.DataFrame:
    return pl.concat(
        [
            mix.select("row_id", "origin", "label").with_columns(
                mix_id=pl.lit(mix_id(mix)),
                arm=pl.lit(arm),
                weight=pl.lit(1.0),
                model_digest=pl.lit(digests[arm]),
                registry_state=pl.lit(registry_state),
            )
            for arm, mix in mixes.items()
        ]
    )


def _first_seen(mix_rows: pl.DataFrame, inputs: Inputs, run_id: str) -> pl.DataFrame:
    """The rows of those mixes whose models are not on record yet, as `training.runs` has them."""
    known = inputs.table("training.runs").select(_MODEL).unique()
    return (
        mix_rows.join(known, on=_MODEL, how="anti")
        .select("mix_id", "arm", "row_id", "origin", "model_digest", "registry_state")
        .with_columns(run_id=pl.lit(run_id), trained_at=pl.lit(datetime.now(UTC)))
        .sort("row_id", "arm")
    )


def _shown(
    results: pl.DataFrame, mixes: dict[str, pl.DataFrame], withheld: tuple[str, ...], protections: str
) -> dict[str, Any]:
    names = [name for name in results["name"].unique(maintain_order=True) if name.startswith("recall of ")]
    classes = [name.removeprefix("recall of ") for name in names]
    arms = [(arm, [_point(results, arm, name) for name in names]) for arm in (REAL_ONLY, MIX)]
    of_sets, apart = results["slice"].str.starts_with(SET_SLICE), _sets_apart(results)
    real = results.filter(~of_sets)
    return {
        "recall by class": intervals(classes, arms),
        "scores by class": _side_by_side(real.filter(pl.col("name") != "accuracy"), "name"),
        "accuracy by slice": _side_by_side(real.filter(pl.col("name") == "accuracy"), "slice"),
        **({"synthetic sets, apart from the real rows": apart} if apart else {}),
        "rows in each mix": _rows_by_label(mixes),
        "too small to score": ", ".join(withheld) or "none",
        "scorer's protections": protections,
    }


def _side_by_side(results: pl.DataFrame, key: str) -> list[dict[str, Any]]:
    """A row a score: both arms' values, and their difference with its 95% interval."""
    found = {(row[key], row["arm"]): row for row in results.iter_rows(named=True)}
    return [
        {
            f"{key} (rows)": f"{name} ({found[name, MIX]['n']:,})" if (name, DIFFERENCE) in found else name,
            REAL_ONLY: found[name, REAL_ONLY]["value"],
            MIX: found[name, MIX]["value"],
            "difference": _signed(found.get((name, DIFFERENCE))),
        }
        for name in results[key].unique(maintain_order=True)
    ]


def _sets_apart(results: pl.DataFrame) -> list[dict[str, Any]]:
    """A row a synthetic set and arm: its accuracy, and how much better the arm does on the real rows."""
    accuracy = {
        (row["slice"], row["arm"]): row for row in results.filter(pl.col("name") == "accuracy").iter_rows(named=True)
    }
    return [
        {
            "set (rows)": f"{row['name'].removeprefix(GAP)} ({accuracy[row['slice'], row['arm']]['n']:,})",
            "arm": row["arm"],
            "on real rows": accuracy["all", row["arm"]]["value"],
            "on the set": accuracy[row["slice"], row["arm"]]["value"],
            "gap": _signed(row),
        }
        for row in results.filter(pl.col("name").str.starts_with(GAP)).iter_rows(named=True)
    ]


def _signed(difference: dict[str, Any] | None) -> str | None:
    if difference is None or difference["low"] is None:
        return None
    interval = f"({difference['low']:+.3f} to {difference['high']:+.3f})"
    # In a narrow column only the interval as a whole goes to a second line.
    return f"{difference['value']:+.3f} {interval.replace(' ', NO_BREAK)}"


def _rows_by_label(mixes: dict[str, pl.DataFrame]) -> list[dict[str, Any]]:
    counts = {
        (arm, label, origin): count
        for arm, mix in mixes.items()
        for label, origin, count in mix.group_by("label", "origin").len().iter_rows()
    }
    return [
        {
            "label": label,
            REAL_ONLY: counts.get((REAL_ONLY, label, "real"), 0),
            f"{MIX}: real": counts.get((MIX, label, "real"), 0),
            f"{MIX}: generated": counts.get((MIX, label, "generated"), 0),
        }
        for label in sorted({label for _, label, _ in counts})
    ]


def _point(results: pl.DataFrame, arm: str, name: str) -> tuple[float, float, float] | None:
    found = results.filter((pl.col("arm") == arm) & (pl.col("name") == name)).row(0, named=True)
    return None if found["low"] is None else (found["value"], found["low"], found["high"])
