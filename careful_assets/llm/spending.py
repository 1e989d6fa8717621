"""What requests take: tokens as we count them, and the seconds in which at least one was open.

Belongs here: counting over plain records. Does not belong here: prices (`prices`) and limits (`budget`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from careful_assets.llm.requests import Answer, Request, canonical
from careful_assets.llm.structured import MOST_SHOWN

if TYPE_CHECKING:
    from careful_assets.llm.journal_state import JournalState  # it keeps what erased requests took

BYTES_A_TOKEN = 4
"""An estimate, alike for every model: an English text has about four characters a token (on the demo's prompts and
answers the embedded model's own count comes to 4.2), other scripts more bytes a character and fewer characters a token.
"""

MOST_REPAIR_TOKENS = MOST_SHOWN + 256
"""What a repair's prompt has beside the request's own and its schema, at most: the beginning of the refused answer, in
letters of four bytes, and the words around it."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of prompts and of completions."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt + self.completion

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)

    def __sub__(self, other: Tokens) -> Tokens:
        return Tokens(self.prompt - other.prompt, self.completion - other.completion)


def tokens_in(text: str) -> int:
    """About how many tokens a text has: its bytes in UTF-8 by `BYTES_A_TOKEN`, rounded up."""
    return -(-len(text.encode("utf-8", errors="replace")) // BYTES_A_TOKEN)


def most_tokens(request: Request) -> Tokens:
    """What a request can take at most: its prompt, and every completion as long as it is allowed to be.

    A structured one may be sent once more, to be repaired.
    """
    call = _call(request, request.rendered_prompt)
    if request.answer_schema is None:
        return call
    schema = tokens_in(canonical(request.answer_schema))
    return call + Tokens(call.prompt + MOST_REPAIR_TOKENS + schema, call.completion)


def tokens_taken(request: Request, answer: Answer, repair: str | None = None) -> Tokens:
    """What an answered request took.

    The prompt is counted here. So are the completions, unless the generator reported more than that: some servers
    report one completion of several, so that their figure is a lower bound. Whatever they report beyond our count is
    taken for completions: it may then be more than `most_tokens`. `repair`: the prompt of a second call, if
    there was one; the answer that it mended is not on record and counts as long as it may have been.
    """
    most = _call(request, request.rendered_prompt)
    counted = sum(tokens_in(choice.text) for choice in answer.choices)
    reported = (answer.tokens or 0) - tokens_in(repair or request.rendered_prompt)
    taken = Tokens(most.prompt, max(min(counted, most.completion), reported))
    return taken if repair is None else taken + _call(request, repair)


def taken_by(request: Request, state: JournalState) -> Tokens | None:
    """What the request took by the journal, also if its texts were erased since; None: it has no answer."""
    key = request.request_id
    if key in state.erased:
        return state.erased[key].taken
    answer = state.answers.get(key)
    return None if answer is None else tokens_taken(request, answer, state.repairs.get(key))


def most_of(request: Request, state: JournalState) -> Tokens:
    """What the request can take at most, also if its texts were erased since."""
    erased = state.erased.get(request.request_id)
    return most_tokens(request) if erased is None else erased.most


def seconds_of(request: Request, state: JournalState) -> float | None:
    """How long its answer took, in seconds, also if its texts were erased since; None: it has none."""
    key = request.request_id
    if key in state.erased:
        return state.erased[key].latency_s
    return state.answers[key].latency_s if key in state.answers else None


def _call(request: Request, prompt: str) -> Tokens:
    # Rows that came in files, in the journal's form, were asked of nobody and have no such parameter.
    return Tokens(tokens_in(prompt), request.completions * int(request.params.get("max_tokens", 0)))


def busy_seconds(requests: Iterable[Request], state: JournalState) -> float:
    """The time in which at least one of these requests was open, over all runs: the union of their answers' spans.

    Waiting for calls that failed, and starting the generator, is not on record and does not count.
    """
    spans = []
    for request in requests:
        seconds, until = seconds_of(request, state), _answered_at(request, state)
        if seconds is not None and until is not None:
            spans.append((until.timestamp() - seconds, until.timestamp()))
    total, end = 0.0, float("-inf")
    for start, until_s in sorted(spans):
        total += max(0.0, until_s - max(start, end))
        end = max(end, until_s)
    return total


def _answered_at(request: Request, state: JournalState) -> datetime | None:
    erased = state.erased.get(request.request_id)
    return state.answered_at.get(request.request_id) if erased is None else erased.answered_at
