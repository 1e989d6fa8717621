"""What a card's purpose must hold: gaps that are gaps, a use that its nature and its verifier can bear, and the caps
that the damage of a wrong row sets.

Belongs here: rules over several keys that start from the purpose. Does not belong here: the table of damages
(`damage`), and rules about the other parts (`rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from careful_assets.card.damage import TABLE, highest
from careful_assets.card.fields import DISCORDANT_SHARE
from careful_assets.card.plain import Broken, Values, entries_at, integer_at, share_at, text_at, texts_at, value_at

_FACING_REALITY = ("training", "evaluation")
_VERIFIERS = ("people", "judges", "program", "grounding", "none")
_ANSWERS = ("rationale", "code_with_tests")


def _gaps_are_gaps(card: Values) -> Iterator[Broken]:
    for index, gap in entries_at(card, "purpose", "gap"):
        current, target = integer_at(gap, "current_count"), integer_at(gap, "target_count")
        if current is not None and target is not None and 0 <= target <= current:
            yield (
                ("purpose", "gap", index, "target_count"),
                f"{target} is not above current_count, {current}: no gap to fill; raise it, or drop this",
            )


def _gap_labels_are_known(card: Values) -> Iterator[Broken]:
    known = texts_at(card, "anchors", "labels")
    for index, gap in entries_at(card, "purpose", "gap"):
        label = text_at(gap, "label")
        if label is not None and known and label not in known:
            yield ("purpose", "gap", index, "label"), f"{label!r} is none of anchors.labels: {', '.join(known)}"


def _nature_fits_use(card: Values) -> Iterator[Broken]:
    nature, use = text_at(card, "purpose", "nature"), text_at(card, "purpose", "use")
    if nature == "fabrication" and use in _FACING_REALITY:
        yield (
            ("purpose", "nature"),
            f"fabrication is refused for {use}: rows that follow no measured distribution must not face "
            "reality; anchor the dataset and declare `nature: simulation`, or change the use",
        )
    if nature == "simulation" and value_at(card, "purpose", "simulates") is None:
        yield (
            ("purpose", "nature"),
            "simulation needs `simulates`: the measured distribution that it draws from (split, labels, words)",
        )


def _simulated_labels_are_known(card: Values) -> Iterator[Broken]:
    known = texts_at(card, "anchors", "labels")
    for index, label in enumerate(texts_at(card, "purpose", "simulates", "labels")):
        if known and label not in known:
            place = ("purpose", "simulates", "labels", index)
            yield place, f"{label!r} is none of anchors.labels: {', '.join(known)}"


def _something_checks_what_faces_reality(card: Values) -> Iterator[Broken]:
    if not _unchecked_before_reality(card):
        return
    yield (
        ("purpose", "verifier", "kind"),
        f"none is refused for {text_at(card, 'purpose', 'use')}, which faces reality: rows that nothing can check only "
        "launder the generator's guesses; name people, judges or a program, or change the use",
    )


def _damage_sets_the_limits(card: Values) -> Iterator[Broken]:
    levels = [gap["damage"] for _, gap in entries_at(card, "purpose", "gap") if gap.get("damage") in list(TABLE)]
    if not levels:
        return
    level = highest(levels)
    demanded, verifier = TABLE[level], text_at(card, "purpose", "verifier", "kind")
    cap = demanded.max_synthetic_share.get(verifier or "")
    share, leaks = share_at(card, "training", "max_synthetic_share"), share_at(card, "evaluation", "max_leak_share")
    if verifier in _VERIFIERS and cap is None and not _unchecked_before_reality(card):
        yield (
            ("purpose", "verifier", "kind"),
            f"a check by {verifier} is not enough where a wrong row does {level} damage; name one of "
            f"{', '.join(demanded.max_synthetic_share)}",
        )
    if cap is not None and share is not None and share > cap:
        yield (
            ("training", "max_synthetic_share"),
            f"{share:g} is above {cap:g}, the cap where a wrong row does {level} damage and is looked for by "
            f"{verifier}; lower it to {cap:g} or less, or name a verifier that decides more",
        )
    if leaks is not None and leaks > demanded.max_leak_share:
        yield (
            ("evaluation", "max_leak_share"),
            f"{leaks:g} is above {demanded.max_leak_share:g}, the cap where a wrong row does {level} damage; "
            f"lower it to {demanded.max_leak_share:g} or less",
        )


def _wish_is_possible(card: Values) -> Iterator[Broken]:
    wish = share_at(card, "evaluation", "ruler", "visible_change")
    discordant = share_at(card, "evaluation", "ruler", "discordant_share")
    if value_at(card, "evaluation", "ruler", "discordant_share") is None:
        discordant = DISCORDANT_SHARE
    if wish is not None and discordant is not None and wish > discordant:
        yield (
            ("evaluation", "ruler", "visible_change"),
            f"{wish:g} is above discordant_share, {discordant:g}: predictors that differ on that share of the rows "
            "cannot differ by more in recall; lower it, or raise discordant_share",
        )


def _evaluation_sets_measure_only(card: Values) -> Iterator[Broken]:
    if text_at(card, "purpose", "use") != "evaluation":
        return
    kind = text_at(card, "purpose", "artifact_type")
    if kind in _ANSWERS:
        yield (
            ("purpose", "artifact_type"),
            f"{kind} is refused for evaluation: a gold answer that a generator wrote makes its mistakes the truth; let "
            "people write the answers, or generate the questions alone (rag_question)",
        )
    if kind == "rag_question" and text_at(card, "purpose", "verifier", "kind") not in ("grounding", None):
        yield (
            ("purpose", "verifier", "kind"),
            "must be grounding for rag_question.evaluation: a question that no passage answers measures nothing; name "
            "what holds each question against its passage",
        )
    if "training" in texts_at(card, "use_limits", "allowed"):
        yield (
            ("use_limits", "allowed"),
            "training is refused for an evaluation set: what a model was trained on cannot measure it; leave it out",
        )
    forbidden = [text_at(entry, "use") for _, entry in entries_at(card, "use_limits", "forbidden")]
    if "training" not in forbidden:
        yield (
            ("use_limits", "forbidden"),
            "must name training, for this is an evaluation set: what a model was trained on cannot measure it; add it",
        )


def _unchecked_before_reality(card: Values) -> bool:
    return text_at(card, "purpose", "verifier", "kind") == "none" and text_at(card, "purpose", "use") in _FACING_REALITY


PURPOSE_RULES: tuple[Callable[[Values], Iterator[Broken]], ...] = (
    _gaps_are_gaps, _gap_labels_are_known, _nature_fits_use, _simulated_labels_are_known,
    _something_checks_what_faces_reality, _damage_sets_the_limits, _wish_is_possible,
    _evaluation_sets_measure_only,
)  # fmt: skip
