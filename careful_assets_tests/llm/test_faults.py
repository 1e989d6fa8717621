import asyncio
import json
import random
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web

from careful_assets.errors import StageFailed
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.pacing import PROBES_UNSEEN, TRIP_AFTER, Retries
from careful_assets_tests.llm.faults import FAILURES, ODDITIES, failing
from careful_assets_tests.llm.stubs import choices, client, honest, request, served

QUICK = Retries(attempts=3, first_pause_s=0.01, first_rest_s=0.05)


def run(handler, requests, path, *, in_flight=4, timeout_s=0.6, **options):
    """What a stub saw, what became of the requests, the journal's state and the lines told."""
    told = []

    async def call():
        async with served(handler) as stub:
            error = sent = None
            try:
                sent = await answer_all(
                    requests, client(stub.url, timeout_s=timeout_s), Journal(path), in_flight=in_flight,
                    on_trouble=told.append, **{"retries": QUICK, **options},
                )  # fmt: skip
            except StageFailed as caught:
                error = caught
            return stub, sent, Journal(path).read(), error

    return (*asyncio.run(call()), told)


def always(way, seed):
    """Fail the request with that seed in one way, each time; answer the others."""

    async def handle(body, call, http):
        return await way(http, choices(body)) if body["seed"] == seed else web.json_response(choices(body))

    handle.wants_http = True
    return handle


@pytest.mark.parametrize("name", FAILURES)
def test_each_way_to_fail_is_recorded_with_its_cause_and_stops_no_other(tmp_path, name):
    """One request meets it at every attempt: it fails with its cause, the rest are answered, nothing is lost."""
    way, cause = FAILURES[name]
    requests, bad = [request(index) for index in range(6)], request(2)
    _, sent, state, error, _ = run(always(way, bad.seed), requests, tmp_path / "set.ndjson")
    assert error is None
    assert (sent.answered, sent.failed, sent.held_back) == (5, 1, 0)
    assert list(state.failures) == [bad.request_id]
    assert re.search(cause, state.failures[bad.request_id].cause)


@pytest.mark.parametrize("name", ODDITIES)
def test_each_oddity_is_an_answer_kept_as_it_came(tmp_path, name):
    """Text is not judged here: what came is recorded byte for byte, and counts as answered."""
    requests, odd = [request(index) for index in range(3)], request(1)
    seen = []

    async def keep(http, answer):
        response = await ODDITIES[name](http, answer)
        seen.append(response.body)
        return response

    _, sent, state, _, _ = run(always(keep, odd.seed), requests, tmp_path / "set.ndjson", timeout_s=20)
    assert (sent.answered, sent.failed) == (3, 0)
    expected = [choice["text"] for choice in json.loads(seen[0])["choices"]]
    assert [choice.text for choice in state.answers[odd.request_id].choices] == expected


def test_an_overloaded_server_is_sent_less(tmp_path):
    """A server that takes two at once and refuses the rest ends up with all answers and few refusals."""
    open_calls, refused = 0, 0

    async def narrow(body, call):
        nonlocal open_calls, refused
        if open_calls >= 2:
            refused += 1
            return web.Response(status=429)
        open_calls += 1
        try:
            await asyncio.sleep(0.01)
        finally:
            open_calls -= 1
        return web.json_response(choices(body))

    requests = [request(index) for index in range(120)]
    retries = Retries(attempts=8, first_pause_s=0.02)
    _, sent, _, error, _ = run(narrow, requests, tmp_path / "set.ndjson", in_flight=16, timeout_s=20, retries=retries)
    assert error is None
    assert sent.answered == 120
    assert refused < 120  # without a window sixteen workers were refused more often than they were answered


def test_a_named_pause_holds_for_all(tmp_path):
    """After a Retry-After nobody sends before its time."""
    times = []

    async def limited(body, call):
        times.append(time.monotonic())
        if call == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        await asyncio.sleep(0.3)  # the others of the first burst are under way when the refusal comes
        return web.json_response(choices(body))

    _, sent, _, _, _ = run(limited, [request(index) for index in range(12)], tmp_path / "s.ndjson", timeout_s=20)
    assert sent.answered == 12
    assert times[4] - times[0] >= 0.99


@pytest.mark.parametrize("name", ["500", "hang", "drop"])
def test_a_generator_that_is_down_is_probed_and_given_up_on(tmp_path, name):
    """After a few failures in a row single probes go out, then one error says what failed; each step is told."""
    way, cause = FAILURES[name]

    async def down(body, call, http):
        return await way(http, choices(body))

    down.wants_http = True
    retries = Retries(attempts=20, first_pause_s=0.01, first_rest_s=0.05)
    stub, _, state, error, told = run(
        down, [request(index) for index in range(50)], tmp_path / "s.ndjson", retries=retries
    )
    said = f"does not answer: .*({cause}).*probes after a rest. Recorded answers are kept; .*run again"
    assert re.search(said, str(error))
    assert TRIP_AFTER + PROBES_UNSEEN <= len(stub.bodies) <= TRIP_AFTER + PROBES_UNSEEN + 4
    assert sum(state.attempts.values()) == len(stub.bodies)
    assert sum("as a probe" in line for line in told) == PROBES_UNSEEN


def test_a_generator_that_comes_back_is_gone_on_with(tmp_path):
    """A restart in the middle costs a rest, not the stage: every request is answered, and the return is told."""

    async def restarting(body, call):
        if 10 < call <= 10 + TRIP_AFTER + 4:
            return web.Response(status=502)
        return await honest(body, call)

    retries = Retries(attempts=12, first_pause_s=0.01, first_rest_s=0.05)
    _, sent, _, error, told = run(
        restarting, [request(index) for index in range(40)], tmp_path / "s.ndjson", retries=retries
    )
    assert error is None
    assert sent.answered == 40
    assert told[-1].endswith("answers again")


class Counted:
    """A budget of so many requests."""

    def __init__(self, limit):
        self.left, self.admitted, self.settled = limit, [], []

    def admit(self, asked):
        if self.left == 0:
            return False
        self.left -= 1
        self.admitted.append(asked.request_id)
        return True

    def settle(self, asked, answer, repair):
        assert asked.request_id == answer.request_id
        self.settled.append(asked.request_id)


def test_a_budget_holds_back_what_it_does_not_admit_and_a_raised_one_goes_on(tmp_path):
    """40 requests are 40, retries or not; each answer is settled once; the next call repeats none."""
    requests, path = [request(index) for index in range(60)], tmp_path / "s.ndjson"
    times = Counter()

    async def shaky(body, call):
        times[body["seed"]] += 1
        if body["seed"] % 10 == 0 and times[body["seed"]] == 1:
            return web.Response(status=500)
        return await honest(body, call)

    first, second = Counted(40), Counted(100)
    _, sent, state, _, _ = run(shaky, requests, path, budget=first)
    assert (sent.answered, sent.failed, sent.held_back) == (40, 0, 20)
    assert sorted(first.settled) == sorted(first.admitted) == sorted(state.requests)
    _, sent, state, _, _ = run(shaky, requests, path, budget=second)
    assert (sent.answered, sent.held_back, len(state.answers)) == (20, 0, 60)
    assert not set(second.admitted) & set(first.admitted)
    assert max(times.values()) == 2
    stub, sent, _, _, _ = run(honest, [request(99)], path, budget=Counted(0))
    assert (stub.bodies, sent.held_back) == ([], 1)


def survive(rows, kills, path, *, in_flight=16):
    """Kill a generating child over and over while a fifth of the calls fail; check what must hold."""
    count, rng = rows // 2, random.Random(7)

    async def call():
        async with served(failing(5)) as stub:
            kept, done, exit_code = {}, 0, None
            while exit_code != 0:
                child = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "careful_assets_tests.llm.generating_child", stub.url, path, str(count),
                    str(in_flight), "1.0",
                )  # fmt: skip
                target = len(stub.bodies) + rng.randrange(1, 2 * max(1, count // (kills + 1)))
                while done < kills and child.returncode is None and len(stub.bodies) < target:
                    await asyncio.sleep(0.001)
                if done < kills and child.returncode is None:
                    child.send_signal(signal.SIGKILL)
                    done += 1
                exit_code = await child.wait()
                state = Journal(path).read()
                assert {key: state.answers[key] for key in kept} == kept
                kept = dict(state.answers)
            return stub, state, done

    stub, state, done = asyncio.run(call())
    events = [json.loads(line) for line in path.read_bytes().splitlines()]
    answered = Counter(event["request_id"] for event in events if event["event"] == "answered")
    outcomes = answered + Counter(event["request_id"] for event in events if event["event"] == "failed")
    assert done == kills
    assert set(state.requests) == set(state.answers) | set(state.failures)
    assert len(state.requests) == count
    assert max(answered.values()) == 1
    # A call that went out and left no outcome was cut off by a kill, and its request is marked.
    sent = Counter(body["seed"] for body in stub.bodies)
    lost = {key: sent[asked.seed] - outcomes[key] for key, asked in state.requests.items()}
    assert {key for key, calls in lost.items() if calls > 0} <= state.resent
    assert sum(lost.values()) <= kills * in_flight
    assert len(state.resent) <= kills * in_flight
    assert len(state.answers) > 0.9 * count


def test_kills_under_faults(tmp_path):
    """400 rows, a fifth of the calls failing, 3 kills: all accounted for, none twice, none lost, few sent again."""
    survive(400, 3, tmp_path / "set.ndjson")


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_kills_under_faults_at_length(tmp_path: Path):
    """5,000 rows and 50 kills: all of it again.

    50 kills without a loss bound the rate of kills that lose something at 6%, with 95% confidence (0.94^50 < 0.05); the
    3 of the short form at 63% only.
    """
    survive(5000, 50, tmp_path / "set.ndjson")
