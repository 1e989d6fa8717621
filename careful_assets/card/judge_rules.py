"""What a card's paraphrase judge must hold: it is of another family than the generator, whose blind spots it shares.

Belongs here: what can be told from the card alone. Does not belong here: the family of a model that the environment
names (`llm.paraphrase_judge.open_judge` holds it then).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from careful_assets.card.plain import Broken, Values, text_at


def _judge_is_of_another_family(card: Values) -> Iterator[Broken]:
    judge = text_at(card, "evaluation", "paraphrase_judge", "family")
    generator = text_at(card, "generation", "generator", "family")
    if judge is not None and judge == generator:
        yield (
            ("evaluation", "paraphrase_judge", "family"),
            f"is {judge}, and so is generation.generator.family: a judge of the generator's family shares what that "
            "one is blind to; name a model of another family",
        )


JUDGE_RULES: tuple[Callable[[Values], Iterator[Broken]], ...] = (_judge_is_of_another_family,)
