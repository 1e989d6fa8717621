"""What must hold of a release: folders are what their manifests say, rows carry their records and have a right to be
there, and the answers that it rests on still count on the day.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from careful_assets.provenance.ledger import current_versions
from careful_assets.provenance.release_files import RECORDS, ROWS
from careful_assets.provenance.verdicts import Check, CheckView, Verdict
from careful_assets.release.folder import differences, folder_digest
from careful_assets.release.unknown import remedy, told, too_many
from careful_assets.release.versions import version_key

# What was held against the ruler by stage, and says against which state of it.
_HELD_TO_THE_RULER = {"evaluation": ("evaluation.detectors",), "training": ("training.mixes", "training.slices")}


def folder_matches_manifest(view: CheckView) -> Verdict:
    """Every active release's folder is whole: each file's digest, the content digest, the recorded folder digest."""
    releases = view.table("release.releases").filter(pl.col("status") == "active")
    wrong = []
    for row in releases.iter_rows(named=True):
        folder = view.home.releases(view.loaded.card.name) / row["version"]
        found = differences(folder)
        if not found and folder_digest(folder) != row["folder_digest"]:
            found = ["the folder is not the one that was recorded"]
        wrong += [f"{row['version']}: {line}" for line in found]
    if releases.is_empty() or wrong:
        shown = "; ".join(wrong[:5]) or "there is no active release"
        return Verdict(
            False,
            f"{shown}. Restore the folder from a backup, or move it away and materialize release again",
            {"wrong": len(wrong)},
        )
    return Verdict(True, f"{releases.height} release folders are whole", {"releases": releases.height})


def records_travel(view: CheckView) -> Verdict:
    """In the newest release every generated row has a complete record, and no real row pretends to one."""
    folder = _newest_folder(view)
    rows, records = pl.read_parquet(folder / ROWS), pl.read_parquet(folder / RECORDS)
    generated = set(rows.filter(pl.col("origin") == "generated")["row_id"].to_list())
    needed = ["generator_id", "generator_digest", "prompt_sha256", "rendered_prompt", "params", "seed", "parent_ids"]
    complete = set(records.drop_nulls(needed)["row_id"].to_list())
    lacking, strangers = len(generated - complete), len(set(records["row_id"].to_list()) - generated)
    if lacking or strangers:
        return Verdict(
            False,
            f"{lacking} generated rows lack a record, {strangers} records lack a row; materialize release again",
            {"lacking": lacking},
        )
    if not generated:
        return Verdict(False, "no generated row is in it: nothing fills the gap; see what was rejected, and why")
    return Verdict(True, f"{len(generated)} generated rows carry their records", {"generated": len(generated)})


def release_is_clean(view: CheckView) -> Verdict:
    """The newest release holds the rows it may: train anchors, and confirmed, unstruck generated rows; none twice."""
    newest = max(view.table("release.releases")["version"].to_list(), key=version_key)
    strays = view.model("release/rows_without_right", {"version": newest})
    if strays.height:
        return Verdict(
            False,
            f"{strays.height} rows have no right to be in {newest}, e.g. {strays['row_id'][0][:16]}; "
            "materialize release again; retire that version",
            {"rows": strays.height},
        )
    return Verdict(True, f"every row of {newest} may be there, once", {"rows": 0})


def unknown_share(view: CheckView) -> Verdict:
    """Of the newest release's generated rows no more are of unknown origin than the card allows: by default none."""
    newest = max(view.table("release.releases")["version"].to_list(), key=version_key)
    card, generated = view.loaded.card, (pl.col("version") == newest) & (pl.col("origin") == "generated")
    rows = view.table("release.rows").filter(generated).height
    unknown = view.model("inherit/released_unknown", {"version": newest})
    allowed = card.release.max_unknown_share
    evidence = {"rows": rows, "unknown": unknown.height, "max_unknown_share": allowed}
    summary = told(unknown.height, rows, newest)
    if not too_many(card, unknown.height, rows):
        return Verdict(True, f"{summary}; the card allows {allowed:.1%}", evidence)
    files = unknown.group_by(pl.col("file_name").fill_null("no file on record")).len().sort("file_name").iter_rows()
    return Verdict(False, f"{summary} {remedy(card, files)}", evidence)


def answers_still_valid(view: CheckView) -> Verdict:
    """On the day of the check owner, verifier and anchors are vouched for; source and ruler are those of now."""
    wrong = [*_no_longer_vouched_for(view), *_of_another_time(view)]
    if wrong:
        return Verdict(False, "; ".join(wrong), {"wrong": len(wrong)})
    return Verdict(True, "owner, verifier and anchors are still what the card says", {"wrong": 0})


def _no_longer_vouched_for(view: CheckView) -> list[str]:
    card = view.loaded.card
    until, today = card.lifecycle.valid_until, datetime.now(UTC).date()
    answers = {
        "owner": (until.owner, f"the owner ({card.owner.name})", "ask whether they still answer for the dataset"),
        "verifier": (
            until.verifier,
            f"the verifier ({' '.join(card.purpose.verifier.who.split())})",
            "look at whether it still checks rows as the card says",
        ),
        "anchors": (
            until.anchors,
            f"the anchors ({card.anchors.name}, of {card.anchors.owner.name})",
            "ask whether they still hold",
        ),
    }
    return [
        f"{who} was vouched for until {day}; {ask}, then move lifecycle.valid_until.{key} in the card"
        for key, (day, who, ask) in answers.items()
        if day < today
    ]


def _of_another_time(view: CheckView) -> list[str]:
    wrong = []
    newest = view.table("anchors.sources").sort("vintage").tail(1)
    if newest["sha256"].to_list() != [view.loaded.card.anchors.source.sha256]:
        wrong.append("the anchors were read from another source than the card names; materialize anchors again")
    now = set(view.table("anchors.vault_counts")["registry_state"].to_list())
    versions = current_versions(view.connection)
    for stage, tables in _HELD_TO_THE_RULER.items():
        states = {table: set(view.table(table)["registry_state"].to_list()) for table in tables}
        states[f"{stage}'s version"] = {versions[stage].registry_state} if stage in versions else set()
        for what, found in states.items():
            if len(now) != 1 or found != now:
                wrong.append(f"{what} is of another state of the ruler than the vault's now; materialize {stage} again")
    return wrong


def _newest_folder(view: CheckView) -> Path:
    newest = max(view.table("release.releases")["version"].to_list(), key=version_key)
    return view.home.releases(view.loaded.card.name) / str(newest)


CHECKS = (
    Check(
        "folder_matches_manifest", 1, "R", "Is every release folder what its manifest says?", folder_matches_manifest
    ),
    Check("records_travel", 1, "R", "Does every generated row carry its whole record?", records_travel),
    Check("release_is_clean", 1, "EFU", "Has every released row the right to be there?", release_is_clean),
    Check("unknown_share", 1, "R", "Are few enough released rows of unknown origin?", unknown_share),
    Check("answers_still_valid", 2, "CAL", "Do owner, verifier and anchors still hold today?", answers_still_valid),
)
