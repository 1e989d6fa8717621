"""What must hold of the labels: everyone voted, nobody judged their own work, and how far the judges agree."""

from __future__ import annotations

import polars as pl

from careful_assets.labeling.judges import JUDGES
from careful_assets.provenance.verdicts import Check, CheckView, Verdict


def every_kept_row_voted(view: CheckView) -> Verdict:
    """Each judge of the card gave each kept row one label, and each kept row has one label of its own."""
    expected = len(view.loaded.card.labeling.judges)
    gates = len(view.loaded.profile.gates)
    broken = view.model("labeling/ballots", {"gates": gates, "judges": expected})
    if broken.height:
        return Verdict(
            False,
            f"{broken.height} rows lack a vote or a label, or have too many; materialize labeling again",
            {"rows": broken.height},
        )
    total = view.table("labeling.labels").height
    return Verdict(True, f"{total} kept rows have {expected} votes and one label each", {"rows": total})


def judges_are_independent(view: CheckView) -> Verdict:
    """The judges' families differ from each other and from the generator's."""
    generators = set(view.table("generation.requests")["generator_family"].to_list())
    families = [JUDGES[name].family for name in view.loaded.card.labeling.judges]
    voted = view.table("labeling.votes").select("judge", "family").unique()
    strangers = [
        row["judge"] for row in voted.iter_rows(named=True) if row["judge"] not in view.loaded.card.labeling.judges
    ]
    shared = sorted((set(families) | set(voted["family"].to_list())) & generators)
    if shared:
        return Verdict(
            False, f"a judge shares the generator's family {', '.join(shared)}; name another in labeling.judges"
        )
    if len(set(families)) < len(families):
        return Verdict(False, "two judges are of one family; name judges of different families in labeling.judges")
    if strangers:
        return Verdict(
            False, f"{', '.join(sorted(strangers))} voted but is not in the card; materialize labeling again"
        )
    return Verdict(True, f"judges {', '.join(families)} against generators {', '.join(sorted(generators)) or 'none'}")


def judges_agree(view: CheckView) -> Verdict:
    """Advice: below the profile's kappa the judges disagree so much that people should look."""
    minimum = view.loaded.profile.minimum_kappa
    pairs = view.table("labeling.agreement").filter(pl.col("config").str.contains("kept candidates", literal=True))
    lowest = min((row["value"] for row in pairs.iter_rows(named=True) if row["value"] is not None), default=None)
    if lowest is None:
        return Verdict(
            False, "kappa is undefined on these votes (all of one label, or none); let people look at a sample"
        )
    holds = lowest >= minimum
    summary = f"lowest kappa between two judges {lowest:.2f}, wanted {minimum:.2f}"
    return Verdict(holds, summary if holds else f"{summary}; let people look at a sample", {"kappa": lowest})


CHECKS = (
    Check(
        "every_kept_row_voted", 1, "F", "Has every kept row a vote of every judge, and a label?", every_kept_row_voted
    ),
    Check("judges_are_independent", 1, "FE", "Does nobody judge their own family's work?", judges_are_independent),
    Check("judges_agree", 1, "F", "Do the judges agree enough?", judges_agree, severity="warn"),
)
