"""What must hold of a dataset's purpose before a generator is asked for anything."""

from __future__ import annotations

from careful_assets.provenance.verdicts import Check, CheckView, Verdict
from careful_assets.purpose.stage import QUESTIONS


def careful_is_answered(view: CheckView) -> Verdict:
    """Every letter has one answer with its evidence, and the snapshot is that of the current card."""
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
    return Verdict(True, "all seven questions are answered, with evidence", {"card_digest": snapshot["card_digest"]})


def gap_counts_hold(view: CheckView) -> Verdict:
    """What the card claims to have of each gap class is what the anchors hold, and less than it wants."""
    counted = dict(view.model("anchors/label_counts").iter_rows())
    wrong = [
        f"{gap.label}: the card claims {gap.current_count}, the anchors hold {counted.get(gap.label, 0)}"
        for gap in view.loaded.card.purpose.gap
        if counted.get(gap.label, 0) != gap.current_count
    ]
    if wrong:
        return Verdict(False, f"{'; '.join(wrong)}; mend purpose.gap in the card", {"wrong": len(wrong)})
    return Verdict(True, "the claimed counts are the counted ones", {"wrong": 0})


CHECKS = (
    Check("careful_is_answered", 1, "CU", "Is every letter of CAREFUL answered?", careful_is_answered),
    Check("gap_counts_hold", 1, "C", "Is the gap as large as the card claims?", gap_counts_hold),
)
