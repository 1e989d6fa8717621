"""Generation: plan the round's requests, have them answered over the journal, and load every recorded answer."""

from __future__ import annotations

import asyncio

import polars as pl

from careful_assets.generation.candidates import candidates_frame, requests_frame
from careful_assets.generation.forecasts import forecasts_frame
from careful_assets.generation.generators import OpenGenerator, open_generator
from careful_assets.generation.page import forecast_in_words, shown
from careful_assets.generation.rounds import Plan, ending_of, planned_rounds
from careful_assets.generation.sending import send
from careful_assets.llm.journal import Journal
from careful_assets.llm.prices import Prices
from careful_assets.provenance.stage import Inputs, Outcome, StageContext


def generate(context: StageContext, inputs: Inputs) -> Outcome:
    """The generation stage: candidates with a record of every request, from the journal's answers.

    What the budget did not let through is held back: on record, and sent once the card allows more.

    Raises:
        StageFailed: the generator has no price where it needs one, cannot be started or does not answer; what it
            answered is kept.
        MalformedInput: the journal is corrupt.
    """
    card = context.card
    exemplars = (
        inputs.table("anchors.rows").filter(pl.col("split") == "exemplar").select("row_id", "text", "label", "group_id")
    )
    opened = open_generator(card, context.home, exemplars)
    journal = Journal(context.home.journal(card.name))
    plan, rounds = _plan(context, inputs, exemplars, opened, journal)
    prices = Prices(card.generation.prices, card.purpose.currency)

    def told() -> None:
        rows = forecasts_frame(plan.to_send, journal.read(), prices, opened.in_flight).iter_rows(named=True)
        for row in rows:
            context.log(f"forecast of {forecast_in_words(row, card)}")

    stopped = (
        asyncio.run(send(plan.to_send, opened, journal, prices, card, context.log, told)) if plan.to_send else None
    )
    state = journal.read()
    tables = {
        "generation.candidates": candidates_frame(plan.requests, state, card.purpose.artifact_type),
        "generation.requests": requests_frame(plan.requests, state, prices, stopped),
        "generation.forecasts": forecasts_frame(plan.requests, state, prices, opened.in_flight),
    }
    why = ending_of(card.purpose.gap, rounds, card.generation.max_rounds)
    return Outcome({**tables}, shown(card, tables, opened.generator.identity, why))


def _plan(
    context: StageContext, inputs: Inputs, exemplars: pl.DataFrame, opened: OpenGenerator, journal: Journal
) -> tuple[Plan, pl.DataFrame]:
    """The rounds so far and the one to run, and the outcomes that this rests on.

    Outcomes of rounds that the journal does not know belong to another generator, prompt or seed: with those changed,
    the rounds begin anew.
    """
    identity, rounds = opened.generator.identity, inputs.rounds()
    plan = planned_rounds(context.card, context.loaded.prompts, exemplars, identity, rounds)
    known = journal.read().requests
    if all(request.request_id in known for request in plan.requests if request.round != plan.open_round):
        return plan, rounds
    context.log("the generator, a prompt, a seed or the exemplars changed: generation starts at round 1 again")
    anew = rounds.clear()
    return planned_rounds(context.card, context.loaded.prompts, exemplars, identity, anew), anew
