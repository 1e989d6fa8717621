"""The budget: hard stops that no order of answers gets around, and that a second run does not forget."""

import asyncio
import dataclasses
import fcntl
import random
from contextlib import contextmanager
from functools import partial

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from careful_assets.card.budget import Limits, Price
from careful_assets.card.models import Card
from careful_assets.errors import StageFailed
from careful_assets.generation import sending
from careful_assets.generation.generators import OpenGenerator
from careful_assets.generation.plan import plan_round
from careful_assets.generation.sending import send
from careful_assets.llm.budget import Budget
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.forecast import PROBE
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.pacing import Retries
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Choice
from careful_assets.llm.spending import most_tokens, tokens_taken
from careful_assets_tests.cli.endpoints import serving
from careful_assets_tests.generation.examples import PROMPTS, card, exemplars
from careful_assets_tests.life.arrange import failures_of, only_gates
from careful_assets_tests.life.round_lives import live_life
from careful_assets_tests.llm.stubs import IDENTITY, choices, client, honest, request, served

PRICES = Prices({"stub-model": Price(prompt=2.0, completion=8.0)}, "EUR")
QUICK = Retries(first_pause_s=0.01, first_rest_s=0.05)


@pytest.fixture
def two_gates():
    """A short profile: what gates think of the answers is not the matter here."""
    with only_gates("format", "exact_duplicate"):
        yield


def carded(budget=None, prices=None) -> Card:
    """The example card with a budget."""
    written = card().model_dump(exclude_none=True)
    written["generation"] |= {"budget": budget} if budget else {}
    return Card.model_validate(written | {"generation": written["generation"] | {"prices": prices or {}}})


def sent(requests, path, setting, *, handler=honest, in_flight=4, prices=PRICES):
    """Send a round through a stub: the stub, the journal's state, why it stopped, the log, calls when probed."""

    async def call():
        lines, probed = [], []
        async with served(handler) as stub:
            opened = OpenGenerator(client(stub.url, timeout_s=5), in_flight)
            stopped = await send(
                requests, opened, Journal(path), prices, setting, lines.append, lambda: probed.append(len(stub.bodies))
            )
        return stub, Journal(path).read(), stopped, lines, probed

    return asyncio.run(call())


def made(life, *stages):
    """Materialize these stages, which must hold."""
    done = life.materialize(*stages)
    assert done.success, failures_of(done)


def test_forty_requests_are_forty_and_a_raised_budget_goes_on(tmp_path, monkeypatch):
    """40 of 48 requests are sent and 8 held back; again, none; with the budget raised, the 8 and no other."""
    with serving() as endpoint:
        life = live_life(endpoint, tmp_path, monkeypatch)
        life.rewrite_card("completions_per_request: 4", "completions_per_request: 1\n  budget: {requests: 40}")
        made(life, "anchors", "purpose", "generation")
        first = life.table("generation.requests").sort("request_id")
        rows = set(life.table("generation.candidates")["row_id"])
        held = first.filter(status="held_back")
        assert (endpoint.asked, first.height, held.height, len(rows)) == (40, 48, 8, 40)
        assert set(held["cause"]) == {"budget: 40 of 40 requests"}
        assert held["requested_at"].null_count() == 8

        versions = life.data_versions()
        made(life, "generation")
        assert endpoint.asked == 40
        assert life.data_versions() == versions

        life.rewrite_card("requests: 40", "requests: 100")
        made(life, "anchors", "purpose", "generation")
        second = life.table("generation.requests").sort("request_id")
        assert endpoint.asked == 48
        assert second["request_id"].to_list() == first["request_id"].to_list()
        assert set(second["status"]) == {"answered"}
        assert second["attempts"].to_list() == [1] * 48
        assert rows < set(life.table("generation.candidates")["row_id"])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), tokens=st.integers(60, 900), cost=st.floats(0.0001, 0.01), most=st.integers(1, 20))
def test_nothing_overshoots_in_any_order(seed, tokens, cost, most):
    """However requests and answers interleave, what is spent stays within each limit, in flight included."""
    rng = random.Random(seed)
    budget = Budget(Limits(requests=most, tokens=tokens, cost=cost), PRICES, JournalState)
    waiting, flying, done = [request(index, n=rng.randint(1, 6)) for index in range(25)], [], []
    while waiting or flying:
        if flying and (not waiting or rng.random() < 0.5):
            asked = flying.pop(rng.randrange(len(flying)))
            texts = ["x" * rng.choice([0, 5, 64, 10**4]) for _ in range(asked.completions)]
            reported = rng.choice([None, most_tokens(asked).total])
            answer = Answer(asked.request_id, tuple(Choice(text, None) for text in texts), reported, 0.1)
            budget.settle(asked, answer)
            done.append(tokens_taken(asked, answer))
        elif budget.admit(waiting[-1]):
            flying.append(waiting.pop())
        else:
            assert budget.refusal(waiting[-1])
            waiting.pop()
        assert len(done) + len(flying) <= most
        aside = [most_tokens(one) for one in flying]
        assert sum(one.total for one in [*done, *aside]) <= tokens
        spent = sum(float(PRICES.cost(request(), one)) for one in [*done, *aside])
        assert spent <= cost + 1e-12


def test_what_stands_in_the_journal_is_spent():
    """Answers count as what they took, a request without one, and one sent again, as the most it may take."""
    answered, lost, again = (request(index) for index in range(3))
    answers = {one.request_id: Answer(one.request_id, (Choice("four", None),), None, 1.0) for one in (answered, again)}
    state = JournalState({one.request_id: one for one in (answered, lost, again)}, answers, resent={again.request_id})
    most, took = most_tokens(answered).total, tokens_taken(answered, answers[answered.request_id]).total
    on_record = took + most + (took + most)
    assert Budget(Limits(tokens=on_record + most), PRICES, lambda: state).admit(request(9))
    tight = Budget(Limits(tokens=on_record + most - 1, requests=3), PRICES, lambda: state)
    assert not tight.admit(request(9))
    assert tight.admit(lost)  # it is counted already
    assert Budget(Limits(requests=3), PRICES, lambda: state).refusal(request(9)) == "budget: 3 of 3 requests"


def test_room_that_answers_leave_is_used(tmp_path):
    """Answers take less than was set aside: sending goes on until not even one request fits beside what was spent."""
    requests = [request(index, n=4) for index in range(60)]
    stub, state, stopped, _, _ = sent(requests, tmp_path / "set.ndjson", carded({"tokens": 900}), in_flight=16)
    spent = sum(
        tokens_taken(one, state.answers[one.request_id]).total
        for one in requests[:60]
        if one.request_id in state.answers
    )
    assert 900 - most_tokens(requests[0]).total < spent <= 900
    assert 0 < len(stub.bodies) == len(state.answers) < 60
    assert f"{spent:,} of 900 tokens" in stopped


def test_money_is_a_limit_to_the_cent(tmp_path):
    """What the answers cost by the card's prices never passes the limit, and the reason names the currency."""
    prices = {"stub-model": {"prompt": 2.0, "completion": 8.0}}
    requests = [request(index) for index in range(30)]
    setting = carded({"cost": 0.001}, prices)
    _, state, stopped, _, _ = sent(requests, tmp_path / "set.ndjson", setting, prices=PRICES)
    cost = sum(
        PRICES.cost(one, tokens_taken(one, state.answers[one.request_id]))
        for one in requests
        if one.request_id in state.answers
    )
    assert 0 < cost <= 0.001
    assert "of 0.001 EUR" in stopped


def test_time_is_a_limit_that_the_longest_answer_counts_against():
    """Seconds on record and of this run count; a request that may take as long as the longest must still fit."""
    now = [100.0]
    budget = Budget(Limits(seconds=10), PRICES, JournalState, clock=lambda: now[0])
    asked = request()
    assert budget.admit(asked)
    now[0] += 4
    budget.settle(asked, Answer(asked.request_id, (Choice("x", None),), None, 4.0))
    assert budget.admit(request(1))
    now[0] += 2.5
    assert "seconds" in (budget.refusal(request(2)) or "")
    assert not budget.admit(request(1))  # no time is no time, on record or not


def test_a_spent_budget_sends_nothing_and_starts_no_generator(tmp_path):
    """The reason is told at once; what is on record stays as it is."""
    requests, path = [request(index) for index in range(8)], tmp_path / "set.ndjson"
    sent(requests, path, carded({"requests": 5}))
    before = path.read_bytes()

    class Unstartable(type(client("http://127.0.0.1:9"))):
        async def __aenter__(self):
            raise AssertionError("started")

    lines = []
    opened = OpenGenerator(Unstartable("http://127.0.0.1:9", IDENTITY, remedy=""), 4)
    stopped = asyncio.run(
        send(requests, opened, Journal(path), PRICES, carded({"requests": 5}), lines.append, lambda: None)
    )
    assert stopped == "budget: 5 of 5 requests"
    assert lines == ["budget: 5 of 5 requests: nothing is sent, 3 requests are held back"]
    assert path.read_bytes() == before


def test_a_model_without_a_price_is_refused_by_name(tmp_path):
    """With a price table, or a limit on cost, nothing is sent to a model that has no price; the fix is spelled out."""
    for setting, drop in (
        (carded(prices={"other": {"prompt": 1.0, "completion": 1.0}}), r"generation\.prices"),
        (carded({"cost": 1.0}), r"generation\.budget\.cost"),
    ):
        prices = Prices(setting.generation.prices, "EUR")
        wanted = rf"no price for stub-model.*`stub-model: {{prompt: .*EUR for a million.*or drop {drop}"
        with pytest.raises(StageFailed, match=wanted):
            sent([request()], tmp_path / "set.ndjson", setting, prices=prices)
    assert not (tmp_path / "set.ndjson").exists()
    local = dataclasses.replace(request(), generator_id="ngram", generator_family="ngram")
    Prices({}, "EUR").refuse_unpriced([local], "set", cost_is_limited=True)
    assert Prices({}, "EUR").cost(local, most_tokens(local)) == 0


def test_two_at_once_are_refused_before_a_generator_starts(tmp_path):
    """While another process writes the journal nothing is sent, and the message says who."""
    with _locked(tmp_path / "set.lock"), pytest.raises(StageFailed, match=r"another process .* is generating"):
        sent([request()], tmp_path / "set.ndjson", carded({"requests": 5}))


def test_the_budget_decides_no_answer():
    """Another budget or price table asks the very same requests."""
    quotas = {"angry": 20, "sad": 9}
    plans = [
        plan_round(setting, PROMPTS, exemplars(), IDENTITY, 1, quotas, 0)
        for setting in (carded(), carded({"requests": 3, "cost": 1.0}, {"m": {"prompt": 1.0, "completion": 2.0}}))
    ]
    assert plans[0] == plans[1]


def test_the_probe_goes_first(tmp_path):
    """The forecast is told when the probe's answers, and nothing else, are in; the rest follows, none twice."""
    requests = [request(index) for index in range(20)]
    stub, state, stopped, _, probed = sent(requests, tmp_path / "set.ndjson", carded())
    assert (probed, stopped, len(state.answers)) == ([PROBE], None, 20)
    assert len({body["seed"] for body in stub.bodies}) == len(stub.bodies) == 20


@pytest.mark.parametrize(
    ("budget", "says"),
    [({"requests": None}, "sets no limit"), ({"tokens": 256}, "256 would let no request through"),
     ({"requests": 0}, "greater than or equal to 1"), ({"cost": -1.0}, "greater than or equal to 0")],
)  # fmt: skip
def test_a_budget_that_cannot_work_is_a_fault_of_the_card(budget, says):
    """No limit at all, or one that not even one request fits, is told when the card is read."""
    with pytest.raises(ValidationError, match=says):
        carded(budget)


@contextmanager
def _locked(path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def test_answers_that_cannot_be_used_are_paid_for(tmp_path, monkeypatch):
    """Each broken body counts as a request and the most that it may have taken, in this run and in the next ones."""
    monkeypatch.setattr(sending, "answer_all", partial(answer_all, retries=QUICK))

    async def broken(*_):
        return web.Response(body=b"{", content_type="application/json")

    path, requests = tmp_path / "set.ndjson", [request(index) for index in range(4)]
    with pytest.raises(StageFailed, match="requests in a row failed"):
        sent([request(index) for index in range(40)], tmp_path / "free.ndjson", carded(), handler=broken)
    asked = 0
    for _ in range(2):
        stub, state, stopped, _, _ = sent(requests, path, carded({"requests": 4}), handler=broken, in_flight=1)
        asked += len(stub.bodies)
        assert stopped == "budget: 4 of 4 requests, 4 of them with answers that could not be used"
    assert asked == sum(state.attempts.values()) == sum(state.billed.values()) == 4
    cost = sum(PRICES.cost(request(), most_tokens(request())) for _ in range(3))
    limited = carded({"cost": float(cost)}, {"stub-model": {"prompt": 2, "completion": 8}})
    stub, state, stopped, _, _ = sent(requests, tmp_path / "costly.ndjson", limited, handler=broken, in_flight=1)
    assert len(stub.bodies) == sum(state.billed.values()) == 3


def test_what_a_server_bills_beyond_our_count_counts(tmp_path):
    """A server whose prompts have more tokens than we count is believed, and the limit holds back the rest."""

    async def dear(body, _):
        return web.json_response({**choices(body), "usage": {"prompt_tokens": 5000, "completion_tokens": 5}})

    requests = [request(index) for index in range(9)]
    limited = carded({"tokens": 9000})
    stub, _, stopped, _, _ = sent(requests, tmp_path / "set.ndjson", limited, handler=dear, in_flight=1)
    assert len(stub.bodies) == 2
    assert stopped.startswith("budget: 10,010 of 9,000 tokens")


@pytest.mark.usefixtures("two_gates")
def test_a_lowered_quota_asks_for_no_more_and_personal_data_in_a_template_is_never_sent(tmp_path, monkeypatch):
    """Rows at hand that fill the new quota end the round; a template that names somebody stops before any call."""
    with serving() as endpoint:
        life = live_life(endpoint, tmp_path, monkeypatch)
        (template,) = life.card_path.parent.glob("prompts/*.jinja")
        plain = template.read_text()
        template.write_text(f"Write to jane.roe@example.org.\n{plain}")
        (problem,) = failures_of(life.materialize("anchors", "purpose", "generation"))
        assert "would show personal data (email)" in problem
        assert endpoint.asked == 0

        template.write_text(plain)
        life.rewrite_card("completions_per_request: 4", "completions_per_request: 4\n  budget: {requests: 6}")
        made(life, "anchors", "purpose", "generation", "filtering")
        kept = int(life.table("provenance.rounds")["kept"].sum())
        target = life.loaded.card.purpose.gap[0].current_count + kept
        old = life.loaded.card.purpose.gap[0].target_count
        life.rewrite_card(f"target_count: {old}", f"target_count: {target}")
        life.rewrite_card("budget: {requests: 6}", "budget: {requests: 12}")
        made(life, "anchors", "purpose", "generation")
        assert endpoint.asked == 6
        assert set(life.table("generation.requests")["status"]) == {"answered", "held_back"}
