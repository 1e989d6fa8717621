"""The requests of one round: how many of which label, which template, which seed.

The same input plans the same requests. Belongs here: one round for given quotas. Does not belong here: the quotas
(`rounds`), which exemplars a request shows (`patterns`), what is masked in them (`scrubbing`) and sending
(`llm.dispatch`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.prompts import Prompt
from careful_assets.errors import Refused, StageFailed
from careful_assets.generation.patterns import PATTERNS
from careful_assets.generation.patterns.pattern import Pattern, Row, Turn
from careful_assets.generation.prompts import render
from careful_assets.generation.scrubbing import scrub
from careful_assets.llm.requests import GeneratorIdentity, Request

_NONE: Mapping[str, int] = MappingProxyType({})


def plan_round(
    card: Card, prompts: Sequence[Prompt], exemplars: pl.DataFrame, identity: GeneratorIdentity, round: int,
    quotas: Mapping[str, int], first_index: int, served: Mapping[str, int] = _NONE,
) -> list[Request]:  # fmt: skip
    """Requests that ask for exactly `quotas` rows a label. Prompts show exemplars without personal data.

    Args:
        card: the dataset's card; `generation` decides completions and exemplars a request, seed and parameters.
        prompts: templates, taken in rotation.
        exemplars: row_id, text, label, group_id; their order plays no part.
        identity: who is going to answer.
        round: the round's number, from 1.
        quotas: rows to ask for by label; zero asks nothing.
        first_index: the number of requests in earlier rounds. Request i of the dataset has the card's seed + i · n
            and its completion c that seed + c, modulo `llm.requests.SEEDS`, so that no two completions share a seed.
        served: of these requests, how many asked for each label: patterns that take exemplars in turn go on from there.

    Raises:
        Refused: the card's artifact type has no pattern.
        StageFailed: a label has fewer exemplars than a prompt shows.
    """
    settings, pattern = card.generation, _pattern_of(card)
    shown, size = settings.exemplars_per_prompt, settings.completions_per_request
    by_label = {label: _groups(exemplars, label) for label in sorted(quotas) if quotas[label] > 0}
    _refuse_shortage(card, {label: sum(map(len, groups)) for label, groups in by_label.items()}, shown)
    mode = settings.generator.mode
    params = settings.parameters.model_dump(mode="json", exclude_none=True)
    shown_as = cache(scrub)  # only what is chosen is searched, and once
    requests: list[Request] = []
    for label, groups in by_label.items():
        for turn, start in enumerate(range(0, quotas[label], size), served.get(label, 0)):
            index = first_index + len(requests)
            prompt = prompts[index % len(prompts)]
            rows = pattern.choose(groups, Turn(settings.seed, label, index, turn, shown))
            seen = {"label": label, **pattern.seen([shown_as(text) for _, text in rows])}
            requests.append(
                Request.make(
                    round=round, stratum=label, prompt_id=prompt.prompt_id, prompt_sha256=prompt.sha256,
                    rendered_prompt=render(prompt, seen), generator=identity, mode=mode, params=params,
                    seed=settings.seed + index * size, completions=min(size, quotas[label] - start),
                    parent_ids=[row_id for row_id, _ in rows],
                )
            )  # fmt: skip
    return requests


def _pattern_of(card: Card) -> Pattern:
    artifact_type = card.purpose.artifact_type
    if artifact_type not in PATTERNS:
        raise Refused(
            f"card {card.name}: there is no pattern that makes prompts for the artifact type {artifact_type}; "
            f"purpose.artifact_type may be {', '.join(sorted(PATTERNS))}"
        )
    return PATTERNS[artifact_type]


def _groups(exemplars: pl.DataFrame, label: str) -> list[list[Row]]:
    """The label's exemplars by group, groups and rows in the order of their ids."""
    rows = exemplars.filter(pl.col("label") == label).select("group_id", "row_id", "text").sort("group_id", "row_id")
    groups: dict[str, list[Row]] = {}
    for group_id, row_id, text in rows.iter_rows():
        groups.setdefault(group_id, []).append((row_id, text))
    return list(groups.values())


def _refuse_shortage(card: Card, available: Mapping[str, int], shown: int) -> None:
    short = [f"{label} has {n}" for label, n in available.items() if n < shown]
    if short:
        raise StageFailed(
            f"card {card.name}: a prompt shows {shown} exemplars of the label asked for, but "
            f"{'; '.join(short)} in the exemplar split. Lower generation.exemplars_per_prompt, raise "
            "anchors.split.exemplar, or collect anchors"
        )
