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
from careful_assets.llm.responses import answer_of, likeliest_of, refusal

MAX_BODY_BYTES = 32 * 1024 * 1024
CONNECT_TIMEOUT_S = 15.0
_LEAST_TIMEOUT_S = 60.0
_LONGEST_TIMEOUT_S = 600.0
_SLOWEST_TOKENS_PER_S = 10.0
_DEFAULT_MAX_TOKENS = 256
_SCHEMA_REFUSED = (400, 422)
_PATHS = {"completion": "completions", "chat": "chat/completions"}


def endpoint_identity(model: str, family: str, revision: str | None = None) -> GeneratorIdentity:
    """Who an endpoint says it is.

    The digest is that of the declared name: a provider's weights cannot be seen.
    """
    return GeneratorIdentity(model, family, digest_of({"model": model, "revision": revision or ""}), revision)


def timeout_of(request: Request) -> float:
    """Seconds after which a call counts as hanging: a minute, and what a very slow generator needs for what is asked.

    The embedded model on two busy cores gives some 100 tokens a second over all completions of a request; at 10, nobody
    would wait for a dataset. Never more than ten minutes, where common proxies have long cut the connection.
    """
    tokens = int(request.params.get("max_tokens") or _DEFAULT_MAX_TOKENS) * request.completions
    return min(_LEAST_TIMEOUT_S + tokens / _SLOWEST_TOKENS_PER_S, _LONGEST_TIMEOUT_S)


class EndpointClient:
    """A generator behind an OpenAI-compatible endpoint.

    `url`: its base, with or without `/v1`. `remedy`: what a person can do if it does not answer. `timeout_s`: seconds
    for a whole call, by what it asks for (`timeout_of`) unless given. `variables`: how the environment's variables that
    gave the address and the key begin, for messages.
    """

    def __init__(
        self, url: str, identity: GeneratorIdentity, *, api_key: str | None = None, remedy: str,
        timeout_s: float | None = None, variables: str = "CAREFUL_LLM",
    ) -> None:  # fmt: skip
        if not _is_address(url):
            raise StageFailed(
                f"{variables}_URL is not an http or https address; give the endpoint's base, "
                "such as http://127.0.0.1:8080/v1"
            )
        if api_key is not None and _names_someone(url):
            raise StageFailed(
                f"{variables}_URL names a user while {variables}_API_KEY is set, and a request has room for one of "
                "them; take user and password out of the address, or unset the key. Nothing was sent"
            )
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise StageFailed(
                f"{variables}_API_KEY holds a character that no HTTP header can carry (a line break?); set it again"
            )
        base = url.rstrip("/")
        self._base = base if base.endswith("/v1") else f"{base}/v1"
        self._identity = identity
        self._api_key = api_key
        self._remedy = remedy
        self._timeout_s = timeout_s
        self._takes_schema = True
        self._session: aiohttp.ClientSession | None = None

    @property
    def identity(self) -> GeneratorIdentity:
        """Who answers."""
        return self._identity

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        # `dispatch` bounds what is in flight; a second bound here would only hide it. No answer hangs on a cookie.
        self._session = aiohttp.ClientSession(
            headers=headers, connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def complete(self, request: Request) -> Answer:
        """One call; two where a schema is wanted and the server takes none, which it is then spared.

        Raises:
            CallFailed: a refusal or an answer that cannot be used.
            Unreachable: no connection, a broken one, or no answer in time.
        """
        begun = time.monotonic()
        with_schema = request.answer_schema is not None and self._takes_schema
        try:
            body = await self._post(request, with_schema)
        except CallFailed as failure:
            if not with_schema or failure.status not in _SCHEMA_REFUSED:
                raise
            body = await self._post(request, False)
            # Whatever was wrong with the first call, the schema was it: the second differs in nothing else.
            self._takes_schema = False
        try:
            return answer_of(body, request, round(time.monotonic() - begun, 6))
        except CallFailed as failure:
            failure.billed = True
            raise

    async def likeliest(self, prompt: str, most: int) -> dict[str, float] | None:
        """The likeliest next tokens after a text with their log-probabilities, at most `most`; None if none are told.

        Raises:
            CallFailed, Unreachable: as `post`.
        """
        payload = {"model": self._identity.generator_id, "prompt": prompt, "max_tokens": 1, "logprobs": most}
        total = _LEAST_TIMEOUT_S if self._timeout_s is None else self._timeout_s
        return likeliest_of(await self.post(_PATHS["completion"], payload, prompt, total))

    async def _post(self, request: Request, with_schema: bool) -> bytes:
        total = timeout_of(request) if self._timeout_s is None else self._timeout_s
        payload = self._payload(request, with_schema)
        return await self.post(_PATHS[request.mode], payload, request.rendered_prompt, total)

    async def post(self, path: str, payload: dict[str, Any], sent: str, total: float) -> bytes:
        """The body of a 200 to `payload`, sent to `path` below `/v1`, within `total` seconds.

        `sent`: the text in the payload that no cause of a failure may repeat.

        Raises:
            CallFailed: a refusal, or a body that breaks off or is too large.
            Unreachable: no connection, a broken one, or no answer in time.
        """
        assert self._session is not None, "used outside `async with`"
        try:
            # No redirects: the key and the prompt go to the address that was named and nowhere else.
            async with self._session.post(
                f"{self._base}/{path}", json=payload, allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=total, sock_connect=min(CONNECT_TIMEOUT_S, total)),
            ) as response:  # fmt: skip
                body = await _bounded(response.content)
                if response.status != 200:
                    raise refusal(response.status, body, response.headers.get("Retry-After"), sent, self._api_key)
                return body
        except aiohttp.ConnectionTimeoutError as error:
            raise Unreachable("no connection in time", self._remedy, connected=False) from error
        except TimeoutError as error:
            raise Unreachable(f"no answer within {total:.0f} s", self._remedy, connected=True) from error
        except aiohttp.ClientPayloadError as error:
            raise CallFailed("the body broke off or could not be decoded", retryable=True) from error
        except aiohttp.ClientConnectionError as error:
            connected = not isinstance(error, aiohttp.ClientConnectorError)
            raise Unreachable(f"{type(error).__name__}: {_reason(error)}", self._remedy, connected=connected) from error
        except aiohttp.ClientError as error:
            raise CallFailed(f"the answer is not HTTP ({type(error).__name__})", retryable=True) from error

    def _payload(self, request: Request, with_schema: bool) -> dict[str, Any]:
        asked: dict[str, Any] = {"prompt": request.rendered_prompt}
        if request.mode == "chat":
            asked = {"messages": [{"role": "user", "content": request.rendered_prompt}]}
        if with_schema:
            schema = {"name": "answer", "strict": True, "schema": request.answer_schema}
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        params = {name: value for name, value in request.params.items() if value not in ([], None)}
        return {
            **params,
            **asked,
            "model": self._identity.generator_id,
            "n": request.completions,
            "seed": request.seed,
        }


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, a half-open bracket
        return False


def _names_someone(url: str) -> bool:
    """Whether the address carries a user or a password, which would be sent in the key's place."""
    return "@" in urlsplit(url).netloc


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
