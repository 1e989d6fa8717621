"""Generation after a real row was erased: what others gave stays, nothing is paid for twice, no seed is used again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.models import Card
from careful_assets.generation.after_erasure import Record, plan_from_record
from careful_assets.generation.candidates import load_candidates, requests_frame
from careful_assets.generation.forecasts import forecasts_frame
from careful_assets.generation.rounds import Plan, planned_rounds
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_erasing import erase_requests
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Choice, GeneratorIdentity, Request
from careful_assets.operations.erase import erase as erase_row
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.tables import append
from careful_assets_tests.cli.endpoints import serving
from careful_assets_tests.cli.projects import NAME
from careful_assets_tests.generation.examples import PROMPTS, card, exemplars, prompt, rounds
from careful_assets_tests.life.round_lives import live_life
from careful_assets_tests.llm.stubs import IDENTITY

PRICES = Prices({}, "EUR")
OUTCOMES = rounds((1, "angry", 40, 40, 20, None, None), (1, "sad", 40, 40, 30, None, None))
CARD = card(max_rounds=5)


def planned(outcomes: pl.DataFrame, shown: pl.DataFrame) -> Plan:
    return planned_rounds(CARD, PROMPTS, shown, IDENTITY, outcomes)


def after(
    path: Path, table: pl.DataFrame, outcomes: pl.DataFrame, shown: pl.DataFrame, **changed: object
) -> Plan | None:
    given = {"card": CARD, "prompts": PROMPTS, "identity": IDENTITY} | changed
    record = Record(table, Journal(path).read())
    return plan_from_record(exemplars=shown, rounds=outcomes, record=record, **given)  # type: ignore[arg-type]


def answered(path: Path, requests: list[Request]) -> None:
    """A journal in which each was answered."""

    async def run() -> None:
        async with Journal(path) as journal:
            for one in requests:
                journal.asked(one)
                choices = tuple(Choice(f"a row {one.seed + n}", "stop") for n in range(one.completions))
                journal.answered(Answer(one.request_id, choices, 9, 0.5))

    asyncio.run(run())


def table_of(path: Path, requests: list[Request], stopped: str | None = None) -> pl.DataFrame:
    return requests_frame(requests, Journal(path).read(), PRICES, stopped)


def without(row_id: str) -> pl.DataFrame:
    return exemplars().filter(pl.col("row_id") != row_id)


def erase(path: Path, requests: list[Request], row_id: str) -> set[str]:
    gone = {one.request_id for one in requests if row_id in one.parent_ids}
    assert erase_requests(path, gone) <= len(gone)
    return gone


@settings(max_examples=25, deadline=None)
@given(row=st.sampled_from(exemplars().filter(pl.col("label") != "glad")["row_id"].to_list()))
def test_rounds_stay_and_no_seed_is_used_twice(tmp_path_factory, row):
    """After any exemplar's erasure round 1 has the same requests, and round 2 asks with new seeds, without the row."""
    path = tmp_path_factory.mktemp("erased") / "set.ndjson"
    first = planned(rounds(), exemplars()).requests
    answered(path, first)
    table = table_of(path, first)
    gone = erase(path, first, row)

    plan = after(path, table, OUTCOMES, without(row))
    assert plan is not None
    assert plan.open_round == 2
    closed, new = plan.requests[: len(first)], plan.to_send
    assert [one.request_id for one in closed] == [one.request_id for one in first]
    assert [one.rendered_prompt == "" for one in closed] == [one.request_id in gone for one in first]
    assert max(one.seed + one.completions for one in first) <= min(one.seed for one in new)
    assert not any(row in one.parent_ids for one in new)
    asked = {label: sum(one.completions for one in new if one.stratum == label) for label in ("angry", "sad")}
    assert asked == {"angry": 20, "sad": 10}

    again = after(path, table_of(path, plan.requests), OUTCOMES, without(row))
    assert again == plan


def test_a_row_that_no_prompt_shows_changes_nothing(tmp_path):
    """With the erasure of another row on record, plans are those of before, open and closed rounds alike."""
    path = tmp_path / "set.ndjson"
    first = planned(rounds(), exemplars()).requests
    assert after(path, table_of(path, []), rounds(), exemplars()) == planned(rounds(), exemplars())
    answered(path, first)
    table = table_of(path, first)
    assert after(path, table, rounds(), exemplars()) == planned(rounds(), exemplars())
    assert after(path, table, OUTCOMES, exemplars()) == planned(OUTCOMES, exemplars())


def test_a_round_that_nobody_counted_yet_is_not_asked_again(tmp_path):
    """Erased before its outcome stood, the open round keeps its answers; its erased requests are not replaced in it."""
    path, row = tmp_path / "set.ndjson", "angry0.0"
    first = planned(rounds(), exemplars()).requests
    answered(path, first)
    table = table_of(path, first)
    erase(path, first, row)
    plan = after(path, table, rounds(), without(row))
    assert plan is not None
    state = Journal(path).read()
    assert [one.request_id for one in plan.to_send] == [one.request_id for one in first]
    assert all(state.settled(one) for one in plan.to_send)


def test_what_was_held_back_is_asked_without_the_row(tmp_path):
    """Of a round that a budget cut short, unsent requests that show the row are planned anew; the others stay."""
    path, first = tmp_path / "set.ndjson", planned(rounds(), exemplars()).requests
    sent, unsent = first[::2], first[1::2]
    answered(path, sent)
    row = unsent[-1].parent_ids[0]
    showing = [one for one in unsent if row in one.parent_ids]
    reduced = pl.col("request_id").is_in([one.request_id for one in showing])
    table = table_of(path, first, "budget: 5 of 5 requests").with_columns(
        rendered_prompt=pl.when(reduced).then(pl.lit("")).otherwise("rendered_prompt"),
        status=pl.when(reduced).then(pl.lit("erased")).otherwise("status"),
    )
    erase(path, first, row)
    held = rounds((1, "angry", 40, 20, 10, None, None, 20), (1, "sad", 40, 20, 10, None, None, 20))
    plan = after(path, table, held, without(row))
    assert plan is not None
    assert plan.open_round == 1
    ids = {one.request_id for one in plan.requests}
    assert {one.request_id for one in first} - ids == {one.request_id for one in showing}
    assert sum(one.completions for one in plan.requests) == 80
    assert len({one.seed for one in plan.requests}) == len(plan.requests)
    assert not any(row in one.parent_ids for one in plan.requests if one.request_id not in Journal(path).read().erased)


def other_card(**changed: int) -> Card:
    return card(**({"max_rounds": 5} | changed))


CHANGED = {
    "the seed": {"card": other_card(seed=8)},
    "rows a prompt shows": {"card": other_card(shown=2)},
    "rows a request asks for": {"card": other_card(n=5)},
    "a template": {"prompts": [prompt("Other: {{ exemplars }}"), *PROMPTS[1:]]},
    "the generator": {"identity": GeneratorIdentity("other", "stub", "d" * 64)},
    "an exemplar's text": {"shown": exemplars().with_columns(text=pl.col("text") + " more")},
    "an exemplar, not by erasure": {"shown": without("angry0.0").filter(pl.col("group_id") != "g1")},
}


@pytest.mark.parametrize("name", CHANGED)
def test_another_card_starts_anew(tmp_path, name):
    """A record that the card does not ask for any more is not taken for its rounds."""
    path, row = tmp_path / "set.ndjson", "angry0.0"
    first = planned(rounds(), exemplars()).requests
    answered(path, first)
    table = table_of(path, first)
    erase(path, first, row)
    changed = {"shown": without(row)} | CHANGED[name]
    assert after(path, table, OUTCOMES, changed.pop("shown"), **changed) is None


def test_a_record_without_a_closed_round_is_none(tmp_path):
    """Outcomes of rounds that the table does not hold belong to another history."""
    assert after(tmp_path / "none.ndjson", table_of(tmp_path / "none.ndjson", []), OUTCOMES, exemplars()) is None


def test_tables_keep_the_figures_and_lose_the_texts(tmp_path):
    """Erased requests have no prompt and no rows; tokens, cost, times, parents and the forecast are what they were."""
    path, row = tmp_path / "set.ndjson", "angry0.0"
    first = planned(rounds(), exemplars()).requests
    answered(path, first)
    before, told = table_of(path, first), forecasts_frame(first, Journal(path).read(), PRICES, 4)
    gone = erase(path, first, row)
    now, state = table_of(path, first), Journal(path).read()
    erased = pl.col("request_id").is_in(sorted(gone))
    assert set(now.filter(erased)["status"]) == {"erased"}
    assert set(now.filter(erased)["rendered_prompt"]) == {""}
    assert now.filter(~erased).equals(before.filter(~erased))
    kept = pl.exclude("status", "rendered_prompt")
    assert now.select(kept).equals(before.select(kept))
    assert forecasts_frame(first, state, PRICES, 4).equals(told)
    candidates = load_candidates(first, state, "rare_class", None).candidates
    assert set(candidates["request_id"]) == {one.request_id for one in first} - gone


@pytest.mark.soak
def test_a_life_goes_on_without_an_exemplar(tmp_path, monkeypatch):
    """Erased for real, with a live endpoint: what the others gave is not asked again, the gap is, with new seeds.

    In the ordinary run the tests above hold it of planted erasures, and `operations/test_erase.py` of a fitted model.
    """
    with serving() as endpoint:
        life = live_life(endpoint, tmp_path, monkeypatch)
        life.rewrite_card("  seed: 11\n  forecast", "  seed: 11\n  max_rounds: 2\n  forecast")
        assert life.materialize("anchors", "purpose", "generation").success
        first, asked = life.table("generation.requests"), endpoint.asked
        row = first["parent_ids"][0][0]
        text = life.table("anchors.rows").filter(row_id=row)["text"][0]
        gone = set(first.filter(pl.col("parent_ids").list.contains(row))["request_id"])

        report = erase_row(life.project, life.loaded, life.home, row, "asked for", lambda line: None)
        assert report["success"], report
        now = life.table("generation.requests")
        assert endpoint.asked == asked
        assert set(now.filter(status="erased")["request_id"]) == gone
        assert set(now["request_id"]) == set(first["request_id"])
        assert text.encode() not in life.journal.read_bytes()

        outcome = rounds((1, "bad", 48, 48, 40, None, None))
        with connect(life.home.warehouse(NAME)) as con, transaction(con):
            append(con, "provenance.rounds", outcome)
        assert life.materialize("generation").success
        now = life.table("generation.requests")
        new = now.filter(~pl.col("request_id").is_in(first["request_id"].to_list()))
        assert endpoint.asked == asked + 2
        assert (new["round"].to_list(), new["completions"].sum()) == ([2, 2], 8)
        assert now["seed"].n_unique() == now.height
        assert row not in set(new["parent_ids"].explode())
        versions = life.data_versions()
        assert life.materialize("generation").success
        assert (life.data_versions(), endpoint.asked) == (versions, asked + 2)
