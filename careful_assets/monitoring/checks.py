"""What must hold while a release is in use."""

from __future__ import annotations

import polars as pl

from careful_assets.monitoring.stage import MONITORED_ARM
from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def frozen_slices_read(view: CheckView) -> Verdict:
    """Every frozen slice was observed with a value, none was dropped and none was added since.

    Scores of different states of the ruler are never put beside each other.
    """
    key = ["slice", "name"]
    frozen = set(view.table("training.slices").select(key).iter_rows())
    observed = view.table("monitoring.observations")
    seen = set(observed.filter(pl.col("value").is_not_null() | pl.col("baseline").is_null()).select(key).iter_rows())
    strange = _other_states(view)
    if strange:
        return Verdict(
            False,
            f"{strange} scores were made against another state of the ruler than the slices were frozen for, and are "
            "put on no axis with them; materialize training and what follows again",
            {"of_another_state": strange},
        )
    if not frozen or frozen != seen:
        return Verdict(
            False,
            f"{len(frozen - seen)} frozen slices have no observation, {len(seen - frozen)} were never frozen; "
            "materialize training and what follows again",
            {"missing": len(frozen - seen)},
        )
    return Verdict(True, f"{len(frozen)} frozen scores were read", {"observations": len(frozen)})


def _other_states(view: CheckView) -> int:
    """Scores of the monitored arm, of a frozen slice, that are of another state of the ruler."""
    key = ["slice", "name"]
    scores = view.table("training.results").filter(pl.col("arm") == MONITORED_ARM)
    pairs = scores.join(view.table("training.slices"), on=key, suffix="_frozen")
    return pairs.filter(pl.col("registry_state").ne_missing(pl.col("registry_state_frozen"))).height


def no_slice_below_baseline(view: CheckView) -> Verdict:
    """Advice: on no slice does the model do worse than always answering the commonest class.

    The commonest class's own slice is left out: there that answer is always right.
    """
    below = view.table("monitoring.observations").filter(
        (pl.col("name") == "accuracy") & (pl.col("baseline") < 1) & (pl.col("value") < pl.col("baseline"))
    )
    names = ", ".join(below["slice"].to_list())
    if names:
        return Verdict(
            False, f"below the baseline on: {names}; look at what the mix does there", {"slices": below.height}
        )
    return Verdict(True, "no slice is below its baseline", {"slices": 0})


CHECKS = (
    Check("frozen_slices_read", 2, "L", "Was every frozen slice looked at?", frozen_slices_read),
    Check(
        "no_slice_below_baseline",
        1,
        "L",
        "Does no slice do worse than its baseline?",
        no_slice_below_baseline,
        severity="warn",
    ),
)
