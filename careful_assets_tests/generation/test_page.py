"""The generation asset's page: what was spent, forecast and cut off, in words and pictures that stand in place."""

import asyncio

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.budget import Price
from careful_assets.generation.candidates import load_candidates, requests_frame
from careful_assets.generation.forecasts import forecasts_frame
from careful_assets.generation.page import histogram, shown
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.progress import Running
from careful_assets.llm.requests import Answer, Choice, Failure
from careful_assets.provenance.metadata import metadata_value
from careful_assets_tests.generation.examples import card
from careful_assets_tests.llm.stubs import IDENTITY, request

IN_PLACE = 1000  # characters of Markdown that Dagster's UI shows without a link
PRICES = Prices({"stub-model": Price(prompt=1.0, completion=3.0)}, "EUR")


def page(*, stopped=None, prices=PRICES, causes=()):
    """The page of 40 requests: 30 answered with rows of growing length, some failed, the rest never sent."""
    requests = [request(index) for index in range(40)]
    state = JournalState({one.request_id: one for one in requests[: 30 + len(causes)]})
    for index, one in enumerate(requests[:30]):
        choices = tuple(Choice("secret words " * (index + 1), "stop") for _ in range(2))
        state.answers[one.request_id] = Answer(one.request_id, choices, None, 0.1 + index * 0.37)
    for one, cause in zip(requests[30:], causes, strict=False):
        state.failures[one.request_id] = Failure(one.request_id, cause, False)
    tables = {
        "generation.candidates": load_candidates(requests, state, "rare_class", None).candidates,
        "generation.requests": requests_frame(requests, state, prices, stopped),
        "generation.forecasts": forecasts_frame(requests, state, prices, 4),
    }
    return shown(card(), tables, IDENTITY, "round 1 is open")


def test_everything_stands_in_place_and_tells_no_text():
    """Each entry is short enough to be shown without a link, also with six long causes, and none holds row text."""
    causes = [f"HTTP 50{number}: the <server> of the house said & meant {'no ' * 20}{number}" for number in range(9)]
    entries = page(stopped="budget: 39 of 39 requests", causes=causes)
    for title in ("lengths in characters", "latency of a request", "errors by cause"):
        assert isinstance(entries[title], bytes)
    for title, value in entries.items():
        if title != "failures":  # a table as long as there are causes
            assert len(str(metadata_value(value, title).value)) < IN_PLACE, title
        assert "secret words" not in str(metadata_value(value, title).value)


def test_what_was_cut_off_says_why_and_what_to_do():
    """Held-back requests and rows are counted with the reason and the remedy; without a stop there is no such entry."""
    said = page(stopped="budget: 30 of 30 requests")["held back"]
    assert said.startswith("10 requests, 20 rows: budget: 30 of 30 requests. Raise generation.budget")
    assert "held back" not in page()


def test_forecast_and_outcome_stand_side_by_side():
    """Requests, tokens, cost and seconds of each round, both; what nobody knows is called unknown."""
    rows = page()["forecast and outcome"]
    assert [row["figure"] for row in rows] == ["requests", "tokens", "cost", "seconds"]
    assert (rows[0]["forecast"], rows[0]["took"]) == ("40", "30")
    unpriced = page(prices=Prices({}, "EUR"))
    assert {row["figure"]: row["took"] for row in unpriced["forecast and outcome"]}["cost"] == "unknown"
    assert unpriced["cost"] == "unknown: the card names no price"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.floats(0, 1e9, allow_nan=False), max_size=60))
def test_a_histogram_counts_every_value_once(values):
    """The bins add up to the values there are; no values, no picture; any picture is small."""
    picture = histogram(pl.Series(values, dtype=pl.Float64), "s")
    known = [value for value in values if value is not None]
    assert (picture is None) == (not known)
    if picture is not None:
        labels = [part.split("<")[0] for part in picture.decode().split(">") if " s " in part]
        assert sum(int(label.rsplit(" ", 1)[1].replace(",", "")) for label in labels) == len(known)
        assert len(str(metadata_value(picture, "latency of a request").value)) < IN_PLACE


def test_progress_goes_on_over_calls_and_counts_failures():
    """Two calls are one piece of work: requests, rows, tokens, spend and failures of both add up."""
    lines, bar = [], []
    running = Running("set: asking m", 3, PRICES, lines.append, lambda done, words: bar.append((done, words)))
    first = running.listening()
    first(0, 1, 0, 0.0)
    running.take(request(), Answer("", (Choice("four" * 500, None), Choice("x", None)), None, 0.1))
    first(1, 1, 2, 0.1)
    second = running.listening()
    second(0, 2, 0, 0.0)
    second(1, 2, 0, 0.1)
    running.take(request(1), Answer("", (Choice("four", None),), None, 0.1))
    second(2, 2, 1, 0.2)
    assert [done for done, _ in bar] == [0, 1, 1, 2, 3]
    assert len(lines) == 1  # at the end, as no five seconds passed
    assert lines[0].startswith("set: asking m: 3 of 3 requests, 3 rows, ")
    assert lines[0].endswith("47 tokens, 0.0001 EUR, 1 failed")


def test_the_journal_is_enough_for_every_figure(tmp_path):
    """What the page shows is made from the journal alone: read twice, it is the same twice."""
    asked = request()

    async def record():
        async with Journal(tmp_path / "set.ndjson") as journal:
            await journal.asked(asked)
            await journal.answered(Answer(asked.request_id, (Choice("a row", "stop"),), 9, 0.25))

    asyncio.run(record())
    frames = [forecasts_frame([asked], Journal(tmp_path / "set.ndjson").read(), PRICES, 2).rows() for _ in range(2)]
    assert frames[0] == frames[1]
    assert frames[0][0][-1] == 0.25
