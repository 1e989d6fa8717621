"""Retirement: which releases live, until when, and what would end them sooner."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from careful_assets.provenance.stage import Inputs, Outcome, StageContext

_STATUSES = {
    "version": pl.String, "status": pl.String, "review_by": pl.Date, "retire_by": pl.Date, "reason": pl.String,
}  # fmt: skip


def date_releases(context: StageContext, inputs: Inputs) -> Outcome:
    """The retirement stage: a status and two dates for each release."""
    life = context.card.lifecycle
    today = datetime.now(UTC).date()
    rows = []
    leaks = inputs.table("evaluation.release_leaks").group_by("version").agg(pl.col("row_id").n_unique())
    leaked = dict(leaks.iter_rows())
    releases = inputs.table("release.releases").sort("made_at").select("version", "status", "retired_because")
    for version, recorded, why in releases.iter_rows():
        status, reason = status_on(today, recorded, life.review_by, life.retire_by, why, leaked.get(version, 0))
        rows.append(
            {
                "version": version,
                "status": status,
                "review_by": life.review_by,
                "retire_by": life.retire_by,
                "reason": reason,
            }
        )
    return Outcome(
        {"retirement.statuses": pl.DataFrame(rows, schema=_STATUSES)},
        {"statuses": rows, "ends sooner if": list(life.retirement_triggers)},
    )


def status_on(
    today: date, recorded: str, review_by: date, retire_by: date, why: str | None = None, leaked: int = 0
) -> tuple[str, str | None]:
    """A release's status on a day, and why: active, review_due after `review_by`, overdue after `retire_by`.

    One that is retired on record stays so, for the reason `why` on record. `leaked`: how many of its rows are leaks of
    what is sealed now; such a release is due for review on the day that this is found, whatever its dates say: scores
    of what was trained on it count no more, and whether it is retired is its owner's to decide.
    """
    if recorded != "active":
        return recorded, why
    if today > retire_by:
        return "overdue", f"it was to be retired by {retire_by}"
    if leaked:
        return "review_due", f"leak found: {leaked} of its rows are leaks of what is sealed now"
    if today > review_by:
        return "review_due", f"it was to be reviewed by {review_by}"
    return "active", None
