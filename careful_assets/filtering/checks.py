"""What must hold of the cascade: every gate ran, and no row went missing on the way."""

from __future__ import annotations

from careful_assets.card.overrides import gates_now
from careful_assets.filtering.excluding import excluded_rows
from careful_assets.filtering.gates.excluded import Excluded
from careful_assets.filtering.own.gates import own_gates
from careful_assets.filtering.own.verdicts import own_expectations_advise, own_expectations_hold
from careful_assets.filtering.quality_checks import QUALITY_CHECKS
from careful_assets.filtering.settings import SetGate, set_gates
from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def every_gate_ran(view: CheckView) -> Verdict:
    """Each gate of the profile judged, in its place, at its current version and threshold, all rows that reached it.

    The dataset's own gates stand at the profile's end; before its first gate what people excluded is refused.
    """
    flow = {row["gate"]: row for row in view.model("filtering/gate_settings").iter_rows(named=True)}
    reached = view.table("generation.candidates").height
    now = gates_now(view.loaded.profile.gates, view.model("filtering/latest_overrides").to_dicts())
    before = [] if view.model("filtering/standing_exclusions").is_empty() else [SetGate(Excluded({}), None)]
    gates, wrong = [*before, *set_gates(now.settings, own_gates(view.loaded))], []
    for position, one in enumerate(gates, -len(before)):
        name = one.gate.name
        row = flow.pop(name, None)
        if row is None:
            if reached > 0:
                wrong.append(f"{name} did not run")
            continue
        expected = (position, one.gate.version, one.threshold)
        found = (row["position"], row["gate_version"], row["threshold"])
        if row["settings"] != 1 or found != expected:
            wrong.append(f"{name} ran as (position, version, threshold) {found}, the profile says {expected}")
        if row["seen"] != reached:
            wrong.append(f"{name} saw {row['seen']} rows of {reached}")
        reached = row["passed"]
    wrong += [f"{gate} ran but is not in the profile" for gate in flow]
    if wrong:
        return Verdict(False, f"{'; '.join(wrong)}; materialize filtering again", {"wrong": len(wrong)})
    return Verdict(True, f"{len(gates)} gates ran in order", {"wrong": 0, "kept": reached})


def exclusions_hold(view: CheckView) -> Verdict:
    """Exactly the rows that exclusions take out were refused for it: a run side by side may have missed one."""
    standing = view.model("filtering/standing_exclusions")
    exemplars = view.model("provenance/exemplars_ever")["row_id"].to_list()
    candidates, requests = view.table("generation.candidates"), view.table("generation.requests")
    due = set(excluded_rows(standing, candidates, requests, exemplars)["row_id"])
    refused = set(view.model("filtering/excluded_now")["row_id"])
    evidence = {"exclusions": standing.height, "rows": len(due), "wrong": len(due ^ refused)}
    if due != refused:
        words = f"{len(due - refused)} excluded rows were let through, {len(refused - due)} others refused"
        return Verdict(False, f"{words}; materialize filtering again", evidence)
    return Verdict(True, f"{len(due)} rows are out by {standing.height} exclusions", evidence)


def rows_conserved(view: CheckView) -> Verdict:
    """At every gate: in = kept + rejected, and what is kept goes on to the next."""
    broken = view.model("filtering/conservation")
    if broken.height:
        gates = ", ".join(sorted(set(broken["gate"].to_list())))
        return Verdict(
            False,
            f"rows went missing or were judged twice at {gates}; materialize filtering again",
            {"gates": broken.height},
        )
    total = view.table("generation.candidates").height
    return Verdict(True, f"all {total} candidates are accounted for at every gate", {"candidates": total})


def something_kept(view: CheckView) -> Verdict:
    """Advice: a round of which nothing is left fills no gap."""
    rounds = view.table("provenance.rounds")
    kept, asked = int(rounds["kept"].sum()), int(rounds["asked"].sum())
    summary = f"{kept} of {asked} rows asked for were kept"
    return Verdict(
        kept > 0, summary if kept else f"{summary}; look at the rejects by reason", {"kept": kept, "asked": asked}
    )


CHECKS = (
    Check("every_gate_ran", 1, "F", "Did every gate of the profile judge every row that reached it?", every_gate_ran),
    Check("exclusions_hold", 1, "RF", "Is what people excluded refused, and nothing else for it?", exclusions_hold),
    Check("rows_conserved", 1, "F", "Is in = kept + rejected at every gate?", rows_conserved),
    Check("own_expectations_hold", 1, "F", "Do the rows together meet the card's own suites?", own_expectations_hold),
    Check(
        "own_expectations_advise",
        1,
        "F",
        "Do they meet what the suites advise?",
        own_expectations_advise,
        severity="warn",
    ),
    Check("something_kept", 1, "F", "Is anything left?", something_kept, severity="warn"),
    *QUALITY_CHECKS,
)
