"""What must hold of a release's end: it has dates, and none is past its last one."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from careful_assets.provenance.verdicts import Check, CheckView, Verdict

_RETIRED = ["version", "retired_because"]


def status_is_dated(view: CheckView) -> Verdict:
    """Every release has a status and dates, and none lives past its `retire_by` on the day of the check.

    Those that are retired on record are shown as retired, with the reason, and no others.
    """
    recorded = view.table("release.releases")
    releases = set(recorded["version"].to_list())
    statuses = view.table("retirement.statuses")
    missing = sorted(releases - set(statuses["version"].to_list()))
    retired = {tuple(row) for row in recorded.filter(pl.col("status") == "retired").select(_RETIRED).iter_rows()}
    shown = statuses.filter(pl.col("status") == "retired").select("version", "reason")
    untold = sorted(version for version, _ in retired ^ {tuple(row) for row in shown.iter_rows()})
    overdue = _due(statuses, "overdue", "retire_by")
    if missing:
        return Verdict(False, f"no status for {', '.join(missing)}; materialize retirement again")
    if untold:
        return Verdict(
            False, f"{', '.join(untold)}: retired on record and here are two things; materialize retirement again"
        )
    if overdue:
        return Verdict(
            False,
            f"{', '.join(overdue)} should be retired by now; retire it, or review it and move the date in the card",
        )
    return Verdict(
        True,
        f"{len(releases)} releases have a status and dates, {len(retired)} of them are retired",
        {"releases": len(releases), "retired": len(retired)},
    )


def review_not_due(view: CheckView) -> Verdict:
    """Advice: a release whose review date has passed, or in which a leak was found, wants its owner."""
    statuses = view.table("retirement.statuses")
    due = _due(statuses, "review_due", "review_by")
    leaked = view.table("evaluation.release_leaks").filter(pl.col("version").is_in(due))["version"].unique().sort()
    late, owner = [version for version in due if version not in leaked], view.loaded.card.owner
    told = [f"{', '.join(late)}: {owner.name} was to review it by now; review it, and move the date in the card"]
    told += [f"{', '.join(leaked)}: rows of it are leaks of what is sealed now; {owner.name} is to decide on it: "
             "release its successor without them, and retire it"]  # fmt: skip
    summary = "; ".join(words for words, there in zip(told, (bool(late), len(leaked) > 0), strict=True) if there)
    return Verdict(not due, summary or "no review is due", {"due": len(due), "leaked": len(leaked)})


def _due(statuses: pl.DataFrame, status: str, last_day: str) -> list[str]:
    """Versions that bear the status, or would today: days pass without anyone materializing retirement."""
    living = pl.col("status").is_in(["active", "review_due"])
    past = living & (pl.col(last_day) < datetime.now(UTC).date())
    return sorted(statuses.filter((pl.col("status") == status) | past)["version"].to_list())


CHECKS = (
    Check("status_is_dated", 2, "L", "Has every release a status and an end that is not past?", status_is_dated),
    Check("review_not_due", 2, "L", "Is no review due?", review_not_due, severity="warn"),
)
