"""The embedded model: a small language model on loopback for those who have set up no endpoint.

Belongs here: the life of its server processes. Does not belong here: the process itself (`serve`), the
weights (`weights`) and the calls, which are the endpoint client's.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import secrets
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from careful_assets.errors import StageFailed
from careful_assets.llm.client import EndpointClient
from careful_assets.llm.requests import Answer, GeneratorIdentity, Request
from careful_assets.llm.serve import PARALLEL
from careful_assets.llm.weights import FAMILY, MODEL, REVISION, SHA256, no_local_model, ready_weights

EMBEDDED = GeneratorIdentity(MODEL, FAMILY, SHA256, REVISION)
MOST_COMPLETIONS = PARALLEL
"""A server answers all completions of a request at once, so no request may ask for more."""

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 10.0
_MOST_SERVERS = 8
_LOG_BYTES = 4000


class EmbeddedGenerator:
    """Gemma 3 270M (base, 4 bits) in child processes that end with this one.

    `cache`: where its weights are kept. `servers`: how many processes, one a core by default; each answers one
    request at a time.
    """

    def __init__(self, cache: Path, servers: int | None = None) -> None:
        self.servers = servers or max(1, min(_MOST_SERVERS, len(os.sched_getaffinity(0))))
        self._cache = cache
        self._stack = AsyncExitStack()
        self._free: asyncio.Queue[EndpointClient] = asyncio.Queue()

    @property
    def identity(self) -> GeneratorIdentity:
        """The model; its digest is that of the weights, proven at every start."""
        return EMBEDDED

    async def __aenter__(self) -> Self:
        """Start the servers.

        Raises:
            StageFailed: the model is not installed, or a server does not start.
            HomeUnusable: the weights cannot be put together.
        """
        if importlib.util.find_spec("xllamacpp") is None:
            raise no_local_model("xllamacpp")
        weights = await asyncio.to_thread(ready_weights, self._cache)
        async with AsyncExitStack() as stack:
            for server in [_Server(weights) for _ in range(self.servers)]:
                self._free.put_nowait(await stack.enter_async_context(await stack.enter_async_context(server)))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        self._free = asyncio.Queue()

    async def complete(self, request: Request) -> Answer:
        """One call on a free server; see `EndpointClient.complete`."""
        client = await self._free.get()
        try:
            return await client.complete(request)
        finally:
            self._free.put_nowait(client)

    async def likeliest(self, prompt: str, most: int) -> dict[str, float] | None:
        """As `EndpointClient.likeliest`, on a free server."""
        client = await self._free.get()
        try:
            return await client.likeliest(prompt, most)
        finally:
            self._free.put_nowait(client)


class _Server:
    """One server process; entering it gives a client for it, not yet entered."""

    def __init__(self, weights: Path) -> None:
        self._weights = weights
        self._log = b""

    async def __aenter__(self) -> EndpointClient:
        key = secrets.token_hex(16)
        # Its own session: an interrupt from the terminal must not kill it under the answers that are still
        # coming.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careful_assets.llm.serve", str(self._weights),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            start_new_session=True, env={k: v for k, v in os.environ.items() if k != "CAREFUL_LLM_API_KEY"},
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._drain = asyncio.create_task(self._drain_log())
        try:
            self._process.stdin.write(key.encode() + b"\n")
            line = await asyncio.wait_for(self._process.stdout.readline(), _START_TIMEOUT_S)
            address = str(json.loads(line)["address"])
        except (TimeoutError, ValueError, KeyError, OSError) as error:
            await self._stop()
            tail = self._log.decode(errors="replace").strip() or "it printed nothing"
            raise StageFailed(
                f"the embedded model's server did not start ({type(error).__name__}). Set "
                "CAREFUL_LLM_URL and CAREFUL_LLM_MODEL to an endpoint, "
                f"or write `generator: {{kind: ngram}}` in the card. Its last words:\n{tail}"
            ) from error
        except BaseException:
            await self._stop()
            raise
        remedy = "the embedded model's server died or hangs: see that memory suffices"
        return EndpointClient(address, EMBEDDED, api_key=key, remedy=remedy)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _drain_log(self) -> None:
        """Keep the end of what it prints.

        An undrained pipe would stop the server, a whole log grow without bound.
        """
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(_LOG_BYTES):
            self._log = (self._log + chunk)[-_LOG_BYTES:]

    async def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # the end of its input is its sign to exit
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._drain
