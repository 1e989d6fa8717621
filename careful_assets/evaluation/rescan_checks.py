"""What people are told of active releases that hold rows of the ruler.

Belongs here: the advice. Advice alone: it must not keep the successor from being made that mends it. Does not belong
here: the scan (`rescans`), the release's status (the retirement room).
"""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.ledger import standing_state
from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def active_releases_hold_no_leak(view: CheckView) -> Verdict:
    """Advice: every release that stood when evaluation ran was held against what is sealed now; it holds none of it."""
    active = _releases_of_then(view)
    scans = {row["version"]: row for row in view.table("evaluation.release_scans").iter_rows(named=True)}
    leaks = view.table("evaluation.release_leaks").filter(pl.col("version").is_in(active))
    state = standing_state(view.connection)
    wrong = []
    for version in active:
        scan = scans.get(version)
        if scan is None:
            wrong.append(f"{version} was not scanned")
        elif scan["cause"] is not None:
            wrong.append(f"the scan of {version} failed: {scan['cause']}")
        elif scan["registry_state"] != state:
            wrong.append(f"{version} was held against other sealed sets than stand now")
    unread = (
        f"{'; '.join(wrong)}. No scan is no clean scan: mend that, and materialize evaluation again" if wrong else ""
    )
    counted = leaks.group_by("version").agg(rows=pl.col("row_id").n_unique()).sort("version")
    held = "; ".join(
        f"{version} holds {rows} rows that are leaks of sealed ones" for version, rows in counted.iter_rows()
    )
    evidence = {"releases": len(active), "rows": int(counted["rows"].sum()), "not_scanned": len(wrong)}
    if held:
        remedy = f"{held}. Materialize what follows to release the successor without them, and retire the old version"
        return Verdict(False, f"{remedy}. {unread}".rstrip(" ."), evidence)
    if unread:
        return Verdict(False, unread, evidence)
    return Verdict(True, f"{len(active)} active releases hold no leak of what is sealed now", evidence)


def _releases_of_then(view: CheckView) -> list[str]:
    """The active releases that are older than the evaluation: a younger one was made from its verdict."""
    made = view.table("provenance.versions").filter(stage="evaluation").sort("seq")["made_at"]
    active = view.table("release.releases").filter(status="active")
    if not made.is_empty():
        active = active.filter(pl.col("made_at") < made[-1])
    return sorted(active["version"].to_list())


RESCAN_CHECKS = (
    Check(
        "active_releases_hold_no_leak",
        1,
        "EL",
        "Do the active releases hold no row of what is sealed now?",
        active_releases_hold_no_leak,
        severity="warn",
    ),
)
