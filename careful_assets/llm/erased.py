"""What stays on record of a request whose prompt and answer were erased: all but texts.

Belongs here: the record, and its form in a journal's line. Does not belong here: rewriting a journal
(`journal_erasing`) and what it adds up to with the others (`journal_state`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, get_args

from careful_assets.llm.requests import Mode, Request
from careful_assets.llm.spending import Tokens


@dataclass(frozen=True)
class ErasedRequest:
    """A request without its texts, and what it took.

    `request` has an empty prompt and no schema; its id is that of the request as it was sent. `most` and `taken` are
    the tokens of `spending.most_tokens` and, if it was answered, of `spending.tokens_taken`, counted while its texts
    were there. The rest is as in `journal_state.JournalState` and `requests.Answer`.
    """

    request: Request
    attempts: int
    resent: bool
    repaired: bool
    billed: int
    most: Tokens
    taken: Tokens | None
    tokens: int | None
    latency_s: float | None
    asked_at: datetime
    answered_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The fields of the journal's line, from which `from_json` makes it again."""
        request = self.request.as_json()
        del request["rendered_prompt"], request["answer_schema"]
        return {
            **vars(self),
            "request": request,
            "most": vars(self.most),
            "taken": None if self.taken is None else vars(self.taken),
            "asked_at": self.asked_at.isoformat(),
            "answered_at": None if self.answered_at is None else self.answered_at.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The record that `as_json` wrote.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: a field is missing, too many or of another type.
        """
        given = dict(value)
        asked_at, answered_at = given.pop("asked_at"), given.pop("answered_at")
        request, most, taken = given.pop("request"), given.pop("most"), given.pop("taken")
        if (taken is None) != (answered_at is None) or (taken is None) != (given["latency_s"] is None):
            raise ValueError("tokens taken, seconds and time of an answer stand together, or not at all")
        record = cls(
            **given,
            request=_request(request),
            most=_tokens(most),
            taken=None if taken is None else _tokens(taken),
            asked_at=datetime.fromisoformat(asked_at),
            answered_at=None if answered_at is None else datetime.fromisoformat(answered_at),
        )
        counts = (record.attempts, record.billed, *(() if record.tokens is None else (record.tokens,)))
        if any(type(count) is not int or count < 0 for count in counts):
            raise TypeError("attempts, billed or tokens is no count")
        if type(record.resent) is not bool or type(record.repaired) is not bool:
            raise TypeError("resent and repaired are true or false")
        latency = record.latency_s or 0.0
        if type(latency) not in (int, float) or not (math.isfinite(latency) and latency >= 0):
            raise TypeError("latency_s is no number of seconds")
        return record


def _request(value: dict[str, Any]) -> Request:
    """The request without its texts; its id cannot be checked, for they were part of it."""
    if "rendered_prompt" in value or "answer_schema" in value:
        raise ValueError("an erased request holds no prompt and no schema")
    request = Request(**{**value, "rendered_prompt": "", "parent_ids": tuple(value["parent_ids"])})
    texts = (request.request_id, request.stratum, request.prompt_id, request.prompt_sha256, request.generator_id,
             request.generator_family, request.generator_digest, *request.parent_ids)  # fmt: skip
    if any(not isinstance(text, str) for text in texts) or not isinstance(request.params, dict):
        raise TypeError("a field of the request is of another type")
    if any(type(number) is not int for number in (request.round, request.seed, request.completions)):
        raise TypeError("round, seed and completions are whole numbers")
    if request.mode not in get_args(Mode):
        raise ValueError("unknown mode")
    return request


def _tokens(value: dict[str, Any]) -> Tokens:
    tokens = Tokens(**value)
    if any(type(count) is not int for count in vars(tokens).values()):
        raise TypeError("tokens are no counts")
    return tokens
