"""From the journal to tables: `generation.requests` and `generation.candidates` as frames.

Belongs here: the columns, the cleaning and the masking of a completion. Does not belong here: judging a row (the
gates), writing the frames. From recorded answers the same input gives the same rows, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Request, canonical, digest_of
from careful_assets.llm.spending import taken_by
from careful_assets.warehouse.quarantine import ROWS as WITHHELD
from careful_assets.warehouse.quarantine import text_digest

REQUESTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "request_id": pl.String, "round": pl.Int32, "stratum": pl.String, "prompt_id": pl.String,
    "prompt_sha256": pl.String, "rendered_prompt": pl.String, "generator_id": pl.String,
    "generator_family": pl.String, "generator_digest": pl.String, "params": pl.String, "seed": pl.Int64,
    "completions": pl.Int32, "parent_ids": pl.List(pl.String), "status": pl.String, "cause": pl.String,
    "attempts": pl.Int32, "resent": pl.Boolean, "tokens": pl.Int64, "cost": pl.Float64,
    "requested_at": pl.Datetime("us", "UTC"), "answered_at": pl.Datetime("us", "UTC"),
    "prompt_tokens": pl.Int64, "completion_tokens": pl.Int64, "latency_s": pl.Float64,
    "generator_revision": pl.String, "answered_by": pl.String, "fingerprint": pl.String, "repaired": pl.Boolean,
}  # fmt: skip
CANDIDATES: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String, "request_id": pl.String, "ordinal": pl.Int32, "text": pl.String,
    "requested_label": pl.String, "artifact_type": pl.String, "finish_reason": pl.String,
    "depth": pl.Int32, "personal_data": pl.List(pl.String), "text_digest": pl.String,
}  # fmt: skip

_SURROGATE = re.compile("[\ud800-\udfff]")
_DASH = re.compile(r"\A-(?:\s+|\Z)")


def requests_frame(
    requests: Sequence[Request], state: JournalState, prices: Prices, stopped: str | None = None
) -> pl.DataFrame:
    """One row a planned request, by round and request id, in the columns of `generation.requests`.

    `status`: `answered`; `failed`, asked but refused, with the last cause; `held_back`, without any outcome because
    sending was `stopped`, which says why; `erased`, with an empty prompt, the rest as it was; `missing`, without any
    outcome. `params` holds the mode and the schema of
    a structured answer as well, so that a row of the table says all that decided its answer; `repaired` if the
    generator was asked to mend it. `answered_by` and `fingerprint` are what the server named. `tokens` is the
    generator's own figure, `prompt_tokens` and `completion_tokens` are counted here (see `llm.spending`); `cost` is
    theirs, null without a price.
    """
    rows = [_request_row(request, state, prices, stopped) for request in requests]
    return pl.DataFrame(rows, schema=REQUESTS, orient="row").sort("round", "request_id")


@dataclass(frozen=True)
class Loaded:
    """`generation.candidates`, and the raw texts that must not stand there: the rows of the quarantine."""

    candidates: pl.DataFrame
    withheld: pl.DataFrame


def load_candidates(requests: Sequence[Request], state: JournalState, artifact_type: str, key: bytes | None) -> Loaded:
    """One row a completion of the planned requests, by row id, in the columns of `generation.candidates`.

    `depth` is 1: exemplars are real rows. `personal_data` lists the kinds found in the text. With the quarantine's
    `key`, whatever of them a cell refuses is masked in `text`; the row's id is made from what is stored, and
    `text_digest` is that of the raw text, which is withheld. `key` is None where the cell refuses no personal data:
    texts stay as they came.
    """
    from careful_assets.generation.scrubbing import without_refused
    from careful_assets.text.personal_data.finder import kinds_in  # its number plans take a moment to load

    rows, withheld = [], []
    for request in requests:
        answer = state.answers.get(request.request_id)
        for choice in answer.choices if answer else ():
            raw = clean(choice.text)
            kinds = kinds_in(raw)
            text = raw if key is None else without_refused(raw, kinds)
            digest = text_digest(key, raw) if key is not None and text != raw else None
            row_id = digest_of([request.request_id, choice.index, text])
            rows.append(
                (row_id, request.request_id, choice.index, text, request.stratum, artifact_type,
                 _representable(choice.finish_reason), 1, kinds, digest)
            )  # fmt: skip
            if digest is not None:
                withheld.append((row_id, raw, kinds, digest))
    return Loaded(
        pl.DataFrame(rows, schema=CANDIDATES, orient="row").sort("row_id"),
        pl.DataFrame(withheld, schema=WITHHELD, orient="row").sort("row_id"),
    )


def clean(completion: str) -> str:
    """The row that a completion holds: without white space around it and one list dash before it.

    Lone surrogates, which a server may send as JSON escapes, become U+FFFD: no file format or database can
    hold them. Everything else, control characters included, stays for the gates to judge.
    """
    return _DASH.sub("", _SURROGATE.sub("\ufffd", completion).strip())


def _representable(text: str | None) -> str | None:
    return None if text is None else _SURROGATE.sub("\ufffd", text)


def _request_row(request: Request, state: JournalState, prices: Prices, stopped: str | None) -> tuple[Any, ...]:
    key = request.request_id
    answer = state.answers.get(key)
    status, cause = _outcome(key, state, stopped)
    taken = taken_by(request, state)
    cost = prices.cost(request, taken) if taken else None
    attempts, resent, repaired, tokens, asked_at, answered_at, latency_s = _course(key, state)
    return (
        key, request.round, request.stratum, request.prompt_id, request.prompt_sha256,
        "" if status == "erased" else request.rendered_prompt, request.generator_id, request.generator_family,
        request.generator_digest, canonical(_parameters(request)), request.seed, request.completions,
        list(request.parent_ids), status, cause, attempts, resent, tokens, None if cost is None else float(cost),
        asked_at, answered_at, taken.prompt if taken else None, taken.completion if taken else None, latency_s,
        request.generator_revision, _representable(answer.answered_by) if answer else None,
        _representable(answer.fingerprint) if answer else None, repaired,
    )  # fmt: skip


def _outcome(key: str, state: JournalState, stopped: str | None) -> tuple[str, str | None]:
    """A request's status and cause."""
    if key in state.erased:
        return "erased", None
    if key in state.answers:
        return "answered", None
    if key in state.failures:
        return "failed", _representable(state.failures[key].cause)
    return ("held_back", stopped) if stopped else ("missing", None)


def _course(key: str, state: JournalState) -> tuple[Any, ...]:
    """How asking went: attempts, resent, repaired, tokens by the generator, asked and answered when, latency."""
    erased, answer = state.erased.get(key), state.answers.get(key)
    if erased is not None:
        return (
            erased.attempts, erased.resent, erased.repaired, erased.tokens, erased.asked_at, erased.answered_at,
            erased.latency_s,
        )  # fmt: skip
    return (
        state.attempts[key], key in state.resent, key in state.repairs, answer.tokens if answer else None,
        state.asked_at.get(key), state.answered_at.get(key), answer.latency_s if answer else None,
    )  # fmt: skip


def _parameters(request: Request) -> dict[str, Any]:
    """What decided the answer beside prompt, seed and generator."""
    schema = {} if request.answer_schema is None else {"answer_schema": request.answer_schema}
    return {**request.params, "mode": request.mode, **schema}
