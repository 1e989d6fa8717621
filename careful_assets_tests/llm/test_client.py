import asyncio
import socket
from dataclasses import replace

import pytest
from aiohttp import web

from careful_assets.errors import StageFailed
from careful_assets.llm.client import timeout_of
from careful_assets.llm.requests import CallFailed, Unreachable
from careful_assets_tests.llm.stubs import choices, client, once, request, served


def test_it_sends_what_decides_the_answer_and_reads_choices_in_order():
    """Prompt, n, integer seed and parameters go out; choices come back by index, with the usage as reported."""

    async def call():
        async with served() as stub, client(stub.url + "/v1/", api_key="sesame") as generator:
            stub.handler = shuffled
            return stub, await generator.complete(request(3))

    async def shuffled(body, _):
        answer = choices(body)
        answer["choices"].reverse()
        return web.json_response(answer)

    stub, answer = asyncio.run(call())
    assert stub.paths == ["/v1/completions"]
    assert stub.bodies[0] == {
        "model": "stub-model", "prompt": "Write one angry sentence.", "n": 2, "seed": 106, "temperature": 1.0,
        "max_tokens": 16,
    }  # fmt: skip
    assert stub.headers[0]["Authorization"] == "Bearer sesame"
    assert [choice.text for choice in answer.choices] == [" row 106", " row 107"]
    assert answer.tokens == 12


def test_chat_mode_sends_one_user_message():
    """In chat mode the prompt is the only message, and the message's content is the row."""
    seen = []

    async def chat(body, _):
        seen.append(body)
        return web.json_response({"choices": [{"message": {"content": "a row"}, "finish_reason": "length"}]})

    answer = once(chat, request(mode="chat"))
    assert seen[0]["messages"] == [{"role": "user", "content": "Write one angry sentence."}]
    assert "prompt" not in seen[0]
    assert [(choice.text, choice.finish_reason) for choice in answer.choices] == [("a row", "length")]


@pytest.mark.parametrize(("given", "kept"), [(1, 1), (2, 2), (5, 2)])
def test_a_server_that_ignores_n_keeps_what_came_up_to_n(given, kept):
    """Fewer choices than asked for are kept; more are cut."""

    async def handler(body, _):
        return web.json_response(choices({**body, "n": given}))

    assert len(once(handler, request(n=2)).choices) == kept


def answering(given, *, n=4):
    """The answer to a request for `n` completions, from a server that gives these choices."""

    async def handler(*_):
        return web.json_response({"choices": given})

    return once(handler, request(n=n))


def numbered(*indices):
    return [{"index": index, "text": f"row {index}"} for index in indices]


@pytest.mark.parametrize(
    ("indices", "kept"),
    [
        ((2, 3), [2, 3]),
        ((3, 0), [0, 3]),
        ((5, 1, 0, 2, 4, 3), [0, 1, 2, 3]),
        ((0, 0, 0), [0, 1, 2]),
        ((1, 2, 3, 4), [0, 1, 2, 3]),
        ((-1, 0), [0, 1]),
        ((None, None), [0, 1]),
        ((True, 3), [0, 1]),
    ],
)
def test_a_choice_keeps_the_place_that_the_server_gives_it(indices, kept):
    """Seed + place is the seed on record: what a server leaves out moves nobody; unusable indices give positions."""
    answer = answering(numbered(*indices))
    assert [choice.index for choice in answer.choices] == kept


@pytest.mark.parametrize("bad", [{"text": None}, {"text": 5}, {}, "x", None, 7])
def test_a_choice_that_cannot_be_used_takes_no_other_along(bad):
    """The good ones are kept in their places, with indices and without."""
    answer = answering([{"text": "first"}, bad, {"text": "third"}])
    assert [(choice.index, choice.text) for choice in answer.choices] == [(0, "first"), (2, "third")]
    if isinstance(bad, dict):
        bad = {**bad, "index": 0}
    answer = answering([bad, *numbered(3, 1)])
    assert [(choice.index, choice.text) for choice in answer.choices] == [(1, "row 1"), (3, "row 3")]


@pytest.mark.parametrize(("header", "seconds"), [("1.5", 1.5), (" 2 ", 2.0), ("0", 0.0), ("-1", None), ("soon", None)])
def test_a_pause_is_read_in_seconds(header, seconds):
    """Whole and decimal seconds; what is neither those nor a date is no pause."""

    async def handler(*_):
        return web.Response(status=429, headers={"Retry-After": header})

    with pytest.raises(CallFailed) as caught:
        once(handler, request())
    assert caught.value.retry_after_s == seconds


BODIES = {
    "bad JSON": (b"<html>", True, "not JSON"),
    "truncated JSON": (b'{"choices": [', True, "not JSON"),
    "deep JSON": (b"[" * 200_000, True, "not JSON"),
    "a list": (b"[]", False, "no list of choices"),
    "no choices": (b"{}", False, "no list of choices"),
    "empty choices": (b'{"choices": []}', False, "no choices"),
    "text is null": (b'{"choices": [{"text": null}]}', False, "NoneType"),
    "text is a number": (b'{"choices": [{"text": 5}]}', False, "int"),
    "choice is a string": (b'{"choices": ["x"]}', False, "not an object"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_answer_is_a_failure_with_a_cause(name):
    """Nothing that a server sends is taken for an answer unless it is one."""
    body, retryable, cause = BODIES[name]

    async def handler(*_):
        return web.Response(body=body, content_type="application/json")

    with pytest.raises(CallFailed, match=cause) as caught:
        once(handler, request())
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (403, False), (404, False), (302, False), (429, True), (503, True)],
)
def test_statuses(status, retryable):
    """Refusals are final, overload is not, a redirect is not followed; the cause quotes the server, bounded."""

    async def handler(*_):
        message = {"error": {"message": "model not loaded " + "x" * 5000}}
        return web.json_response(message, status=status, headers={"Retry-After": "7", "Location": "/v1/completions"})

    with pytest.raises(CallFailed, match=f"HTTP {status}: model not loaded") as caught:
        once(handler, request())
    assert (caught.value.retryable, caught.value.retry_after_s) == (retryable, 7.0)
    assert len(caught.value.cause) < 250


def test_a_cause_repeats_neither_the_key_nor_the_prompt():
    """A server that echoes what it was sent cannot carry it into logs."""
    key, prompt = "sk-0123456789", "The customer Jane wrote that her phone broke."

    async def echo_prompt(body, _):
        return web.json_response({"error": {"message": f"bad prompt: {body['prompt']}"}}, status=400)

    async def echo_key(*_):
        return web.Response(text=f"bad key {key}", status=401)

    for handler in (echo_prompt, echo_key):
        with pytest.raises(CallFailed) as caught:
            once(handler, request(prompt=prompt), api_key=key)
        assert "Jane" not in caught.value.cause
        assert key not in caught.value.cause


def test_an_over_large_body_is_not_read_to_its_end(monkeypatch):
    """A body past the bound fails at once, also where compression hides its size."""
    monkeypatch.setattr("careful_assets.llm.client.MAX_BODY_BYTES", 1024**2)

    async def bomb(*_):
        response = web.Response(body=b" " * 8 * 1024**2)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    with pytest.raises(CallFailed, match="larger than 1 MiB"):
        once(bomb, request())


def test_no_answer_in_time_and_no_connection_are_unreachable():
    """A hang, a reset and a closed port each name the cause and what to do."""

    async def hang(*_):
        await asyncio.sleep(30)

    async def reset(*_):
        raise ConnectionResetError

    with pytest.raises(Unreachable, match="no answer within") as caught:
        once(hang, request(), timeout_s=0.2)
    assert caught.value.remedy == "start the stub"
    with pytest.raises(Unreachable):
        once(reset, request())
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))

        async def call():
            async with client(f"http://127.0.0.1:{closed.getsockname()[1]}") as generator:
                await generator.complete(request())

        with pytest.raises(Unreachable, match="Connect"):
            asyncio.run(call())


def test_an_address_that_is_none_is_refused_at_once():
    """A URL without http or https never gets as far as a request."""
    for url in ("localhost:8080", "ftp://host/v1", "http://", "http://host:port", "http://[::1"):
        with pytest.raises(StageFailed, match="CAREFUL_LLM_URL"):
            client(url)


def test_a_user_in_the_address_beside_a_key_is_refused_without_repeating_either():
    """A request carries one of them; either alone is sent."""
    for url in ("http://jane:hunter2@127.0.0.1:9/v1", "http://jane@127.0.0.1:9"):
        with pytest.raises(StageFailed, match=r"CAREFUL_LLM_URL names a user.*take user and password out") as caught:
            client(url, api_key="sesame")
        assert not {"jane", "hunter2", "sesame"} & set(str(caught.value).replace(":", " ").split())
    seen = []

    async def call():
        async with served() as stub, client(stub.url.replace("//", "//jane:hunter2@")) as generator:
            await generator.complete(request())
            seen.append(stub.headers[0]["Authorization"])

    asyncio.run(call())
    assert seen[0].startswith("Basic ")


def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it():
    """A line break or a letter outside ASCII is named as such, at once."""
    for key in ("sk-12\n34", "sk-12\u00e934"):
        with pytest.raises(StageFailed, match="CAREFUL_LLM_API_KEY") as caught:
            client("http://127.0.0.1:9", api_key=key)
        assert key not in str(caught.value)


def test_a_call_that_asks_for_more_is_given_more_time():
    """A minute and a tenth of a second a token, up to ten minutes; without a limit on record a usual one is taken."""
    tokens = {None: 256, 0: 256, 60: 60, 100_000: 5_400}
    for most, counted in tokens.items():
        asked = replace(request(n=1), params={} if most is None else {"max_tokens": most})
        assert timeout_of(asked) == 60 + counted / 10
    assert timeout_of(replace(request(n=8), params={"max_tokens": 60})) == 108


def test_a_refusal_in_a_field_of_its_own_is_kept_as_text():
    """What a chat server puts under `refusal` is a row for the gates to judge."""

    async def refusing(*_):
        return web.json_response({"choices": [{"message": {"content": None, "refusal": "I won't."}}]})

    answer = once(refusing, request(mode="chat"))
    assert [(choice.text, choice.finish_reason) for choice in answer.choices] == [("I won't.", "refusal")]


def test_what_the_server_says_it_used_is_kept():
    """The model and the fingerprint that an answer names; anything but a name is left out."""

    async def naming(body, _):
        return web.json_response({**choices(body), "model": "stub-2026-01", "system_fingerprint": "fp_7"})

    async def odd(body, _):
        return web.json_response({**choices(body), "model": {"a": 1}, "system_fingerprint": ""})

    named, unnamed = once(naming, request()), once(odd, request())
    assert (named.answered_by, named.fingerprint) == ("stub-2026-01", "fp_7")
    assert (unnamed.answered_by, unnamed.fingerprint) == (None, None)
