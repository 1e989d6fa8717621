"""What is asked of a generator and what it answers: plain records, alike for generators and judges.

Belongs here: the request and its id, the answer, the failure, and the protocol that every generator keeps.
Does not belong here: how requests are sent (`client`, `dispatch`), recorded (`journal`) or planned (the room
that asks).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from careful_assets.llm.structured import check_schema

Mode = Literal["completion", "chat"]

SEEDS = 2**31
"""Seeds are taken modulo this: servers hold them in 32 bits, some of them signed. Requests that step by their number of
completions stay distinct as long as a dataset asks for fewer completions than this."""

_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def canonical(value: object) -> str:
    """`value` as JSON in one spelling: sorted keys, no spaces, ASCII only, no NaN."""
    return _ENCODE(value)


def digest_of(value: object) -> str:
    """sha256, in hex, of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


@dataclass(frozen=True)
class GeneratorIdentity:
    """Who answers.

    `digest` is that of the weights where they can be seen, else of what their provider declares. `revision` is the
    version that was named for them, if one was; the digest covers it.
    """

    generator_id: str
    family: str
    digest: str
    revision: str | None = None


@dataclass(frozen=True)
class Request:
    """One call to a generator.

    `completions` rows of one stratum (the label asked for) from one rendered prompt. `answer_schema`: the JSON schema
    that the answer must fit (see `structured`), if it is to be structured.
    """

    request_id: str
    round: int
    stratum: str
    prompt_id: str
    prompt_sha256: str
    rendered_prompt: str
    generator_id: str
    generator_family: str
    generator_digest: str
    generator_revision: str | None
    mode: Mode
    params: dict[str, Any] = field(hash=False)
    seed: int
    completions: int
    parent_ids: tuple[str, ...]
    answer_schema: dict[str, Any] | None = field(default=None, hash=False)

    @classmethod
    def make(
        cls, *, round: int, stratum: str, prompt_id: str, prompt_sha256: str, rendered_prompt: str,
        generator: GeneratorIdentity, mode: Mode, params: Mapping[str, Any], seed: int, completions: int,
        parent_ids: Sequence[str], answer_schema: Mapping[str, Any] | None = None,
    ) -> Request:  # fmt: skip
        """A request with its id: the digest of all that decides the answer.

        The stratum is part of it, since the n-gram generator hears it beside the prompt. Round, template,
        parents, times and hosts are not. The seed is taken modulo `SEEDS`, so that the one on record is the one sent.

        Raises:
            ValueError: the answer's schema is not of the allowed kind, or more than one completion is to fit it.
        """
        seed %= SEEDS
        decisive = {
            "prompt": rendered_prompt, "stratum": stratum, "generator": _decisive(generator), "mode": mode,
            "params": dict(params), "seed": seed, "n": completions,
        }  # fmt: skip
        if answer_schema is not None:
            check_schema(answer_schema)
            if completions != 1:
                raise ValueError("a structured answer is asked for alone: it is repaired or refused as a whole")
            decisive["schema"] = dict(answer_schema)
        return cls(
            digest_of(decisive), round, stratum, prompt_id, prompt_sha256, rendered_prompt,
            generator.generator_id, generator.family, generator.digest, generator.revision, mode, dict(params), seed,
            completions, tuple(parent_ids), None if answer_schema is None else dict(answer_schema),
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """The whole request as JSON values, from which `from_json` makes it again."""
        # Not `asdict`: its deep copy was measured at a fifth of what the client spends on a request.
        return {**vars(self), "parent_ids": list(self.parent_ids)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Request:
        """The request that `as_json` wrote.

        Raises:
            ValueError, TypeError, KeyError: a field is missing or too many, or the id is not that of the
            content.
        """
        given = dict(value)
        revision = given.pop("generator_revision", None)
        name, family, digest = (given.pop(f"generator_{part}") for part in ("id", "family", "digest"))
        identity = GeneratorIdentity(name, family, digest, revision)
        recorded_id = given.pop("request_id")
        request = cls.make(generator=identity, **given)
        if request.request_id != recorded_id:
            raise ValueError("the request's id is not the digest of its content")
        return request


def _decisive(generator: GeneratorIdentity) -> dict[str, str]:
    """What of a generator decides its answers; its revision does so by way of the digest."""
    return {"generator_id": generator.generator_id, "family": generator.family, "digest": generator.digest}


@dataclass(frozen=True)
class Choice:
    """One completion; the one of index i was drawn with the request's seed + i.

    `index` is its place in the request, from 0; a server may leave places out. Where none is given, its `Answer` sets
    it to the choice's position there.
    """

    text: str
    finish_reason: str | None
    index: int = -1


@dataclass(frozen=True)
class Answer:
    """The completions of one request, at most as many as it asked for.

    `tokens` is prompt plus completion tokens as the generator counted them, None where it did not: a
    best-effort figure (llama.cpp's server counts the completion tokens of one choice only). `latency_s` is in
    seconds. `answered_by` and `fingerprint`: the model that the server says it used and the fingerprint of its system,
    where it names them: a provider may put other weights behind one name.
    """

    request_id: str
    choices: tuple[Choice, ...]
    tokens: int | None
    latency_s: float
    answered_by: str | None = None
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if any(choice.index < 0 for choice in self.choices):
            numbered = enumerate(self.choices)
            placed = (choice if choice.index >= 0 else replace(choice, index=place) for place, choice in numbered)
            object.__setattr__(self, "choices", tuple(placed))


@dataclass(frozen=True)
class Failure:
    """Why a request got no answer; `retryable` if the same call may succeed later.

    `billed`: the generator answered, and the answer could not be used: it has to be paid for all the same.
    """

    request_id: str
    cause: str
    retryable: bool
    billed: bool = False


class CallFailed(Exception):
    """One call got no usable answer. The cause names neither secrets nor the prompt's text.

    `retry_after_s`: the pause, in seconds, that the other side asked for. `status`: the HTTP status, if one came.
    `billed`: as in `Failure`.
    """

    def __init__(
        self, cause: str, retryable: bool, retry_after_s: float | None = None, status: int | None = None,
        billed: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(cause)
        self.cause = cause
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.status = status
        self.billed = billed

    @property
    def overload(self) -> bool:
        """The generator asks for less."""
        return self.status in (429, 503)

    @property
    def general(self) -> bool:
        """It may well be the generator that fails, not this one request."""
        return self.status is not None and self.status >= 500


class Unreachable(CallFailed):
    """The generator itself does not answer.

    `remedy` says what to do. `connected`: whether it took the call at all; if not, every other request fails alike.
    """

    def __init__(self, cause: str, remedy: str, *, connected: bool) -> None:
        super().__init__(cause, retryable=True)
        self.remedy = remedy
        self.connected = connected

    @property
    def general(self) -> bool:
        """It is."""
        return True


class Generator(Protocol):
    """Whatever answers requests.

    Its identity is known before it is started; calls come between enter and exit.
    """

    @property
    def identity(self) -> GeneratorIdentity:
        """Who answers."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def complete(self, request: Request) -> Answer:
        """One call, without retries.

        Raises:
            CallFailed: no usable answer came.
        """
        ...
