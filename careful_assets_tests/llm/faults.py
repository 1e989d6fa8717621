"""A server that fails a fifth of its calls in every way that servers fail in."""

import asyncio
import json
import random

from aiohttp import web

from careful_assets_tests.llm.stubs import choices

SHARE = 0.2


async def _hang(http, answer):
    await asyncio.sleep(60)


async def _drop(http, answer):
    http.transport.abort()
    await asyncio.sleep(0)


async def _half(http, answer):
    body = json.dumps(answer).encode()
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(http)
    await response.write(body[: len(body) // 2])
    http.transport.abort()
    return response


def _body(body, **options):
    async def send(http, answer):
        return web.Response(body=body, **options)

    return send


def _rows(change):
    """An answer whose rows are changed: odd, and to be kept as they are."""

    async def send(http, answer):
        return web.json_response({**answer, "choices": change(answer["choices"])})

    return send


def _text(text):
    return _rows(lambda rows: [{**row, "text": text(row["text"])} for row in rows])


FAILURES = {
    "429": (_body(b"slow down", status=429, headers={"Retry-After": "0"}), "HTTP 429"),
    "500": (_body(b"boom", status=500), "HTTP 500"),
    "503": (_body(b"", status=503), "HTTP 503"),
    "hang": (_hang, "no answer within"),
    "drop": (_drop, "Disconnected|reset"),
    "half": (_half, "broke off"),
    "broken JSON": (_body(b'{"choices": [{"text": "a ro'), "not JSON"),
    "invalid UTF-8": (_body(b'{"choices": [{"text": "\xff\xfe"}]}'), "not JSON"),
    "empty choice": (_body(b'{"choices": [{}, {}]}'), "NoneType"),
    "no choices": (_body(b'{"choices": []}'), "no choices"),
}
ODDITIES = {
    "fewer choices": _rows(lambda rows: rows[:1]),
    "2 MB": _text(lambda text: text + "x" * 2_000_000),
    "NULs": _text(lambda text: text + "\0\0"),
    "empty text": _text(lambda text: ""),
    "refusal": _text(lambda text: "I'm sorry, but I can't help with that."),
}


def failing(seed):
    """A handler for `stubs.Stub` that fails at random and else is honest, with texts that no two calls share."""
    rng = random.Random(seed)
    ways = [way for way, _ in FAILURES.values()] + [way for name, way in ODDITIES.items() if name != "2 MB"]

    async def handle(body, call, http):
        answer = choices(body)
        for choice in answer["choices"]:
            choice["text"] += f" (call {call})"
        if rng.random() < SHARE:
            return await rng.choice(ways)(http, answer)
        await asyncio.sleep(0.005)
        return web.json_response(answer)

    handle.wants_http = True
    return handle
