"""A real HTTP server on loopback that answers as told, and requests to send to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from careful_assets.llm.client import EndpointClient, endpoint_identity
from careful_assets.llm.requests import Request

IDENTITY = endpoint_identity("stub-model", "stub")
Handler = Callable[[dict, int], Awaitable[web.StreamResponse]]


def request(index: int = 0, *, n: int = 2, mode: str = "completion", prompt: str = "Write one angry sentence."):
    return Request.make(
        round=1, stratum="negative", prompt_id="plain", prompt_sha256="0" * 64, rendered_prompt=prompt,
        generator=IDENTITY, mode=mode, params={"temperature": 1.0, "max_tokens": 16, "stop": []},
        seed=100 + index * n, completions=n, parent_ids=["a", "b"],
    )  # fmt: skip


def choices(body: dict) -> dict:
    """What an honest server answers: choice i drawn with seed + i."""
    return {
        "choices": [
            {"index": i, "text": f" row {body['seed'] + i}", "finish_reason": "stop"} for i in range(body["n"])
        ],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
    }


async def honest(body: dict, call: int) -> web.StreamResponse:
    return web.json_response(choices(body))


class Stub:
    """`bodies` and `headers` of all requests that arrived, `most` that were open at once, and its `url`."""

    def __init__(self, handler: Handler) -> None:
        self.handler, self.bodies, self.headers, self.paths = handler, [], [], []
        self.open = self.most = 0

    async def answer(self, http: web.Request) -> web.StreamResponse:
        body = await http.json()
        self.bodies.append(body)
        self.headers.append(http.headers)
        self.paths.append(http.path)
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            if getattr(self.handler, "wants_http", False):
                return await self.handler(body, len(self.bodies), http)
            return await self.handler(body, len(self.bodies))
        except ConnectionResetError:
            http.transport.abort()
            raise
        finally:
            self.open -= 1


@asynccontextmanager
async def served(handler: Handler = honest):
    stub = Stub(handler)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/{path:.*}", stub.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stub
    finally:
        await runner.cleanup()


def client(url: str, **options) -> EndpointClient:
    return EndpointClient(url, IDENTITY, remedy="start the stub", **options)


def once(handler: Handler, asked: Request, **options):
    """The answer to one call, or the error it raises."""

    async def call():
        async with served(handler) as stub, client(stub.url, **options) as generator:
            return await generator.complete(asked)

    return asyncio.run(call())
