"""Generation: plan the round's requests, have them answered over the journal, and load every recorded answer."""

from __future__ import annotations

import asyncio
from typing import Any

import polars as pl

from careful_assets.generation.candidates import candidates_frame, requests_frame
from careful_assets.generation.generators import OpenGenerator, open_generator
from careful_assets.generation.rounds import Plan, planned_rounds
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.progress import reporting
from careful_assets.provenance.stage import Inputs, Outcome, StageContext


def generate(context: StageContext, inputs: Inputs) -> Outcome:
    """The generation stage: candidates with a record of every request, from the journal's answers.

    Raises:
        StageFailed: the generator cannot be started or does not answer; what it answered is kept.
        MalformedInput: the journal is corrupt.
    """
    card = context.card
    exemplars = (
        inputs.table("anchors.rows").filter(pl.col("split") == "exemplar").select("row_id", "text", "label", "group_id")
    )
    opened = open_generator(card, context.home, exemplars)
    journal = Journal(context.home.journal(card.name))
    plan = _plan(context, inputs, exemplars, opened, journal)
    if plan.to_send:
        with reporting(f"{card.name}: asking {opened.generator.identity.generator_id}", context.log) as progress:
            asyncio.run(
                answer_all(plan.to_send, opened.generator, journal, in_flight=opened.in_flight, on_progress=progress)
            )
    state = journal.read()
    requests = requests_frame(plan.requests, state)
    candidates = candidates_frame(plan.requests, state, card.purpose.artifact_type)
    return Outcome(
        {"generation.candidates": candidates, "generation.requests": requests},
        _shown(candidates, requests, opened),
    )


def _plan(
    context: StageContext, inputs: Inputs, exemplars: pl.DataFrame, opened: OpenGenerator, journal: Journal
) -> Plan:
    """The rounds so far and the one to run. Outcomes of rounds that the journal does not know belong to another
    generator, prompt or seed: with those changed, the rounds begin anew.
    """
    identity, rounds = opened.generator.identity, inputs.rounds()
    plan = planned_rounds(context.card, context.loaded.prompts, exemplars, identity, rounds)
    known = journal.read().requests
    if all(request.request_id in known for request in plan.requests if request.round != plan.open_round):
        return plan
    context.log("the generator, a prompt, a seed or the exemplars changed: generation starts at round 1 again")
    return planned_rounds(context.card, context.loaded.prompts, exemplars, identity, rounds.clear())


def _shown(candidates: pl.DataFrame, requests: pl.DataFrame, opened: OpenGenerator) -> dict[str, Any]:
    identity = opened.generator.identity
    by_label = (
        candidates.group_by("requested_label", "finish_reason").len("rows").sort("requested_label", "finish_reason")
    )
    by_status = requests.group_by("status").len("requests").sort("status")
    failures = requests.drop_nulls("cause").group_by("cause").len("requests").sort("cause")
    return {
        "candidates": candidates.height,
        "by label": by_label.to_dicts(),
        "requests": by_status.to_dicts(),
        "failures": failures.to_dicts(),
        "sent again": int(requests["resent"].sum()),
        "generator": f"{identity.generator_id}, of the family {identity.family}",
        "generator digest": identity.digest,
        "prompts": requests.group_by("prompt_id", "prompt_sha256").len("requests").sort("prompt_id").to_dicts(),
        "tokens": int(requests["tokens"].sum()),
    }
