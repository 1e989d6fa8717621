"""What an OpenAI-compatible endpoint sends back, read with distrust.

Every oddity becomes a `CallFailed` with a cause. Belongs here: bodies, statuses and headers as pure functions. Does not
belong here: the connection (`client`).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from careful_assets.llm.requests import Answer, CallFailed, Choice, Request

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
EXCERPT_CHARACTERS = 200
_ECHO_CHARACTERS = 12
_NAME_CHARACTERS = 200
_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")


def answer_of(body: bytes, request: Request, latency_s: float) -> Answer:
    """The answer that a body holds: its usable choices in the order of their index, at most as many as were asked for.

    Raises:
        CallFailed: the body is not JSON, or holds no usable choice; the cause is the first one's fault.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CallFailed(f"the body is not JSON ({len(body)} bytes)", retryable=True) from error
    given = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(given, list):
        raise CallFailed("the answer has no list of choices", retryable=False)
    choices, faults = [], [] if given else ["the answer has no choices"]
    for index, choice in _placed(given, request.completions):
        try:
            choices.append(_choice(choice, index, request.mode))
        except CallFailed as error:
            faults.append(error.cause)
    # A choice that cannot be used takes none of the others along.
    if not choices:
        raise CallFailed(next(iter(faults), "a choice is not an object"), retryable=False)
    served = (_name(answer.get(key)) for key in ("model", "system_fingerprint"))
    return Answer(request.request_id, tuple(choices), _tokens(answer.get("usage")), latency_s, *served)


def likeliest_of(body: bytes) -> dict[str, float] | None:
    """The first token's alternatives with their log-probabilities, in either form that servers give them; else None."""
    try:
        told = json.loads(body)["choices"][0]["logprobs"]
        if "content" in told:
            pairs = [(one["token"], one["logprob"]) for one in told["content"][0]["top_logprobs"]]
        else:
            pairs = list(told["top_logprobs"][0].items())
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        return None
    usable = all(isinstance(token, str) and type(log_p) in (int, float) and log_p <= 0 for token, log_p in pairs)
    return {token: float(log_p) for token, log_p in pairs} if usable and pairs else None


def _placed(given: list[Any], asked: int) -> list[tuple[int, dict[str, Any]]]:
    """The choice objects with their places in the request, at most `asked`: some servers ignore `n`.

    The places are the indices that the server gives, if these are distinct and below `asked`; else the positions: some
    servers number every choice 0.
    """
    objects = [(position, choice) for position, choice in enumerate(given) if isinstance(choice, dict)]
    if not all(type(choice.get("index")) is int for _, choice in objects):
        return [(position, choice) for position, choice in objects if position < asked]
    numbered = sorted(((choice["index"], choice) for _, choice in objects), key=lambda one: one[0])[:asked]
    places = [place for place, _ in numbered]
    if places == sorted(set(places) & set(range(asked))):
        return numbered
    return list(enumerate(choice for _, choice in numbered))


def _choice(given: dict[str, Any], index: int, mode: str) -> Choice:
    if mode == "chat":
        message = given.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if text is None and isinstance(message, dict) and isinstance(message.get("refusal"), str):
            # A refusal in a field of its own is text like any other: the gates judge it.
            return Choice(message["refusal"], "refusal", index)
    else:
        text = given.get("text")
    if not isinstance(text, str):
        raise CallFailed(f"a choice's text is {type(text).__name__}, not a string", retryable=False)
    reason = given.get("finish_reason")
    return Choice(text, reason[:60] if isinstance(reason, str) else None, index)


def _name(given: object) -> str | None:
    return given[:_NAME_CHARACTERS] if isinstance(given, str) and given else None


def _tokens(usage: object) -> int | None:
    if not isinstance(usage, dict):
        return None
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    known = [count for count in counts if type(count) is int and 0 <= count < 2**53]
    return sum(known) if known else None


def refusal(status: int, body: bytes, retry_after: str | None, sent: str, api_key: str | None) -> CallFailed:
    """The failure that a status other than 200 stands for, with a bounded excerpt that repeats nothing of `sent`."""
    excerpt = _excerpt(body, sent, api_key)
    return CallFailed(
        f"HTTP {status}{': ' + excerpt if excerpt else ''}",
        retryable=status in RETRYABLE_STATUSES,
        retry_after_s=_seconds(retry_after),
        status=status,
    )


def _seconds(retry_after: str | None) -> float | None:
    """The Retry-After header, a number of seconds or a date, as seconds from now.

    None if absent or unreadable.
    """
    if retry_after is None:
        return None
    if _SECONDS.fullmatch(retry_after.strip()):
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _excerpt(body: bytes, prompt: str, api_key: str | None) -> str:
    text = body[:65536].decode("utf-8", errors="replace")
    try:
        error = json.loads(body).get("error")
        text = str(error.get("message")) if isinstance(error, dict) else str(error or text)
    except (ValueError, AttributeError, RecursionError):
        pass  # not an OpenAI error object: the text as it stands
    # The whole text is searched, not the excerpt: a cut may not save half a secret from being found.
    text = " ".join(text.split())
    if api_key:
        text = text.replace(api_key, "***")
    excerpt, known = text[:EXCERPT_CHARACTERS], " ".join(prompt.split())
    span = min(_ECHO_CHARACTERS, len(known))
    if span and any(excerpt[at : at + span] in known for at in range(len(excerpt) - span + 1)):
        return "(body withheld: it repeats the prompt)"
    return excerpt
