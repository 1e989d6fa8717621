"""What must hold of a mix and its scores before they count for anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from careful_assets.measures.shares import as_written
from careful_assets.provenance.ledger import current_versions
from careful_assets.provenance.verdicts import Check, CheckView, Verdict
from careful_assets.training.scores import GAP
from careful_assets.training.stage import DIFFERENCE, MIX, REAL_ONLY
from careful_assets.warehouse.vault_scorer import SMALLEST_SLICE

MOST_GAP = 0.05
"""Accuracy on the real rows and on a synthetic set may differ by it: five rows in a hundred."""


def mix_within_caps(view: CheckView) -> Verdict:
    """In no class of any mix do generated rows exceed the card's share, and the real-only arm holds none."""
    cap = view.loaded.card.training.max_synthetic_share
    shares = view.model("training/shares")
    over = [
        f"{row['arm']}/{row['label']}: {row['generated']} of {row['total']}"
        for row in shares.iter_rows(named=True)
        if row["generated"] > (0 if row["arm"] == REAL_ONLY else as_written(cap) * row["total"])
    ]
    if shares.is_empty() or over:
        return Verdict(
            False, f"over the cap of {cap:.0%}: {', '.join(over) or 'no mix at all'}; materialize training again"
        )
    highest = max(row["generated"] / row["total"] for row in shares.iter_rows(named=True))
    return Verdict(True, f"at most {highest:.0%} of a class is generated; the cap is {cap:.0%}", {"highest": highest})


def mix_is_clean(view: CheckView) -> Verdict:
    """Every row of a mix is a train anchor, or a generated row with a confirmed label that is not struck.

    Of an evaluation set no generated row is in a mix.
    """
    strays = view.model("training/rows_without_right")
    generated = view.table("training.mixes").filter(pl.col("origin") != "real").height
    if view.loaded.card.purpose.use == "evaluation" and generated:
        return Verdict(
            False,
            f"{generated} generated rows of an evaluation set are in a mix: what a model was trained on cannot measure "
            "it; materialize training again",
            {"rows": generated},
        )
    if strays.height:
        first = strays.row(0, named=True)
        return Verdict(
            False,
            f"{strays['row_id'].n_unique()} rows have no right to be in a mix, e.g. {first['row_id'][:16]}; "
            "materialize training again",
            {"rows": strays.height},
        )
    return Verdict(True, "every row of every mix may be there", {"rows": 0})


def slices_frozen_first(view: CheckView) -> Verdict:
    """The slices carry baselines for this state of the ruler, and were frozen before this run's models were scored."""
    slices = view.table("training.slices")
    state = view.table("anchors.vault_counts")["registry_state"][0]
    if slices.is_empty() or set(slices["registry_state"].to_list()) != {state}:
        return Verdict(
            False, "the slices are not frozen for the present state of the ruler; materialize training again"
        )
    scored = _own_scorings(view)
    frozen = max(slices["frozen_at"].to_list())
    if scored.is_empty() or frozen > min(scored["opened_at"].to_list()):
        return Verdict(False, "a model was scored before the slices were frozen; materialize training again")
    return Verdict(
        True, f"{slices.height} baselines were frozen at {frozen:%Y-%m-%d %H:%M:%S} UTC, before the first score"
    )


def scored_by_vault(view: CheckView) -> Verdict:
    """Both arms have scores, and the vault's log shows the opening in which it gave them."""
    arms = set(view.table("training.results")["arm"].to_list())
    openings = _own_scorings(view)
    if not {REAL_ONLY, MIX, DIFFERENCE} <= arms or openings.is_empty():
        return Verdict(
            False, "scores without an opening of the vault, or an arm without scores; materialize training again"
        )
    return Verdict(
        True, f"scored in the vault's child process under: {openings['protections'][0]}", {"openings": openings.height}
    )


def gap_recall_not_lower(view: CheckView) -> Verdict:
    """Advice: generated rows that make the gap class harder to find do harm."""
    names = [f"recall of {gap.label}" for gap in view.loaded.card.purpose.gap]
    rows = view.table("training.results").filter((pl.col("arm") == DIFFERENCE) & pl.col("name").is_in(names))
    worse = [row["name"] for row in rows.iter_rows(named=True) if row["high"] is not None and row["high"] < 0]
    shown = "; ".join(
        f"{row['name']} {row['value']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
        for row in rows.iter_rows(named=True)
        if row["low"] is not None
    )
    if worse:
        return Verdict(False, f"lower with the mix: {shown}; look at what was generated", {"worse": len(worse)})
    return Verdict(True, f"not shown to be lower with the mix: {shown or 'no score'}", {"worse": 0})


def synthetic_ruler_agrees(view: CheckView) -> Verdict:
    """Advice: no synthetic set tells another accuracy than the real rows, by over `MOST_GAP` and more than chance."""
    sets = view.table("anchors.evaluation_sets").filter(pl.col("origin") == "synthetic")
    gaps = view.table("training.results").filter(pl.col("name").str.starts_with(GAP))
    # Smaller ones are not answered by the vault.
    asked = {name for name, rows in sets.select("set_name", "rows").iter_rows() if rows >= SMALLEST_SLICE}
    told = {(row["name"].removeprefix(GAP), row["arm"]): row for row in gaps.iter_rows(named=True)}
    missing = sorted(name for name in asked for arm in (REAL_ONLY, MIX) if (name, arm) not in told)
    if missing:
        return Verdict(
            False, f"no gap on record for the set {missing[0]}; materialize training again", {"sets": len(asked)}
        )
    wide = [f"{name}, {arm}: {_gap_words(row)}" for (name, arm), row in sorted(told.items()) if _is_wide(row)]
    evidence = {"sets": len(asked), "wide": len(wide)}
    if wide:
        remedy = "the set measures something else than the real rows do: look at its rows and what they lack"
        return Verdict(False, f"accuracy on real rows minus that on the set: {'; '.join(wide)}; {remedy}", evidence)
    if not asked:
        return Verdict(True, f"no synthetic set of {SMALLEST_SLICE} rows or more is sealed", evidence)
    return Verdict(True, f"{len(asked)} synthetic sets: none shown to be off by over {MOST_GAP:.0%}", evidence)


def _is_wide(row: Mapping[str, Any]) -> bool:
    if row["value"] is None or row["low"] is None or row["high"] is None:
        return False
    return abs(row["value"]) > MOST_GAP and not row["low"] <= 0 <= row["high"]


def _gap_words(row: Mapping[str, Any]) -> str:
    return f"{row['value']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"


def _own_scorings(view: CheckView) -> pl.DataFrame:
    """The openings in which the vault scored both arms, in the run that made the present training data."""
    made = current_versions(view.connection)["training"]
    openings = view.table("provenance.openings").filter(
        (pl.col("operation") == "score") & (pl.col("run_id") == made.run_id)
    )
    # The baseline's scoring is an opening as well, and so is one that failed.
    answered = [_scored_both_arms(detail) for detail in openings["detail"].to_list()]
    return openings.filter(pl.Series(answered, dtype=pl.Boolean)).sort("seq")


def _scored_both_arms(detail: str | None) -> bool:
    told = json.loads(detail or "{}")
    return told.get("outcome") == "done" and {REAL_ONLY, MIX} <= set(told.get("predictors", ()))


CHECKS = (
    Check("mix_within_caps", 1, "U", "Is every class of every mix within the card's cap?", mix_within_caps),
    Check("mix_is_clean", 2, "EF", "Has every row of a mix the right to be there?", mix_is_clean),
    Check(
        "slices_frozen_first",
        1,
        "EL",
        "Were slices and baselines frozen before the first fit was scored?",
        slices_frozen_first,
    ),
    Check("scored_by_vault", 1, "E", "Did the vault itself give the scores?", scored_by_vault),
    Check(
        "gap_recall_not_lower",
        1,
        "C",
        "Is the gap class found no worse with the mix?",
        gap_recall_not_lower,
        severity="warn",
    ),
    Check(
        "synthetic_ruler_agrees",
        1,
        "E",
        "Does each synthetic set tell the accuracy that the real rows tell?",
        synthetic_ruler_agrees,
        severity="warn",
    ),
)
