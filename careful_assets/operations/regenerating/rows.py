"""Rebuilding named rows from their records: out of the journal, and by asking the live generator once more.

Out of the journal is a promise: the recorded answer gives the row again, id and all. Asking again is a measure, as in
`regenerate`. Belongs here: the rows, what holds of each, and how far apart the new text is. Does not belong here:
sending (`asking_again`). Nothing of the dataset changes, and no text is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careful_assets.card.reader import LoadedCard
from careful_assets.errors import Refused
from careful_assets.generation.candidates import clean, load_candidates
from careful_assets.generation.generators import open_generator
from careful_assets.generation.inherited import UNKNOWN
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, GeneratorIdentity, Request
from careful_assets.operations.records.lookups import CANDIDATES, located, rows_where
from careful_assets.operations.records.lookups import RECORDS as ADMITTED
from careful_assets.operations.regenerating.asking_again import (
    announced,
    ask_again,
    current_generation,
    recorded_requests,
    refuse_another,
    refuse_replay,
)
from careful_assets.text.normalize import normalize
from careful_assets.warehouse.home import Home
from careful_assets.warehouse.quarantine import Quarantine

RECORDS = ("prompt_digest", "request_id", "row_id")
_SAID = {True: "holds", False: "DIFFERS", None: "not on record"}


@dataclass(frozen=True)
class _Named:
    """A row's candidate and its request, as the warehouse has them."""

    candidate: dict[str, Any]
    request: dict[str, Any]


def regenerate_rows(
    loaded: LoadedCard, home: Home, row_ids: Sequence[str], say: Callable[[str], None], *, offline: bool = False
) -> dict[str, Any]:  # fmt: skip
    """Rebuild these rows from the journal and, unless `offline`, ask the live generator for their requests again.

    Of each row is told what holds, True or False, None where there is nothing on record to hold it against:
    `prompt_digest`, the card has the prompt that the record names; `request_id`, the recorded request has
    the id that it is recorded under; `row_id`, the recorded answer gives the row and its id (and,
    where personal data was masked, the digest of the raw text). `again` is what the generator gave now: `equal`,
    `normalized` (equal in normal form), `apart` with the share of characters that agree (1 - Levenshtein distance /
    length of the longer text), `short` or `failed`.

    Args:
        loaded: the dataset's card.
        home: where the dataset lives.
        row_ids: ids of candidates, or at least eight digits of one.
        say: gets a line with what is going to be sent, and then progress.
        offline: ask nobody.

    Raises:
        UnknownRow: there is no such candidate, or it was erased.
        Refused: a row's request was erased or nobody knows who was asked; or, asking again, as `regenerate`.
        GateClosed, StageFailed: asking again, as `regenerate`.
        MalformedInput: the journal is corrupt.
    """
    card = loaded.card
    if not offline:
        refuse_replay(card)
    named = [_named(loaded, home, row_id) for row_id in dict.fromkeys(row_ids)]
    state = Journal(home.journal(card.name)).read()
    rows = [_rebuilt(loaded, home, one, state) for one in named]
    report = {
        "dataset": card.name,
        "offline": offline,
        "holds": all(row["rebuilt"][what] for row in rows for what in RECORDS),
        "rows": rows,
    }
    if offline:
        return report
    answered, exemplars = current_generation(loaded, home)
    wanted = {one.candidate["request_id"] for one in named}
    recorded = recorded_requests(card.name, [key for key in answered if key in wanted], state)
    generator = open_generator(card, home, exemplars)
    refuse_another(card.name, recorded, generator.generator.identity)
    prices = Prices(card.generation.prices, card.purpose.currency)
    say(announced(card.name, recorded, len(answered), generator.generator.identity, prices))
    new = ask_again(card.name, recorded, generator, prices, home, say)
    for row, one in zip(rows, named, strict=True):
        row["again"] = _compared(one.candidate, state.answers[one.candidate["request_id"]], new)
    return report | {"generator": vars(generator.generator.identity), "requests": len(recorded)}


def rows_text(report: Mapping[str, Any]) -> str:
    """What `careful regenerate --row` prints."""
    lines = [f"{report['dataset']}: {len(report['rows'])} rows rebuilt from their records"]
    for row in report["rows"]:
        said = [f"{what.replace('_', ' ')} {_SAID[row['rebuilt'][what]]}" for what in RECORDS]
        lines.append(f"{row['row_id'][:16]}  {', '.join(said)}")
        lines += [f"                  {why}" for why in row["rebuilt"]["why"]]
        if "again" in row:
            lines.append(f"                  asked again: {_again_in_words(row['again'])}")
    return "\n".join(lines)


def _named(loaded: LoadedCard, home: Home, row_id: str) -> _Named:
    name = loaded.card.name
    with located(home, [name], row_id) as (con, place):
        short = place.row_id[:16]
        if place.table == ADMITTED:
            raise Refused(
                f"{name}: {short} is of an earlier generation, whose requests are not those of now: set the card's "
                f"generator, prompts and seed back to rebuild it; `careful trace {short}` tells its record"
            )
        if place.table != CANDIDATES:
            raise Refused(f"{name}: {short} is a real row: nobody generated it, so that it cannot be made again")
        (candidate,) = rows_where(con, CANDIDATES, "row_id", place.row_id)
        (request,) = rows_where(con, "generation.requests", "request_id", candidate["request_id"])
    if request["status"] == "erased":
        raise Refused(
            f"{name}: the request of {short} was erased, its prompt and answer are gone: nothing is left to ask"
        )
    if request["generator_family"] == UNKNOWN.family:
        raise Refused(
            f"{name}: {short} came in a file without provenance: there is no prompt on record and nobody to ask; "
            f"`careful trace {short}` tells what is known of it"
        )
    return _Named(candidate, request)


def _rebuilt(loaded: LoadedCard, home: Home, named: _Named, state: JournalState) -> dict[str, Any]:
    """What of a row's record holds, and why what does not."""
    candidate, recorded = named.candidate, named.request
    request_id, why = candidate["request_id"], []
    prompt: bool | None = any(one.sha256 == recorded["prompt_sha256"] for one in loaded.prompts)
    if not prompt:
        prompt = False if any(one.prompt_id == recorded["prompt_id"] for one in loaded.prompts) else None
        why.append(f"the card has no prompt of the digest {recorded['prompt_sha256'][:12]} ({recorded['prompt_id']})")
    request = _asked(recorded)
    same_request: bool | None = request.request_id == request_id
    if not same_request:
        why.append("the record of the request gives another id")
    elif request_id not in state.requests:
        same_request = None
        why.append("the journal lacks the request; restore it from a backup")
    same_row: bool | None = None
    if request_id in state.answers:
        same_row = _row_again(loaded, home, candidate, request, state)
        if not same_row:
            why.append("the recorded answer gives another row")
    else:
        why.append("the journal lacks the answer; restore it from a backup")
    held = dict(zip(RECORDS, (prompt, same_request, same_row), strict=True))
    return {
        "row_id": candidate["row_id"], "request_id": request_id, "ordinal": candidate["ordinal"],
        "masked": candidate["text_digest"] is not None, "rebuilt": {**held, "why": why},
    }  # fmt: skip


def _asked(row: Mapping[str, Any]) -> Request:
    """The request that a row of `generation.requests` says was sent, with the id that this gives."""
    params = json.loads(row["params"])
    identity = (row["generator_id"], row["generator_family"], row["generator_digest"], row["generator_revision"])
    return Request.make(
        round=row["round"], stratum=row["stratum"], prompt_id=row["prompt_id"], prompt_sha256=row["prompt_sha256"],
        rendered_prompt=row["rendered_prompt"], generator=GeneratorIdentity(*identity), mode=params.pop("mode"),
        answer_schema=params.pop("answer_schema", None), params=params, seed=row["seed"],
        completions=row["completions"], parent_ids=row["parent_ids"],
    )  # fmt: skip


def _row_again(
    loaded: LoadedCard, home: Home, candidate: Mapping[str, Any], request: Request, state: JournalState
) -> bool:
    """Whether the answer on record, loaded as generation does it, gives this very row."""
    masks = any(setting.gate == "personal_data" for setting in loaded.profile.gates)
    # The key decides the digest of a masked row's raw text alone; any other row comes out the same under any key.
    key = Quarantine(home.quarantine(loaded.card.name)).key() if candidate["text_digest"] is not None else b""
    made = load_candidates([request], state, candidate["artifact_type"], key if masks else None).candidates
    same = made.filter(row_id=candidate["row_id"], ordinal=candidate["ordinal"]).to_dicts()
    return bool(same) and all(same[0][what] == candidate[what] for what in ("text", "text_digest", "finish_reason"))


def _compared(candidate: Mapping[str, Any], before: Answer, new: JournalState) -> dict[str, Any]:
    """What the generator gave for this row now, beside what it gave then; both as they came, before any masking."""
    key, ordinal = candidate["request_id"], candidate["ordinal"]
    if key not in new.answers:
        return {"outcome": "failed", "cause": new.failures[key].cause}
    then, now = (
        {choice.index: clean(choice.text) for choice in answer.choices}.get(ordinal)
        for answer in (before, new.answers[key])
    )
    if then is None or now is None:
        return {"outcome": "short"}
    if then == now:
        return {"outcome": "equal", "similarity": 1.0}
    from rapidfuzz.distance import Levenshtein

    outcome = "normalized" if normalize(then) == normalize(now) else "apart"
    return {"outcome": outcome, "similarity": Levenshtein.normalized_similarity(then, now)}


def _again_in_words(again: Mapping[str, Any]) -> str:
    if again["outcome"] == "failed":
        return f"failed: {again['cause']}"
    if again["outcome"] == "short":
        return "the answer has no such row"
    told = {"equal": "the same text", "normalized": "the same in normal form", "apart": "another text"}
    share = "" if again["outcome"] == "equal" else f", {again['similarity']:.1%} of characters agree"
    return told[again["outcome"]] + share
