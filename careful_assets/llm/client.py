"""A client of OpenAI-compatible endpoints: one session, one call at a time for each task that uses it.

Belongs here: the connection and one call on it. Retries, records and order are `dispatch`'s, reading what
came back is `responses`'.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from careful_assets.errors import StageFailed
from careful_assets.llm.requests import Answer, CallFailed, GeneratorIdentity, Request, Unreachable, digest_of
from careful_assets.llm.responses import parse, refusal

MAX_BODY_BYTES = 32 * 1024 * 1024
CALL_TIMEOUT_S = 300.0
CONNECT_TIMEOUT_S = 15.0
_PATHS = {"completion": "completions", "chat": "chat/completions"}


def endpoint_identity(model: str, family: str, revision: str = "") -> GeneratorIdentity:
    """Who an endpoint says it is.

    The digest is that of the declared name: a provider's weights cannot be seen.
    """
    return GeneratorIdentity(model, family, digest_of({"model": model, "revision": revision}))


class EndpointClient:
    """A generator behind an OpenAI-compatible endpoint.

    `url`: its base, with or without `/v1`. `remedy`: what a person can do if it does not answer.
    """

    def __init__(
        self, url: str, identity: GeneratorIdentity, *, api_key: str | None = None, remedy: str,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StageFailed(
                "CAREFUL_LLM_URL is not an http or https address; give the endpoint's base, "
                "such as http://127.0.0.1:8080/v1"
            )
        base = url.rstrip("/")
        self._base = base if base.endswith("/v1") else f"{base}/v1"
        self._identity = identity
        self._api_key = api_key
        self._remedy = remedy
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_TIMEOUT_S, timeout_s))
        self._session: aiohttp.ClientSession | None = None

    @property
    def identity(self) -> GeneratorIdentity:
        """Who answers."""
        return self._identity

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        # `dispatch` bounds what is in flight; a second bound here would only hide it.
        self._session = aiohttp.ClientSession(
            headers=headers, timeout=self._timeout, connector=aiohttp.TCPConnector(limit=0)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def complete(self, request: Request) -> Answer:
        """One call.

        Raises:
            CallFailed: a refusal or an answer that cannot be used.
            Unreachable: no connection, a broken one, or no answer in time.
        """
        assert self._session is not None, "used outside `async with`"
        begun = time.monotonic()
        try:
            # No redirects: the key and the prompt go to the address that was named and nowhere else.
            async with self._session.post(
                f"{self._base}/{_PATHS[request.mode]}", json=self._payload(request), allow_redirects=False
            ) as response:
                body = await _bounded(response.content)
                if response.status != 200:
                    raise refusal(response.status, body, response.headers.get("Retry-After"), request, self._api_key)
        except TimeoutError as error:
            raise Unreachable(f"no answer within {time.monotonic() - begun:.0f} s", self._remedy) from error
        except aiohttp.ClientPayloadError as error:
            raise CallFailed("the body broke off or could not be decoded", retryable=True) from error
        except aiohttp.ClientConnectionError as error:
            raise Unreachable(f"{type(error).__name__}: {_reason(error)}", self._remedy) from error
        except aiohttp.ClientError as error:
            raise CallFailed(f"the answer is not HTTP ({type(error).__name__})", retryable=True) from error
        choices, tokens = parse(body, request)
        return Answer(request.request_id, choices, tokens, round(time.monotonic() - begun, 6))

    def _payload(self, request: Request) -> dict[str, Any]:
        asked: dict[str, Any] = {"prompt": request.rendered_prompt}
        if request.mode == "chat":
            asked = {"messages": [{"role": "user", "content": request.rendered_prompt}]}
        params = {name: value for name, value in request.params.items() if value not in ([], None)}
        return {
            **params,
            **asked,
            "model": self._identity.generator_id,
            "n": request.completions,
            "seed": request.seed,
        }


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    """The decompressed body, of at most `MAX_BODY_BYTES`."""
    chunks, size = [], 0
    async for chunk in stream.iter_any():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise CallFailed(f"the body is larger than {MAX_BODY_BYTES // 1024**2} MiB", retryable=False)
        chunks.append(chunk)
    return b"".join(chunks)


def _reason(error: aiohttp.ClientConnectionError) -> str:
    """The operating system's word for it, free of addresses that may carry credentials."""
    cause = getattr(error, "os_error", None) or error
    return getattr(cause, "strerror", None) or "the connection failed"
