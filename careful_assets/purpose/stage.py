"""Purpose: freeze the card, and lay out its answers to the seven questions of CAREFUL beside their evidence."""

from __future__ import annotations

from typing import Any

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.profiles import Profile
from careful_assets.provenance.digests import canonical
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.provenance.verdicts import LETTERS

QUESTIONS = {
    "C": "Clear purpose: which gap is filled, and why can reality not fill it sooner?",
    "A": "Anchored reality: which real rows hold it to the world?",
    "R": "Recorded provenance: which generator, prompt, seed and parameters made a row?",
    "E": "Evaluation isolation: does the design keep training data out of the ruler?",
    "F": "Filtering gates: which gates admit a row, and where do refused rows go?",
    "U": "Use limits: which uses are allowed, and which are not?",
    "L": "Lifecycle monitoring: what catches failures, and what ends the dataset?",
}


def freeze_card(context: StageContext, inputs: Inputs) -> Outcome:
    """The purpose stage: the card's snapshot with its digest, and one answer a letter."""
    card, profile = context.card, context.profile
    counted = dict(inputs.model("anchors/label_counts").iter_rows())
    answers = answers_of(card, profile, [prompt.prompt_id for prompt in context.loaded.prompts])
    snapshot = {
        "card_digest": context.loaded.digest,
        "profile_digest": profile.digest,
        "card": canonical(card.model_dump(mode="json")),
    }
    gaps = [
        {
            "label": gap.label,
            "claimed now": gap.current_count,
            "counted now": counted.get(gap.label, 0),
            "target": gap.target_count,
        }
        for gap in card.purpose.gap
    ]
    return Outcome(
        {"purpose.cards": pl.DataFrame([snapshot]), "purpose.answers": pl.DataFrame(answers)},
        _shown(context, gaps, answers),
    )


def _shown(context: StageContext, gaps: list[dict[str, Any]], answers: list[dict[str, Any]]) -> dict[str, Any]:
    """The dataset in its own words, then an entry a letter: one table of seven long answers would not be legible."""
    card = context.card
    shown: dict[str, Any] = {"title": card.title, "description": card.description.strip(), "gap": gaps}
    shown |= {f"if {gap.label} is wrong": gap.damage_if_wrong.strip() for gap in card.purpose.gap}
    for row in answers:
        answer = row["answer"].replace(".;", ";").replace(".)", ")").rstrip(".")
        shown[f"{row['letter']}: {LETTERS[row['letter']]}"] = f"{answer}. Evidence: {row['evidence']}"
    return shown | {"cell": card.purpose.cell, "card digest": context.loaded.digest}


def answers_of(card: Card, profile: Profile, prompt_ids: list[str]) -> list[dict[str, Any]]:
    """The card's answers, letter by letter, with where to see for oneself."""
    gaps = "; ".join(
        f"{gap.label} from {gap.current_count} to {gap.target_count} rows: {gap.why_not_collect}"
        for gap in card.purpose.gap
    )
    generation, life = card.generation, card.lifecycle
    forbidden = "; ".join(f"{entry.use} ({entry.reason})" for entry in card.use_limits.forbidden)
    said = {
        "C": (gaps, "card: purpose.gap"),
        "A": (f"{card.anchors.name}, {card.anchors.licence}, split by group", "anchors.rows, anchors.vault_counts"),
        "R": (
            f"{generation.generator.family} ({generation.generator.kind}), prompts {', '.join(prompt_ids)}, "
            f"seeds from {generation.seed}",
            "generation.requests, one record a request",
        ),
        "E": (
            f"{card.anchors.split.vault} percent of the groups sealed before the first prompt; detectors "
            f"{', '.join(profile.leaks.detectors)}; at most {card.evaluation.max_leak_share:.0%} struck",
            "provenance.openings, evaluation.leaks",
        ),
        "F": (
            f"gates {', '.join(setting.gate for setting in profile.gates)}; judges {', '.join(card.labeling.judges)}",
            "filtering.decisions, labeling.votes; refused rows stay, with their reason",
        ),
        "U": (
            f"allowed: {', '.join(card.use_limits.allowed)}; at most {card.training.max_synthetic_share:.0%} generated "
            f"in a class; forbidden: {forbidden or 'none named'}",
            "manifest.json of each release",
        ),
        "L": (
            f"reviewed by {life.review_by}, retired by {life.retire_by}, or when: "
            f"{'; '.join(life.retirement_triggers)}",
            "monitoring.observations, retirement.statuses",
        ),
    }
    return [
        {"letter": letter, "question": question, "answer": said[letter][0], "evidence": said[letter][1]}
        for letter, question in QUESTIONS.items()
    ]
