"""The pattern `paraphrase`: each request has one real row, its seed, said in other words; it may show others beside it.

Seeds are exemplars, never rows of the vault, which no stage but the scorer opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from careful_assets.generation.patterns.drawing import balanced, draws_of
from careful_assets.generation.patterns.pattern import Groups, Row, Turn


class Paraphrase:
    """Each exemplar of the label is the seed once before any is a second time, and so on.

    The order is seeded, anew for each pass through the exemplars, and goes round the groups: a group that has many rows
    comes again once each other one has had its turn.
    """

    artifact_type = "paraphrase"

    def choose(self, groups: Groups, turn: Turn) -> list[Row]:
        """The seed, then others of the label that show the register, from other groups than its own while they last."""
        sizes = tuple(map(len, groups))
        passes, place = divmod(turn.served, sum(sizes))
        home, at = _pass(sizes, turn.seed, turn.label, passes)[place]
        others = [*groups[:home], *groups[home + 1 :]]
        own = [*groups[home][:at], *groups[home][at + 1 :]]
        draws = draws_of(f"{turn.seed}:{turn.index}")
        beside = min(turn.shown - 1, sum(sizes) - sizes[home])
        rest = turn.shown - 1 - beside
        return [groups[home][at], *balanced(others, beside, draws), *balanced([own], rest, draws)]

    def seen(self, texts: Sequence[str]) -> dict[str, str | list[str]]:
        """`seed`: the row to be said in other words. `exemplars`: the others, none of them if one row is shown."""
        return {"seed": texts[0], "exemplars": list(texts[1:])}


@lru_cache(maxsize=32)  # a round asks for the same pass once a request; by sizes, so that no text stays behind
def _pass(sizes: tuple[int, ...], seed: int, label: str, number: int) -> list[tuple[int, int]]:
    """Every exemplar once, as its group's place and its own in it, in the order in which pass `number` takes them."""
    places = [[(group, row) for row in range(size)] for group, size in enumerate(sizes)]
    return balanced(places, sum(sizes), draws_of(f"{seed}:{label}:seeds:{number}"))
