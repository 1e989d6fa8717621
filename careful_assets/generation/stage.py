"""Generation: plan the round's requests, have them answered over the journal, and load every recorded answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.generation.after_erasure import Record, plan_from_record
from careful_assets.generation.candidates import load_candidates, requests_frame
from careful_assets.generation.excluded import refuse_excluded
from careful_assets.generation.forecasts import forecasts_frame
from careful_assets.generation.generators import OpenGenerator, open_generator
from careful_assets.generation.inherited import Inherited, inherited_rows
from careful_assets.generation.page import forecast_in_words, shown
from careful_assets.generation.rounds import Plan, cut_short_round, ending_of, planned_rounds
from careful_assets.generation.scrubbing import personal_data_in_prompts
from careful_assets.generation.sending import send
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Request
from careful_assets.provenance.stage import Inputs, Outcome, StageContext
from careful_assets.warehouse.quarantine import Quarantine


def generate(context: StageContext, inputs: Inputs) -> Outcome:
    """The generation stage: candidates with a record of every request, from the journal's answers.

    What the budget did not let through is held back: on record, and sent once the card allows more.

    Raises:
        Refused: a round would ask for what people excluded.
        StageFailed: a template holds personal data; the generator has no price where it needs one, cannot be started or
            does not answer; what it answered is kept.
        MalformedInput: the journal is corrupt.
    """
    card = context.card
    exemplars = (
        inputs.table("anchors.rows").filter(pl.col("split") == "exemplar").select("row_id", "text", "label", "group_id")
    )
    opened = open_generator(card, context.home, exemplars)
    journal = Journal(context.home.journal(card.name))
    plan, rounds = _plan(context, inputs, exemplars, opened, journal)
    replayed = card.generation.generator.kind == "replay"
    prices = Prices(card.generation.prices, card.purpose.currency, free=replayed)

    def told() -> None:
        rows = forecasts_frame(plan.to_send, journal.read(), prices, opened.in_flight).iter_rows(named=True)
        for row in rows:
            context.log(f"forecast of {forecast_in_words(row, card)}")

    stopped = None
    if plan.to_send:
        excluded = inputs.model("filtering/standing_exclusions")
        refuse_excluded(card.name, plan.to_send, journal.read().answers, excluded, int(rounds["kept"].sum()))
        _refuse_personal_data(card.name, plan.to_send)
        stopped = asyncio.run(send(plan.to_send, opened, journal, prices, card, context.log, told))
    elif (cut_short := cut_short_round(rounds)) is not None:
        stopped = f"no more rows are asked for: round {cut_short} was cut short, and the quota was lowered since"
    state = journal.read()
    foreign = inherited_rows(context.home.intake(card.name), inputs.erased("request"))
    tables = {
        "generation.candidates": _load(context, plan, state, foreign),
        "generation.requests": pl.concat(
            [foreign.requests_table(prices), requests_frame(plan.requests, state, prices, stopped)]
        ),
        "generation.forecasts": forecasts_frame(plan.requests, state, prices, opened.in_flight),
    }
    if plan.open_round is None:
        told_of_rounds = ending_of(card.purpose.gap, rounds, card.generation.max_rounds)
    else:
        told_of_rounds = f"round {plan.open_round} was asked for; filtering counts what is kept of it"
    return Outcome({**tables}, shown(card, tables, opened.generator.identity, told_of_rounds))


def _load(context: StageContext, plan: Plan, state: JournalState, foreign: Inherited) -> pl.DataFrame:
    """The candidates; raw texts that the cell refuses lie in the quarantine before the masked ones are written."""
    quarantine = Quarantine(context.home.quarantine(context.card.name))
    refuses = any(setting.gate == "personal_data" for setting in context.profile.gates)
    artifact_type, key = context.card.purpose.artifact_type, quarantine.key() if refuses else None
    loaded = [load_candidates(plan.requests, state, artifact_type, key), foreign.load(artifact_type, key)]
    quarantine.keep(pl.concat([one.withheld for one in loaded]).sort("row_id"))
    return pl.concat([one.candidates for one in loaded]).sort("row_id")


def _refuse_personal_data(name: str, requests: Sequence[Request]) -> None:
    """Exemplars are masked: what is still found stands in a template or a label, and would be sent again and again."""
    prompts = [(one.request_id, one.rendered_prompt) for one in requests]
    found = personal_data_in_prompts(pl.DataFrame(prompts, schema=["request_id", "rendered_prompt"], orient="row"))
    if found.height:
        kinds = ", ".join(sorted(set(found["kind"])))
        raise StageFailed(
            f"card {name}: {found['request_id'].n_unique()} of {len(requests)} prompts would show personal data "
            f"({kinds}) that stands in their template; nothing was sent. Take it out of generation.prompts"
        )


def _plan(
    context: StageContext, inputs: Inputs, exemplars: pl.DataFrame, opened: OpenGenerator, journal: Journal
) -> tuple[Plan, pl.DataFrame]:
    """The rounds so far and the one to run, and the outcomes that this rests on.

    Outcomes of rounds that the journal does not know belong to another generator, prompt or seed: with those changed,
    the rounds begin anew. Once rows were erased, the rounds are those on record, if the card still asks for them.
    """
    identity, rounds, state = opened.generator.identity, inputs.rounds(), journal.read()
    if state.erased or inputs.erased("anchor"):
        record = Record(inputs.table("generation.requests"), state)
        recorded = plan_from_record(context.card, context.loaded.prompts, exemplars, identity, rounds, record)
        if recorded is not None:
            return recorded, rounds
    plan = planned_rounds(context.card, context.loaded.prompts, exemplars, identity, rounds)
    unsent = (plan.open_round, cut_short_round(rounds))
    if all(request.request_id in state.requests for request in plan.requests if request.round not in unsent):
        return plan, rounds
    context.log("the generator, a prompt, a seed or the exemplars changed: generation starts at round 1 again")
    anew = rounds.clear()
    return planned_rounds(context.card, context.loaded.prompts, exemplars, identity, anew), anew
