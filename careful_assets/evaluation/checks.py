"""What must hold of the ruler: every detector ran, few rows were struck, and none of them is used all the same."""

from __future__ import annotations

from careful_assets.evaluation.benchmark_checks import BENCHMARK_CHECKS
from careful_assets.evaluation.canaries import CANARY, CANARY_VERSION
from careful_assets.evaluation.detecting import demanded, detector_versions
from careful_assets.evaluation.lineage_checks import LINEAGE_CHECKS
from careful_assets.evaluation.rescan_checks import RESCAN_CHECKS
from careful_assets.evaluation.ruler import RULER_CHECKS
from careful_assets.provenance.ledger import current_versions
from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def detectors_ran(view: CheckView) -> Verdict:
    """Each detector of the profile ran over every candidate, as it is now, against all that is sealed now."""
    candidates = view.table("generation.candidates").height
    sets = view.table("anchors.evaluation_sets")
    sealed, states = int(sets["rows"].sum()), set(sets["registry_state"].to_list())
    runs = {row["detector"]: row for row in view.table("evaluation.detectors").iter_rows(named=True)}
    known = detector_versions()
    versions = {name: known[name] for name in demanded(view.loaded.card, view.loaded.profile.leaks)}
    wrong = []
    for name, version in (versions | {CANARY: CANARY_VERSION}).items():
        run = runs.get(name)
        if run is None or not run["ran"]:
            wrong.append(f"{name} did not run ({run['cause'] if run else 'no record'})")
            continue
        if run["version"] != version:
            wrong.append(f"{name} ran at version {run['version']}, it is now {version}")
        if run["rows_seen"] != candidates:
            wrong.append(f"{name} saw {run['rows_seen']} of {candidates} rows")
        if name != CANARY and (run["sealed_rows"] != sealed or {run["registry_state"]} != states):
            wrong.append(f"{name} held them against another ruler, of {run['sealed_rows']} rows instead of {sealed}")
    if wrong:
        return Verdict(False, f"{'; '.join(wrong)}. No verdict is no clean verdict; materialize evaluation again")
    words = f"{len(runs)} detectors held {candidates} rows against {sealed} sealed ones"
    return Verdict(True, words, {"rows": candidates, "sealed": sealed})


def leak_share(view: CheckView) -> Verdict:
    """No more rows were struck than the card tolerates."""
    kept = view.table("labeling.labels").height
    leaks = view.table("evaluation.leaks").select("row_id").unique()
    struck = view.table("labeling.labels").join(leaks, on="row_id", how="semi").height
    limit = view.loaded.card.evaluation.max_leak_share
    holds = struck <= limit * kept
    summary = f"{struck} of {kept} kept rows are leaks; the card tolerates {limit:.1%}"
    if not holds:
        summary += ". The generator knows the ruler: look at evaluation.leaks, change the prompts or the generator"
    return Verdict(holds, summary, {"struck": struck, "kept": kept, "max_leak_share": limit})


def no_struck_row_downstream(view: CheckView) -> Verdict:
    """No mix and no release made from this very verdict holds a struck row."""
    versions = current_versions(view.connection)
    now = versions["evaluation"].data_version
    struck = set(view.table("evaluation.leaks")["row_id"].to_list())
    used: set[str] = set()
    for stage, table in (("training", "training.mixes"), ("release", "release.rows")):
        if stage in versions and versions[stage].upstream.get("evaluation") == now:
            used |= set(view.table(table)["row_id"].to_list())
    found = sorted(struck & used)
    if found:
        return Verdict(
            False,
            f"{len(found)} struck rows are in use, e.g. {found[0][:16]}; retire that release and train again",
            {"rows": found[:20]},
        )
    return Verdict(True, f"none of the {len(struck)} struck rows is in use", {"struck": len(struck)})


CHECKS = (
    Check("detectors_ran", 2, "E", "Did every leak detector run over every candidate?", detectors_ran),
    Check("leak_share", 1, "E", "Is the share of leaked rows tolerable?", leak_share),
    Check("no_struck_row_downstream", 1, "E", "Is no struck row in use?", no_struck_row_downstream),
    *LINEAGE_CHECKS,
    *BENCHMARK_CHECKS,
    *RULER_CHECKS,
    *RESCAN_CHECKS,
)
