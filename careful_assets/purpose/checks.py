"""What must hold of a dataset's purpose before a generator is asked for anything."""

from __future__ import annotations

import polars as pl

from careful_assets.provenance.verdicts import Check, CheckView, Verdict
from careful_assets.purpose.answers import QUESTIONS
from careful_assets.purpose.gaps import span
from careful_assets.purpose.limits import limits_frame
from careful_assets.purpose.ruler import in_words, sees_the_wish


def careful_is_answered(view: CheckView) -> Verdict:
    """Every letter has one answer with its evidence, and snapshot and limits are those of the current card."""
    answers = view.table("purpose.answers")
    answered = {
        row["letter"] for row in answers.iter_rows(named=True) if row["answer"].strip() and row["evidence"].strip()
    }
    open_letters = sorted(set(QUESTIONS) - answered)
    snapshot = view.table("purpose.cards").row(0, named=True)
    if open_letters:
        return Verdict(False, f"no answer for {', '.join(open_letters)}; answer in the card", {"open": open_letters})
    if snapshot["card_digest"] != view.loaded.digest:
        return Verdict(False, "the snapshot is not that of the current card; materialize purpose again")
    if view.table("purpose.limits").rows() != limits_frame(view.loaded.card).rows():
        return Verdict(False, "the limits are not those that the card's damage demands; materialize purpose again")
    return Verdict(True, "all seven questions are answered, with evidence", {"card_digest": snapshot["card_digest"]})


def gap_counts_hold(view: CheckView) -> Verdict:
    """What the card claims to have of each gap class is what the anchors hold, and that is less than it wants.

    Rows that were erased since the card was written may be among those claimed; of which class they were is not known.
    """
    counted = dict(view.model("anchors/label_counts").iter_rows())
    listed = view.table("provenance.erased").filter(pl.col("kind") == "anchor")
    erased = listed["item"].n_unique()
    wrong = []
    for gap in view.loaded.card.purpose.gap:
        held = counted.get(gap.label, 0)
        if not held <= gap.current_count <= held + erased:
            since = f", and {erased} were erased" if erased else ""
            wrong.append(f"{gap.label}: the card claims {gap.current_count}, the anchors hold {held}{since}")
        if held >= gap.target_count:
            wrong.append(f"{gap.label}: already filled, the anchors hold {held} and the target is {gap.target_count}")
    if wrong:
        return Verdict(False, f"{'; '.join(wrong)}; mend purpose.gap in the card", {"wrong": len(wrong)})
    return Verdict(True, "the claimed counts are the counted ones, and below their targets", {"wrong": 0})


def ruler_sees_the_wish(view: CheckView) -> Verdict:
    """The sealed rows of each gap class can show the change in recall that the card wishes to see."""
    card = view.loaded.card
    rows = {row["label"]: row for row in view.table("purpose.ruler").iter_rows(named=True)}
    unmeasured = [gap.label for gap in card.purpose.gap if gap.label not in rows]
    if unmeasured:
        return Verdict(False, f"nobody asked the ruler about {', '.join(unmeasured)}; materialize purpose again")
    blind = [rows[gap.label] for gap in card.purpose.gap if not sees_the_wish(rows[gap.label])]
    if blind:
        said = "; ".join(in_words(row, card.anchors.split.vault) for row in blind)
        remedy = "collect them before anything is generated, or mend evaluation.ruler in the card"
        return Verdict(False, f"{said}; {remedy}", {"more_rows": {row["label"]: row["more_rows"] for row in blind}})
    said = "; ".join(in_words(row, card.anchors.split.vault) for row in rows.values())
    return Verdict(True, said, {"blind": 0})


def simulated_rows_exist(view: CheckView) -> Verdict:
    """The measured distribution that a simulation draws from holds rows of every label that the card names."""
    drawn = view.loaded.card.purpose.simulates
    if drawn is None:
        return Verdict(True, "it is a fabrication and draws from no measured distribution", {"rows": 0})
    rows = {(row["split"], row["label"]): row["rows"] for row in view.table("purpose.simulated").iter_rows(named=True)}
    empty = [label for label in drawn.labels if not rows.get((drawn.split, label))]
    if empty:
        return Verdict(
            False,
            f"the {drawn.split} split holds no row of {', '.join(empty)}, which the card says to draw from; "
            "mend purpose.simulates in the card, or collect such rows",
            {"empty": len(empty)},
        )
    total = sum(rows[drawn.split, label] for label in drawn.labels)
    return Verdict(True, f"the simulation draws from {total:,} rows of the {drawn.split} split", {"rows": total})


def collecting_is_slower(view: CheckView) -> Verdict:
    """Advice: where collecting is as fast and as cheap as generating, reality is to be had."""
    currency = view.loaded.card.purpose.currency
    better = [
        f"{row['label']}: collecting {row['missing']:,} rows takes {span(row['collect_days'])} and "
        f"{row['collect_cost']:,.2f} {currency}, generating them {span(row['generate_days'])} and "
        f"{row['generate_cost']:,.2f} {currency}"
        for row in view.table("purpose.gaps").iter_rows(named=True)
        if row["missing"]
        and row["collect_days"] <= row["generate_days"]
        and row["collect_cost"] <= row["generate_cost"]
    ]
    if better:
        return Verdict(False, f"{'; '.join(better)}; collect real rows instead", {"faster to collect": len(better)})
    return Verdict(True, "no gap is filled as fast and as cheaply by collecting", {"faster to collect": 0})


CHECKS = (
    Check("careful_is_answered", 2, "CU", "Is every letter of CAREFUL answered?", careful_is_answered),
    Check("gap_counts_hold", 2, "C", "Is the gap as large as the card claims?", gap_counts_hold),
    Check("ruler_sees_the_wish", 1, "CE", "Can the sealed rows show the wished change?", ruler_sees_the_wish),
    Check("simulated_rows_exist", 1, "CA", "Is there anything measured to draw from?", simulated_rows_exist),
    Check("collecting_is_slower", 1, "C", "Is collecting slower or dearer?", collecting_is_slower, severity="warn"),
)
