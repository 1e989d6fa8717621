"""What a wrong row can do, and what follows from it: the table that sets review, caps and verifiers.

Belongs here: the levels, their consequences and the reasons. Does not belong here: holding a card to them
(`purpose_rules`), and the reading of rows by people, which is labeling's.

The levels:
- minor: somebody is annoyed, and it is put right at no cost.
- moderate: somebody is served badly, and it is found and put right at some cost.
- serious: money, rights or a working product are lost before it is found.
- severe: somebody may be hurt, or what is done cannot be undone.

Review. If n rows drawn at random are read and none is wrong, at most 3/n of all rows are wrong, with 95% confidence
(the rule of three: Hanley & Lippman-Hand 1983, JAMA 249:1743-1745). So 30 rows bound the wrong ones by 10%, 60 by 5%,
300 by 1%. Where one wrong row may hurt somebody no bound will do, and every kept row is read.

Cap on generated rows, by verifier: what sets a safe share is how cheaply and how reliably one row can be checked. A
program that runs the row decides it, so most rows may be generated. People are right more often than models, and tire.
A check of grounding
finds the passage that a question rests on; whether the question is a good one it does not see, and it counts as people.
Judges are models, and share blind spots with the generator: what they let in must at no level outweigh the real rows
by much, at `moderate` not at all, and from `serious` on they are not enough. Where nothing checks, real rows stay
twice as many. At `severe` next to nothing may stand in the place of an answer.

Cap on leaks: leaks are struck whatever their share, so the cap is an alarm. The more depends on the ruler's figures,
the sooner somebody has to look at why a generator knows the sealed rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["minor", "moderate", "serious", "severe"]


@dataclass(frozen=True)
class Consequences:
    """What a level of damage demands. `review_rows`: the least number of kept rows that people read; None means all.

    `max_synthetic_share`: by verifier the most generated rows in a class, as a share; a verifier that is not in it is
    not allowed.
    """

    review: str
    review_rows: int | None
    max_synthetic_share: Mapping[str, float]
    max_leak_share: float


# From the least damage to the most.
TABLE: dict[Level, Consequences] = {
    "minor": Consequences(
        "people read 30 kept rows, drawn at random",
        30,
        {"program": 0.9, "grounding": 0.8, "people": 0.8, "judges": 0.6, "none": 0.3},
        0.10,
    ),
    "moderate": Consequences(
        "people read 60 kept rows, drawn at random",
        60,
        {"program": 0.8, "grounding": 0.7, "people": 0.7, "judges": 0.5},
        0.05,
    ),
    "serious": Consequences(
        "people read 300 kept rows, drawn at random",
        300,
        {"program": 0.5, "grounding": 0.3, "people": 0.3},
        0.02,
    ),
    "severe": Consequences(
        "people read every kept row",
        None,
        {"program": 0.2, "grounding": 0.1, "people": 0.1},
        0.01,
    ),
}


def highest(levels: Iterable[Level]) -> Level:
    """The level of the most damage: a dataset is as dangerous as its most dangerous gap.

    Raises:
        ValueError: there is no level.
    """
    order = list(TABLE)
    return max(levels, key=order.index)
