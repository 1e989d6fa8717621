"""The forecast: told from a probe, kept beside what the round took, and the same whenever it is told again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.budget import Price
from careful_assets.generation.forecasts import forecasts_frame
from careful_assets.llm.forecast import PROBE, forecast, probe_of
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Choice
from careful_assets.llm.spending import Tokens, busy_seconds, most_tokens, tokens_in, tokens_taken
from careful_assets_tests.life.arrange import Life
from careful_assets_tests.llm.stubs import request

PRICES = Prices({"stub-model": Price(prompt=1.0, completion=3.0)}, "EUR")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def recorded(requests, *, words=4, latency=2.0, at_once=2) -> JournalState:
    """Every request answered with completions of `words` tokens, `at_once` at a time, each after `latency` seconds."""
    state = JournalState()
    for index, one in enumerate(requests):
        state.requests[one.request_id] = one
        choices = tuple(Choice("four" * words, "stop") for _ in range(one.completions))
        state.answers[one.request_id] = Answer(one.request_id, choices, None, latency)
        state.answered_at[one.request_id] = NOON + timedelta(seconds=latency * (1 + index // at_once))
    return state


def test_the_demo_takes_what_was_forecast(finished_life: Life):
    """With the n-gram generator the demo's round takes the forecast's requests, and its tokens within a quarter."""
    (row,) = finished_life.table("generation.forecasts").iter_rows(named=True)
    assert row["requests"] == row["actual_requests"] == 38
    assert abs(row["tokens"] / row["actual_tokens"] - 1) < 0.25
    assert (row["cost"], row["actual_cost"]) == (0, 0)
    assert row["basis"] == f"a probe of {PROBE} requests"
    requests = finished_life.table("generation.requests")
    assert row["actual_tokens"] == requests["prompt_tokens"].sum() + requests["completion_tokens"].sum()


def test_a_forecast_told_again_is_the_same():
    """What came after the probe changes the outcome beside it, and not the forecast."""
    requests = [request(index, n=3) for index in range(10)]
    whole = recorded(requests)
    after_probe = recorded(probe_of(requests))
    early, late = (forecasts_frame(requests, state, PRICES, 2).row(0, named=True) for state in (after_probe, whole))
    told = ("requests", "tokens", "cost", "seconds", "basis")
    assert {key: early[key] for key in told} == {key: late[key] for key in told}
    assert (early["actual_requests"], late["actual_requests"]) == (PROBE, 10)


def test_an_even_round_takes_exactly_what_was_forecast():
    """Where every request takes the same, requests, tokens, cost and time come out to the digit."""
    requests = [request(index, n=3) for index in range(10)]
    row = forecasts_frame(requests, recorded(requests), PRICES, 2).row(0, named=True)
    tokens = 10 * (7 + 3 * 4)
    assert (row["requests"], row["tokens"], row["seconds"]) == (10, tokens, pytest.approx(10.0))
    assert row["cost"] == pytest.approx((10 * 7 * 1 + 10 * 12 * 3) / 1e6)
    for figure in ("requests", "tokens", "cost", "seconds"):
        assert row[f"actual_{figure}"] == pytest.approx(row[figure]), figure


def test_a_probe_without_an_answer_promises_nothing():
    """Nothing is guessed: the figures are empty, and the basis says why; a model without a price has no cost."""
    requests = [request(index) for index in range(6)]
    figures, basis = forecast(requests, JournalState(), PRICES, 4)
    assert (figures.requests, figures.tokens, figures.cost, figures.seconds) == (6, None, None, None)
    assert basis == f"none of the probe's {PROBE} requests has an answer"
    figures, _ = forecast(requests, recorded(requests), Prices({}, "EUR"), 4)
    assert figures.cost is None
    assert figures.tokens is not None


@given(st.integers(1, 200))
def test_the_probe_is_spread_over_the_round(size):
    """At most four different requests, in order, the first among them, with even gaps: every large stratum is in it."""
    requests = [replace(request(), request_id=str(index)) for index in range(size)]
    places = [int(one.request_id) for one in probe_of(requests)]
    assert places == sorted(set(places))
    assert len(places) == min(PROBE, size)
    assert places[0] == 0
    gaps = [after - before for before, after in zip(places, [*places[1:], size], strict=True)]
    assert max(gaps) - min(gaps) <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=8))
def test_time_with_a_request_open_is_counted_once(spans):
    """Against counting second by second: overlapping requests share their time, pauses do not count."""
    state, requests = JournalState(), []
    for index, (start, length) in enumerate(spans):
        one = request(index)
        requests.append(one)
        state.answers[one.request_id] = Answer(one.request_id, (Choice("x", None),), None, float(length))
        state.answered_at[one.request_id] = NOON + timedelta(seconds=start + length)
    seconds = {at for start, length in spans for at in range(start, start + length)}
    assert busy_seconds(requests, state) == pytest.approx(len(seconds))


@given(st.lists(st.text(st.characters()), min_size=2, max_size=2), st.none() | st.integers(0, 2**60))
def test_what_was_asked_for_and_what_the_server_reports_bound_what_an_answer_counts_for(texts, reported):
    """Text beyond what was asked for costs nothing; what the server says it will bill does, however much it is."""
    asked = request(n=2)
    taken = tokens_taken(asked, Answer(asked.request_id, tuple(Choice(text, None) for text in texts), reported, 0.1))
    most = most_tokens(asked)
    assert taken.prompt == most.prompt == tokens_in(asked.rendered_prompt)
    counted = min(sum(map(tokens_in, texts)), most.completion)
    assert taken.completion == max(counted, (reported or 0) - most.prompt)


def test_a_server_that_counts_more_is_believed():
    """The server's figure is a lower bound: it may count one completion of several, or all of them."""
    asked = request(n=2)
    texts = (Choice("four", None), Choice("four", None))
    assert tokens_taken(asked, Answer(asked.request_id, texts, 8, 0.1)) == Tokens(7, 2)
    assert tokens_taken(asked, Answer(asked.request_id, texts, 7 + 9, 0.1)) == Tokens(7, 9)
