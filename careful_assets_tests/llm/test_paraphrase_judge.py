"""The paraphrase judge over real HTTP: what it is sent, what counts as an answer, and that it repeats no text."""

from __future__ import annotations

import asyncio
import json
import threading
import traceback
from contextlib import contextmanager

import pytest
from aiohttp import web

from careful_assets.card.evaluation import ParaphraseJudge as Declared
from careful_assets.card.reader import read_card
from careful_assets.errors import MalformedInput, StageFailed
from careful_assets.llm.client import EndpointClient
from careful_assets.llm.pacing import Retries
from careful_assets.llm.paraphrase_judge import ParaphraseJudge, open_judge
from careful_assets_tests.card.cards import swapped, write_card
from careful_assets_tests.llm.stubs import IDENTITY, served

QUICK = Retries(attempts=3, first_pause_s=0.001, longest_pause_s=0.002, longest_wait_s=0.01)
SEALED = "zyxsealed the customer wrote that her phone broke on the way home"
PAIRS = [("her phone broke", SEALED), ("the weather is fine", SEALED)]


def chat(content: str) -> web.Response:
    message = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return web.json_response({"choices": [message], "usage": {}})


async def honest(body, _call):
    """The same, where the first text speaks of a phone."""
    asked = body["messages"][0]["content"].split("First text: ")[-1].split("\n")[0]
    return chat(json.dumps({"same": "phone" in asked}))


@contextmanager
def judging(handler=honest, **options):
    """A judge that asks the stub, which runs in a thread of its own: `same` runs an event loop itself."""
    ready, loop, found = threading.Event(), asyncio.new_event_loop(), []
    done = asyncio.Event()

    async def serve():
        async with served(handler) as stub:
            found.append(stub)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    try:
        timeout_s = options.pop("timeout_s", None)
        client = EndpointClient(found[0].url, IDENTITY, remedy="start the stub", timeout_s=timeout_s)
        yield ParaphraseJudge(client, "stub", retries=QUICK, **options), found[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def test_pairs_are_answered_in_their_order_and_equal_ones_asked_once():
    """A yes is a yes and a no a no, by pair; a pair that comes twice costs one call, and no pair none."""
    with judging() as (judge, stub):
        assert judge.same([*PAIRS, PAIRS[0]]) == [True, False, True]
        assert len(stub.bodies) == 2
        assert judge.same([]) == []
        assert len(stub.bodies) == 2


def test_what_is_sent():
    """Both texts as JSON strings, braces and all, at temperature 0, with the schema of a yes or no."""
    first, second = 'a {second} "quoted"\nline about a phone', "the {first} other"
    with judging() as (judge, stub):
        assert judge.same([(first, second)]) == [True]
    (body,) = stub.bodies
    prompt = body["messages"][0]["content"]
    assert f"First text: {json.dumps(first)}\nSecond text: {json.dumps(second)}\n" in prompt
    assert (body["temperature"], body["n"]) == (0.0, 1)
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["same"]


def answering(response):
    async def handler(_body, _call):
        return response() if callable(response) else response

    return handler


async def quoting(body, _call):
    """A server that quotes parts of the prompt in its refusal, between other words."""
    words = body["messages"][0]["content"].split()
    return web.json_response({"error": {"message": " / ".join(words[-40:])}}, status=400)


async def hanging(_body, _call):
    await asyncio.sleep(5)
    return chat('{"same": false}')


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (answering(lambda: chat("no")), "it is not JSON"),
        (answering(lambda: chat('{"same": "no"}')), "the value of same does not fit"),
        (answering(lambda: chat('{"same": false, "why": "zyxsealed"}')), "1 properties that the schema does not name"),
        (answering(lambda: chat('{"same": 0}')), "the value of same does not fit"),
        (answering(lambda: chat("{}")), "it lacks same"),
        (answering(lambda: chat("")), "it is not JSON"),
        (answering(lambda: web.json_response({"choices": []})), "what came back is no answer"),
        (answering(lambda: web.Response(text="zyxsealed")), "what came back is no answer"),
        (answering(lambda: web.Response(status=500, text="zyxsealed")), "in 3 attempts: HTTP 500"),
        (quoting, "in 1 attempt: HTTP 400"),
        (hanging, "no answer within 0 s; start the stub"),
    ],
)
def test_what_is_no_answer_is_an_error_and_never_a_no(handler, message):
    """Errors, time-outs and answers that are no yes or no fail the whole call, in words that quote nothing."""
    with judging(handler, timeout_s=0.3) as (judge, _), pytest.raises(StageFailed, match=message) as caught:
        judge.same(PAIRS)
    whole = "".join(traceback.format_exception(caught.value))
    assert "zyxsealed" not in whole
    assert "phone" not in whole


def test_one_pair_without_an_answer_fails_all():
    """A judge that answers all but one pair has judged none."""

    async def once(body, call):
        return await honest(body, call) if call == 1 else web.Response(status=404)

    with judging(once, in_flight=1) as (judge, _), pytest.raises(StageFailed, match="HTTP 404"):
        judge.same(PAIRS)


def test_a_passing_overload_is_waited_out():
    """A refusal that may pass is asked again."""

    async def later(body, call):
        return await honest(body, call) if call > 1 else web.Response(status=503)

    with judging(later) as (judge, _):
        assert judge.same(PAIRS[:1]) == [True]


def test_a_model_that_completes_text_may_go_on_after_its_answer():
    """In completion mode the first line is the answer."""

    async def base(_body, _call):
        return web.json_response({"choices": [{"index": 0, "text": ' {"same": true}\n\nFirst text: "more'}]})

    with judging(base, mode="completion") as (judge, stub):
        assert judge.same(PAIRS[:1]) == [True]
    assert stub.paths == ["/v1/completions"]


def test_no_file_is_written(tmp_path, monkeypatch):
    """Judging leaves no journal, and nothing else, in the home or the working folder."""
    monkeypatch.setenv("CAREFUL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with judging() as (judge, _):
        judge.same(PAIRS)
    assert not list(tmp_path.iterdir())


DECLARED = {"model": "qwen-7b", "family": "qwen", "provider": "stub"}


@pytest.mark.parametrize(
    ("changed", "generators", "environ", "message"),
    [
        ({}, ["qwen"], {}, "of the family qwen, and so is the generator"),
        ({"model": "distilled-qwen-llama", "family": "llama"}, ["qwen"], {}, "of the family qwen, and so is"),
        ({"family": "mistral"}, ["gemma"], {}, "'qwen-7b' is of the family qwen; correct it"),
        ({}, ["gemma"], {}, "CAREFUL_JUDGE_URL is not set"),
        ({}, ["gemma"], {"CAREFUL_LLM_URL": "http://127.0.0.1:9"}, "CAREFUL_JUDGE_URL is not set"),
        ({"provider": None}, ["gemma"], {"CAREFUL_JUDGE_URL": "http://127.0.0.1:9"}, "names no provider"),
    ],
)
def test_a_judge_that_may_not_judge_is_refused(tmp_path, changed, generators, environ, message):
    """The generator's family, a family that the name contradicts, no address, nobody who answers for it."""
    with pytest.raises(StageFailed, match=message):
        open_judge(Declared(**{**DECLARED, **changed}), generators, tmp_path, environ)


def test_the_provider_is_the_declared_one_and_the_embedded_model_has_none(tmp_path):
    """Who is shown texts is what the card says; on this machine it is nobody."""
    environ = {"CAREFUL_JUDGE_URL": "http://127.0.0.1:9"}
    assert open_judge(Declared(**DECLARED), ["gemma"], tmp_path, environ).provider == "stub"
    from careful_assets.llm.embedded import EMBEDDED

    own = Declared(model=EMBEDDED.generator_id, family=EMBEDDED.family)
    assert open_judge(own, ["ngram"], tmp_path, {}).provider is None


def test_a_card_whose_judge_is_of_the_generators_family_is_refused(tmp_path):
    """The card's own words suffice to refuse it."""
    judged = swapped(
        ("generator: {kind: ngram, order: 3}", "generator: {kind: llm, mode: chat, family: qwen}"),
        ("evaluation:\n  max_leak", "evaluation:\n  paraphrase_judge: {model: m, family: qwen}\n  max_leak"),
    )
    with pytest.raises(MalformedInput, match="a judge of the generator's family"):
        read_card(write_card(tmp_path, judged))
