"""What a card's evaluation must hold over several keys: a judge of another family, sets that are told apart.

Belongs here: what can be told from the card alone. Does not belong here: the family of a model that the environment
names (`llm.paraphrase_judge.open_judge` holds it then), what a set's release must be (`anchors.evaluation_sets`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from careful_assets.card.plain import Broken, Values, entries_at, text_at

_OWN_SET = "anchors"  # in the vault, the anchors' own rows among the sets


def _judge_is_of_another_family(card: Values) -> Iterator[Broken]:
    judge = text_at(card, "evaluation", "paraphrase_judge", "family")
    generator = text_at(card, "generation", "generator", "family")
    if judge is not None and judge == generator:
        yield (
            ("evaluation", "paraphrase_judge", "family"),
            f"is {judge}, and so is generation.generator.family: a judge of the generator's family shares what that "
            "one is blind to; name a model of another family",
        )


def _sets_are_told_apart(card: Values) -> Iterator[Broken]:
    seen = {_OWN_SET: "is what the anchors' own sealed rows are called; name the set otherwise"}
    released: dict[str, str] = {}
    for index, entry in entries_at(card, "evaluation", "sets"):
        name = text_at(entry, "name")
        if name in seen:
            yield ("evaluation", "sets", index, "name"), f"{name!r} {seen[name]}"
        elif name is not None:
            seen[name] = "is named a second time; keep one, or give each a name of its own"
        digest = text_at(entry, "content_digest")
        if digest in released:
            yield (
                ("evaluation", "sets", index, "content_digest"),
                f"is that of {released[digest]!r}, too: the same rows would be scored as two sets; keep one",
            )
        elif digest is not None:
            released[digest] = str(name)


def _sets_are_of_others(card: Values) -> Iterator[Broken]:
    for index, entry in entries_at(card, "evaluation", "sets"):
        if text_at(entry, "dataset") == text_at(card, "name") is not None:
            yield (
                ("evaluation", "sets", index, "dataset"),
                "is this dataset itself: nothing is measured on what it made; name a set of another dataset",
            )


EVALUATION_RULES: tuple[Callable[[Values], Iterator[Broken]], ...] = (
    _judge_is_of_another_family, _sets_are_told_apart, _sets_are_of_others,
)  # fmt: skip
