import asyncio

import pytest
from aiohttp import web

from careful_assets.errors import HomeUnusable, StageFailed
from careful_assets.llm.dispatch import FAILURES_IN_A_ROW, answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.pacing import Retries
from careful_assets.llm.requests import CallFailed
from careful_assets_tests.llm.stubs import client, honest, request, served

QUICK = Retries(attempts=3, first_pause_s=0.01, first_rest_s=0.05)


def run(handler, requests, path, *, in_flight=4, down=False, **options):
    """Answer the requests through a stub; the stub, the journal's state and the error, if any."""

    async def call():
        async with served(handler) as stub:
            url = "http://127.0.0.1:9" if down else stub.url
            error = None
            try:
                await answer_all(
                    requests, client(url, timeout_s=5), Journal(path), in_flight=in_flight,
                    **{"retries": QUICK, **options},
                )  # fmt: skip
            except (StageFailed, HomeUnusable) as caught:
                error = caught
            return stub, Journal(path).read(), error

    return asyncio.run(call())


def test_every_request_is_answered_once_and_none_twice(tmp_path):
    """All answers land in the journal within the bound; a second call sends nothing and starts no generator."""
    requests, reports = [request(index) for index in range(20)], []
    path = tmp_path / "set.ndjson"

    async def slow(body, call):
        await asyncio.sleep(0.01)
        return await honest(body, call)

    stub, state, error = run(slow, requests, path, in_flight=5, on_progress=lambda *report: reports.append(report))
    assert error is None
    assert set(state.answers) == {one.request_id for one in requests}
    assert (len(stub.bodies), stub.most) == (20, 5)
    assert reports[0][:3] == (0, 20, 0)
    assert reports[-1][:3] == (20, 20, 40)
    before = path.read_bytes()
    stub, _, error = run(honest, requests, path, down=True)
    assert (stub.bodies, error, path.read_bytes()) == ([], None, before)


def test_overload_is_retried_and_a_retry_after_is_obeyed(tmp_path):
    """429 and 503 are asked again after the pause that the server names; each attempt is on record."""
    times = []

    async def overloaded(body, call):
        times.append(asyncio.get_running_loop().time())
        if call < 3:
            return web.Response(status=(429, 503)[call - 1], headers={"Retry-After": "1"} if call == 1 else {})
        return await honest(body, call)

    asked = request()
    _, state, error = run(overloaded, [asked], tmp_path / "set.ndjson")
    assert error is None
    assert asked.request_id in state.answers
    assert state.attempts[asked.request_id] == 3
    assert state.resent == set()
    assert times[1] - times[0] >= 1


def test_pauses_grow_within_bounds():
    """Back-off doubles with jitter up to its bound; a Retry-After is obeyed, or ends the attempts if it is too long."""
    retries = Retries(first_pause_s=1, longest_pause_s=8, longest_wait_s=60)
    plain = CallFailed("x", True)
    for attempt, most in [(1, 1), (2, 2), (3, 4), (4, 8), (9, 8)]:
        assert most / 2 <= retries.pause_s(attempt, plain) <= most
    assert len({retries.pause_s(1, plain) for _ in range(5)}) > 1
    short, long = (CallFailed("x", True, retry_after_s=seconds) for seconds in (60, 9999))
    assert retries.pause_s(1, short) == 60
    assert (retries.is_last(1, short), retries.is_last(1, long)) == (False, True)
    assert "9999 seconds" in retries.cause(long)


@pytest.mark.parametrize("status", [429, 503])
def test_nothing_is_sent_before_a_time_that_is_too_far_off(tmp_path, status):
    """A pause of an hour ends the run at once: one call, its cause on record, and the next run goes on."""
    path, requests = tmp_path / "set.ndjson", [request(index) for index in range(3)]

    async def tomorrow(body, call):
        return web.Response(status=status, text="quota", headers={"Retry-After": "3600"})

    stub, state, error = run(tomorrow, requests, path, in_flight=1)
    assert len(stub.bodies) == 1
    assert isinstance(error, StageFailed)
    failure = state.failures[requests[0].request_id]
    assert failure.retryable
    for said in (failure.cause, str(error)):
        assert f"HTTP {status}: quota; the server asks for a pause of 3600 seconds" in said
    _, state, error = run(honest, requests, path)
    assert (error, len(state.answers)) == (None, 3)


def test_a_far_off_time_for_one_request_leaves_the_others(tmp_path):
    """Where the server is not overloaded, the request alone fails, after one call, and may be sent another day."""
    requests, bad = [request(index) for index in range(4)], request(2)

    async def picky(body, call):
        if body["seed"] == bad.seed:
            return web.Response(status=500, headers={"Retry-After": "86400"})
        return await honest(body, call)

    stub, state, error = run(picky, requests, tmp_path / "set.ndjson")
    assert (error, len(stub.bodies), len(state.answers)) == (None, 4, 3)
    assert "86400 seconds" in state.failures[bad.request_id].cause
    assert state.failures[bad.request_id].retryable


def test_a_refused_request_is_recorded_and_the_rest_go_on(tmp_path):
    """A 400 is sent once, recorded with its cause, and tried again by the next call only."""
    requests, bad = [request(index) for index in range(6)], request(2)

    async def picky(body, call):
        if body["seed"] == bad.seed:
            return web.json_response({"error": {"message": "too long"}}, status=400)
        return await honest(body, call)

    path = tmp_path / "set.ndjson"
    stub, state, error = run(picky, requests, path)
    assert error is None
    assert len(stub.bodies) == 6
    assert len(state.answers) == 5
    assert state.failures[bad.request_id].cause == "HTTP 400: too long"
    stub, state, _ = run(honest, requests, path)
    assert [body["seed"] for body in stub.bodies] == [bad.seed]
    assert len(state.answers) == 6


def test_an_endpoint_that_is_down_stops_the_stage_with_advice(tmp_path):
    """No connection after all attempts: one clear error, and what was recorded before is kept."""
    requests, path = [request(index) for index in range(6)], tmp_path / "set.ndjson"
    run(honest, requests[:2], path)
    _, state, error = run(honest, requests, path, down=True)
    assert isinstance(error, StageFailed)
    assert "does not answer: ClientConnectorError" in str(error)
    assert "start the stub, and run again" in str(error)
    assert len(state.answers) == 2


def test_refusals_in_a_row_stop_the_stage_before_all_is_spent(tmp_path):
    """A wrong key refuses everything: after a few refusals the rest is not sent."""

    async def locked(*_):
        return web.Response(status=401, text="no such key")

    requests = [request(index) for index in range(50)]
    stub, _, error = run(locked, requests, tmp_path / "set.ndjson", in_flight=2)
    assert "HTTP 401: no such key" in str(error)
    assert FAILURES_IN_A_ROW <= len(stub.bodies) <= FAILURES_IN_A_ROW + 2


def test_an_answer_that_cannot_be_recorded_stops_the_stage(tmp_path):
    """A full disk stops sending: what was received is not taken for recorded."""
    path = tmp_path / "set.ndjson"
    path.symlink_to("/dev/full")
    stub, state, error = run(honest, [request(index) for index in range(9)], path)
    assert isinstance(error, HomeUnusable)
    assert (stub.bodies, state.answers) == ([], {})


def test_cancelling_keeps_what_was_answered(tmp_path):
    """A cancelled call leaves a whole journal; the next one sends only what is missing, marked where in flight."""
    requests, path = [request(index) for index in range(8)], tmp_path / "set.ndjson"

    async def half_slow(body, call):
        if call > 4:
            await asyncio.sleep(30)
        return await honest(body, call)

    async def call():
        async with served(half_slow) as stub:
            work = asyncio.create_task(answer_all(requests, client(stub.url), Journal(path), in_flight=2))
            while len(stub.bodies) < 6:
                await asyncio.sleep(0.01)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work

    asyncio.run(call())
    assert len(Journal(path).read().answers) == 4
    stub, state, error = run(honest, requests, path)
    assert error is None
    assert len(stub.bodies) == 4
    assert len(state.answers) == 8
    assert len(state.resent) == 2


def test_the_journal_is_read_twice_however_many_requests_have_their_answer(tmp_path, monkeypatch):
    """Once to see whether anything is to be sent, once under the lock: going on with a long run starts at once."""
    requests, path, reads = [request(index) for index in range(20)], tmp_path / "set.ndjson", []
    run(honest, requests[:-1], path)
    real = Journal.read
    monkeypatch.setattr(Journal, "read", lambda journal: (reads.append(journal), real(journal))[1])

    async def rest():
        async with served() as stub:
            await answer_all(requests, client(stub.url), Journal(path), in_flight=4)

    asyncio.run(rest())
    assert len(reads) == 2
