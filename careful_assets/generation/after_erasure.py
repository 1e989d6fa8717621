"""Rounds once a real row was erased: taken from the record, for they cannot be planned again without it.

Belongs here: whether `generation.requests` still is what the card asks for, and the plan that goes on from it. Does not
belong here: rounds while nothing was erased (`rounds`), and erasing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.prompts import Prompt
from careful_assets.generation.patterns import PATTERNS
from careful_assets.generation.plan import plan_round
from careful_assets.generation.prompts import render
from careful_assets.generation.rounds import NextRound, Plan, next_quotas, rounds_on_record
from careful_assets.generation.scrubbing import scrub
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.requests import SEEDS, GeneratorIdentity, Request


@dataclass(frozen=True)
class Record:
    """Generation as it was before: `generation.requests` of the last run, and the journal."""

    requests: pl.DataFrame
    state: JournalState


def plan_from_record(
    card: Card, prompts: Sequence[Prompt], exemplars: pl.DataFrame, identity: GeneratorIdentity,
    rounds: pl.DataFrame, record: Record,
) -> Plan | None:  # fmt: skip
    """Every round's requests as they were asked, erased ones without their texts, and the open round's.

    What the open round lacks, all of it as a rule, is planned from the exemplars of now, with seeds after all that were
    ever used. A request that was never sent and shows what is no exemplar any more is planned anew. None: the record is
    not what the card asks for: generator, prompts, parameters or seed are others, or an exemplar is gone or changed
    though nobody erased it. Arguments as of `rounds.planned_rounds`.

    Raises:
        StageFailed: exemplars are too few for the open round, or `provenance.rounds` skips a round.
    """
    closed = rounds_on_record(card, rounds)
    following = next_quotas(card.purpose.gap, rounds, card.generation.max_rounds)
    wanted = {*closed, *([following.number] if following else [])}
    rows = record.requests.filter(pl.col("round").is_in(sorted(wanted))).to_dicts()
    if not set(closed) <= {row["round"] for row in rows}:
        return None
    asked = _Asked(card, prompts, exemplars, identity, record.state.erased)
    kept: dict[int, Request] = {}
    for row in rows:
        request = _request(row, erased=row["request_id"] in record.state.erased)
        sent = request.request_id in record.state.requests or request.request_id in record.state.erased
        index = asked.index_of(request)
        if index is not None and index not in kept and asked.shows_now(request):
            kept[index] = request
        elif sent:
            return None
    requests = [kept[index] for index in sorted(kept)]
    if following is None:
        return Plan(requests, None)
    further = _lacking(following, requests)
    served = Counter(request.stratum for request in requests)
    first = max(kept, default=-1) + 1
    requests += plan_round(card, prompts, exemplars, identity, following.number, further, first, served)
    return Plan(requests, following.number)


def _lacking(following: NextRound, requests: Sequence[Request]) -> dict[str, int]:
    """The rows by label that the open round asks for beyond its requests on record."""
    have: Counter[str] = Counter()
    for request in requests:
        if request.round == following.number:
            have[request.stratum] += request.completions
    return {label: n - have[label] for label, n in following.quotas.items() if n > have[label]}


def _request(row: dict[str, Any], *, erased: bool) -> Request:
    """A row's request, by the id that it has there."""
    params = json.loads(row["params"])
    identity = (row["generator_id"], row["generator_family"], row["generator_digest"], row["generator_revision"])
    request = Request.make(
        round=row["round"], stratum=row["stratum"], prompt_id=row["prompt_id"], prompt_sha256=row["prompt_sha256"],
        rendered_prompt="" if erased else row["rendered_prompt"], generator=GeneratorIdentity(*identity),
        mode=params.pop("mode"), answer_schema=params.pop("answer_schema", None), params=params, seed=row["seed"],
        completions=row["completions"], parent_ids=row["parent_ids"],
    )  # fmt: skip
    return replace(request, request_id=row["request_id"])


class _Asked:
    """What the card asks for, to hold requests on record against."""

    def __init__(
        self, card: Card, prompts: Sequence[Prompt], exemplars: pl.DataFrame, identity: GeneratorIdentity,
        erased: Collection[str],
    ) -> None:  # fmt: skip
        self._settings = card.generation
        self._pattern = PATTERNS[card.purpose.artifact_type]
        self._prompts = prompts
        self._identity = identity
        self._texts = dict(exemplars.select("row_id", "text").iter_rows())
        self._labels = dict(exemplars.select("row_id", "label").iter_rows())
        self._erased = erased
        self._scrubbed = cache(scrub)

    def index_of(self, request: Request) -> int | None:
        """The request's number among all of the dataset; None if the card does not ask like this."""
        settings = self._settings
        index, rest = divmod((request.seed - settings.seed) % SEEDS, settings.completions_per_request)
        prompt = self._prompts[index % len(self._prompts)]
        asks = (
            GeneratorIdentity(
                request.generator_id, request.generator_family, request.generator_digest, request.generator_revision
            )
            == self._identity
            and (request.prompt_id, request.prompt_sha256) == (prompt.prompt_id, prompt.sha256)
            and request.mode == settings.generator.mode
            and request.params == settings.parameters.model_dump(mode="json", exclude_none=True)
            and request.completions <= settings.completions_per_request
            and len(request.parent_ids) == settings.exemplars_per_prompt
        )
        return index if asks and rest == 0 else None

    def shows_now(self, request: Request) -> bool:
        """Whether it would show the same: its parents are exemplars of its label still, with these texts.

        An erased one shows nothing any more.
        """
        index, parents = self.index_of(request), request.parent_ids
        if request.request_id in self._erased:
            return True
        if index is None or any(self._labels.get(parent) != request.stratum for parent in parents):
            return False
        texts = [self._scrubbed(self._texts[parent]) for parent in parents]
        seen = {"label": request.stratum, **self._pattern.seen(texts)}
        return render(self._prompts[index % len(self._prompts)], seen) == request.rendered_prompt
