"""The requests of one round: which exemplars, which template, which seed.

The same input plans the same requests. Belongs here: one round for given quotas. Does not belong here: the quotas
(`rounds`), what is masked in an exemplar (`scrubbing`) and sending (`llm.dispatch`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import count, islice
from typing import TypeVar

import polars as pl

from careful_assets.card.models import Card, LlmGenerator
from careful_assets.card.prompts import Prompt
from careful_assets.errors import StageFailed
from careful_assets.generation.prompts import render
from careful_assets.generation.scrubbing import scrub
from careful_assets.llm.requests import GeneratorIdentity, Request

T = TypeVar("T")
Row = tuple[str, str]


def plan_round(
    card: Card, prompts: Sequence[Prompt], exemplars: pl.DataFrame, identity: GeneratorIdentity, round: int,
    quotas: Mapping[str, int], first_index: int,
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

    Raises:
        StageFailed: a label has fewer exemplars than a prompt shows.
    """
    settings = card.generation
    shown, size = settings.exemplars_per_prompt, settings.completions_per_request
    by_label = {label: _groups(exemplars, label) for label in sorted(quotas) if quotas[label] > 0}
    _refuse_shortage(card, {label: sum(map(len, groups)) for label, groups in by_label.items()}, shown)
    mode = settings.generator.mode if isinstance(settings.generator, LlmGenerator) else "completion"
    params = settings.parameters.model_dump(mode="json", exclude_none=True)
    shown_as = cache(scrub)  # only what is chosen is searched, and once
    requests: list[Request] = []
    for label, groups in by_label.items():
        for start in range(0, quotas[label], size):
            index = first_index + len(requests)
            prompt = prompts[index % len(prompts)]
            rows = _choose(groups, shown, _draws(f"{settings.seed}:{index}"))
            requests.append(
                Request.make(
                    round=round, stratum=label, prompt_id=prompt.prompt_id, prompt_sha256=prompt.sha256,
                    rendered_prompt=render(prompt, label, [shown_as(text) for _, text in rows]), generator=identity,
                    mode=mode, params=params, seed=settings.seed + index * size,
                    completions=min(size, quotas[label] - start), parent_ids=[row_id for row_id, _ in rows],
                )
            )  # fmt: skip
    return requests


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


def _choose(groups: Sequence[Sequence[Row]], shown: int, draws: Iterator[int]) -> list[Row]:
    """`shown` rows, each of another group as long as there are groups that have not been used."""
    lines = [_shuffled(rows, draws) for rows in islice(_shuffled(groups, draws), shown)]
    chosen: list[Row] = []
    while len(chosen) < shown:
        for line in lines:
            chosen.extend(islice(line, 1))
    return chosen[:shown]


def _shuffled(items: Sequence[T], draws: Iterator[int]) -> Iterator[T]:
    """The items in random order (Fisher and Yates), drawn one at a time as they are asked for."""
    left = list(items)
    for end in range(len(left) - 1, -1, -1):
        at = next(draws) % (end + 1)
        left[at], left[end] = left[end], left[at]
        yield left[end]


def _draws(key: str) -> Iterator[int]:
    """Numbers below 2**64 from SHA-256: the same on every platform and in every release of Python."""
    for step in count():
        yield int.from_bytes(hashlib.sha256(f"{key}:{step}".encode()).digest()[:8], "big")
