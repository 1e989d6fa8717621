"""The seven questions of CAREFUL, and a card's answers to them beside their evidence.

Belongs here: words made from the card and its profile. Does not belong here: what is counted (`gaps`, `ruler`, `bias`).
"""

from __future__ import annotations

from careful_assets.card.models import Card
from careful_assets.card.profiles import Profile

QUESTIONS = {
    "C": "Clear purpose: which gap is filled, and why can reality not fill it sooner?",
    "A": "Anchored reality: which real rows hold it to the world?",
    "R": "Recorded provenance: which generator, prompt, seed and parameters made a row?",
    "E": "Evaluation isolation: does the design keep training data out of the ruler?",
    "F": "Filtering gates: which gates admit a row, and where do refused rows go?",
    "U": "Use limits: which uses are allowed, and which are not?",
    "L": "Lifecycle monitoring: what catches failures, and what ends the dataset?",
}

# Whose page shows the evidence for a letter.
ANSWERED_BY = {
    "C": "purpose",
    "A": "anchors",
    "R": "generation",
    "E": "evaluation",
    "F": "filtering",
    "U": "release",
    "L": "retirement",
}


def answers_of(card: Card, profile: Profile, prompt_ids: list[str]) -> list[dict[str, str]]:
    """The card's answers, letter by letter, with where to see for oneself: the rows of `purpose.answers`."""
    gaps = "; ".join(
        f"{gap.label} from {gap.current_count} to {gap.target_count} rows: {gap.why_not_collect}"
        for gap in card.purpose.gap
    )
    generation, life = card.generation, card.lifecycle
    valid, forbidden = (
        life.valid_until,
        "; ".join(f"{entry.use} ({entry.reason})" for entry in card.use_limits.forbidden),
    )
    said = {
        "C": (gaps, "card: purpose.gap; counted in purpose.gaps, what the ruler can show of it in purpose.ruler"),
        "A": (
            f"{card.anchors.name}, {card.anchors.licence}, vintage {card.anchors.vintage}, owned by "
            f"{card.anchors.owner.name}, split by group",
            "anchors.rows, anchors.vault_counts, purpose.simulated",
        ),
        "R": (
            f"{generation.generator.family or 'the model named when it runs'} ({generation.generator.kind}), prompts "
            f"{', '.join(prompt_ids)}, "
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
            "manifest.json of each release; the caps that the damage sets in purpose.limits",
        ),
        "L": (
            f"reviewed by {life.review_by}, retired by {life.retire_by}, owner confirmed until {valid.owner}, verifier "
            f"until {valid.verifier}, anchors until {valid.anchors}; retired sooner when: "
            f"{'; '.join(life.retirement_triggers)}",
            "monitoring.observations, retirement.statuses",
        ),
    }
    return [
        {"letter": letter, "question": question, "answer": said[letter][0], "evidence": said[letter][1]}
        for letter, question in QUESTIONS.items()
    ]
