"""Monitoring: the frozen slices, read again: what the released mix scores on each, beside its baseline."""

from __future__ import annotations

from careful_assets.provenance.stage import Inputs, Outcome, StageContext

MONITORED_ARM = "mix"


def observe(context: StageContext, inputs: Inputs) -> Outcome:
    """The monitoring stage: one observation a frozen slice and score, for the newest release."""
    newest = inputs.table("release.releases").sort("made_at")["version"][-1]
    observations = inputs.model("monitoring/observations", {"version": newest, "arm": MONITORED_ARM})
    return Outcome(
        {"monitoring.observations": observations},
        {"release": newest, "frozen slices": observations.drop("version").rename({"n": "rows"}).to_dicts()},
    )
