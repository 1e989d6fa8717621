"""What must hold of a release's end: it has dates, and none is past its last one."""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def status_is_dated(view: CheckView) -> Verdict:
    """Every release has a status and dates, and none lives past its `retire_by`."""
    releases = set(view.table("release.releases")["version"].to_list())
    statuses = view.table("retirement.statuses")
    missing = sorted(releases - set(statuses["version"].to_list()))
    overdue = statuses.filter(pl.col("status") == "overdue")["version"].to_list()
    if missing:
        return Verdict(False, f"no status for {', '.join(missing)}; materialize retirement again")
    if overdue:
        return Verdict(
            False,
            f"{', '.join(overdue)} should be retired by now; retire it, or review it and move the date in the card",
        )
    return Verdict(True, f"{len(releases)} releases have a status and dates", {"releases": len(releases)})


def review_not_due(view: CheckView) -> Verdict:
    """Advice: a release whose review date has passed wants its owner."""
    due = view.table("retirement.statuses").filter(pl.col("status") == "review_due")["version"].to_list()
    owner = view.loaded.card.owner
    summary = f"{', '.join(due)}: review is due by {owner.name}" if due else "no review is due"
    return Verdict(not due, summary, {"due": len(due)})


CHECKS = (
    Check("status_is_dated", 1, "L", "Has every release a status and an end that is not past?", status_is_dated),
    Check("review_not_due", 1, "L", "Is no review due?", review_not_due, severity="warn"),
)
