"""Asking the live generator again what it was once asked, and how many rows come out the same.

A measure, not a gate: servers that answer several requests at once are not deterministic, so that nothing is promised
of the rate. Belongs here: choosing recorded requests, sending them once more, comparing. Does not belong here:
answering from the record (`generation.replay`). Nothing of the dataset changes: requests go through a journal of their
own in a private folder that is removed in the end, and the card's budget neither bounds them nor counts them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.errors import GateClosed, Refused, StageFailed
from careful_assets.generation.generators import OpenGenerator, open_generator
from careful_assets.llm.budget import Budget
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.progress import reporting
from careful_assets.llm.requests import Answer, GeneratorIdentity, Request
from careful_assets.llm.spending import most_tokens
from careful_assets.measures.intervals import Interval, wilson
from careful_assets.provenance.digests import sha256
from careful_assets.provenance.ledger import current_versions, guard
from careful_assets.text.normalize import normalize
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home, emptied
from careful_assets.warehouse.tables import read


@dataclass(frozen=True)
class Match:
    """How recorded and new completions compare, row by row: those of the same request and ordinal.

    `rows`: how many pairs there are. `exact`: the share whose texts are equal, byte for byte; `normalized`: the share
    whose normal forms are (`text.normalize`); both with Wilson's 95% interval, which takes rows as independent: those
    of one request are not quite. `short`: recorded rows that an answered request did not give again; `extra`: rows that
    it gave beyond the recorded ones.
    """

    rows: int
    exact: Interval
    normalized: Interval
    short: int
    extra: int


def regenerate(
    loaded: LoadedCard, home: Home, say: Callable[[str], None], *, most: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Send the recorded requests of the current generation to the live generator again; the report of `--json`.

    Args:
        loaded: the dataset's card.
        home: where the dataset lives.
        say: gets a line with what is going to be sent, and then progress.
        most: at most this many requests, drawn by `seed`; all of them without it.
        seed: of the draw.

    Raises:
        Refused: the card replays recorded answers, or the live generator is not the recorded one.
        GateClosed: generation's data is not current, or did not pass its checks.
        StageFailed: generation was never run or has no answers, or the generator cannot be started or does not answer.
        MalformedInput: the journal is corrupt.
    """
    card = loaded.card
    if card.generation.generator.kind == "replay":
        raise Refused(
            f"{card.name}: the card replays recorded answers, so that there is no live generator to ask; name the one "
            f"that was recorded in generation.generator, run `careful run {card.name} --to generation`, which sends "
            "nothing that the journal holds, and try again"
        )
    answered, exemplars = _current(loaded, home)
    state = Journal(home.journal(card.name)).read()
    recorded = _recorded(card.name, answered, state)
    asked = sorted(recorded, key=lambda one: sha256(f"{seed}:{one.request_id}"))[:most]
    opened = open_generator(card, home, exemplars)
    _refuse_another(card.name, asked, opened.generator.identity)
    prices = Prices(card.generation.prices, card.purpose.currency)
    say(_announced(card.name, asked, len(recorded), opened.generator.identity, prices))
    new = _ask_again(card.name, asked, opened, prices, home, say)
    failed = [one.request_id for one in asked if one.request_id not in new.answers]
    match = compare(asked, state.answers, new.answers)
    causes = Counter(new.failures[one].cause for one in failed)
    return {
        "dataset": card.name,
        "generator": vars(opened.generator.identity),
        "recorded_requests": len(recorded),
        "requests": len(asked),
        "seed": seed,
        "failed": len(failed),
        "causes": [{"cause": cause, "requests": n} for cause, n in sorted(causes.items())],
        "rows": match.rows,
        "short": match.short,
        "extra": match.extra,
        "exact": vars(match.exact),
        "normalized": vars(match.normalized),
    }


def compare(asked: Sequence[Request], recorded: Mapping[str, Answer], new: Mapping[str, Answer]) -> Match:
    """Hold recorded and new answers, by request id, against each other; requests without a new one are left out."""
    exact = normalized = rows = short = extra = 0
    for request in asked:
        if request.request_id not in new:
            continue
        before, after = (
            {choice.index: choice.text for choice in answers[request.request_id].choices} for answers in (recorded, new)
        )
        for index in before.keys() & after.keys():
            rows += 1
            exact += before[index] == after[index]
            normalized += normalize(before[index]) == normalize(after[index])
        short += len(before.keys() - after.keys())
        extra += len(after.keys() - before.keys())
    return Match(rows, wilson(exact, rows), wilson(normalized, rows), short, extra)


def match_text(report: Mapping[str, Any]) -> str:
    """What `careful regenerate` prints."""
    lines = [
        f"{report['dataset']}: {report['generator']['generator_id']}, asked again",
        f"requests     {report['requests']} of {report['recorded_requests']} recorded, {report['failed']} failed",
        *(f"             {row['requests']:>5}  {row['cause']}" for row in report["causes"]),
        f"rows         {report['rows']} compared, {report['short']} came short, {report['extra']} beyond the record",
    ]
    for name in ("exact", "normalized"):
        share = report[name]
        told = "nothing to compare"
        if report["rows"]:
            told = f"{share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%}, 95%)"
        lines.append(f"{name:<12} {told}")
    return "\n".join(lines)


def _current(loaded: LoadedCard, home: Home) -> tuple[list[str], pl.DataFrame]:
    """Ids of the answered requests of the current generation, and the exemplars as the stage reads them."""
    name, path = loaded.card.name, home.warehouse(loaded.card.name)
    never = f"{name}: generation was never run, so that there is nothing to ask again; run `careful run {name}` first"
    if not path.exists():
        raise StageFailed(never)
    with connect(path, read_only=True) as con:
        if "generation" not in current_versions(con):
            raise StageFailed(never)
        try:
            # The gate behind generation: its data is current and passed its checks.
            guard(con, name, "filtering", loaded.digest, requirements_of(loaded))
        except GateClosed as closed:
            raise GateClosed(f"{name}: there is no current generation to compare with: {closed}") from closed
        requests, anchors = read(con, "generation.requests"), read(con, "anchors.rows")
    answered = requests.filter(pl.col("status") == "answered")["request_id"].to_list()
    if not answered:
        raise StageFailed(f"{name}: no request of the current generation was answered; see their causes on the asset")
    exemplars = anchors.filter(pl.col("split") == "exemplar").select("row_id", "text", "label", "group_id")
    return answered, exemplars


def _recorded(name: str, answered: Sequence[str], state: JournalState) -> list[Request]:
    missing = sum(request_id not in state.answers for request_id in answered)
    if missing:
        raise StageFailed(
            f"{name}: the journal lacks {missing} of the {len(answered)} answers that generation was made from; "
            f"restore it from a backup, or run `careful run {name}`, which sends them anew"
        )
    return [state.requests[request_id] for request_id in answered]


def _refuse_another(name: str, asked: Sequence[Request], live: GeneratorIdentity) -> None:
    """See that who is asked now is who was asked then; a revision is part of the digest."""
    others = {
        GeneratorIdentity(one.generator_id, one.generator_family, one.generator_digest, one.generator_revision)
        for one in asked
        if (one.generator_id, one.generator_family, one.generator_digest)
        != (live.generator_id, live.family, live.digest)
    }
    if others:
        then = " and ".join(sorted(map(_shown, others)))
        raise Refused(
            f"{name}: the recorded answers are those of {then}, but the card and the environment now name "
            f"{_shown(live)}; nothing was sent. Set card, CAREFUL_LLM_MODEL and CAREFUL_LLM_URL as they were"
        )


def _shown(identity: GeneratorIdentity) -> str:
    revision = f"revision {identity.revision}, " if identity.revision else ""
    return f"{identity.generator_id} ({identity.family}, {revision}digest {identity.digest[:12]})"


def _announced(
    name: str, asked: Sequence[Request], recorded: int, identity: GeneratorIdentity, prices: Prices
) -> str:  # fmt: skip
    """What is about to be sent, and what it may take at most."""
    most = [(one, most_tokens(one)) for one in asked]
    costs = [cost for one, tokens in most if (cost := prices.cost(one, tokens)) is not None]
    price = f"{sum(costs):,.4f} {prices.currency}" if len(costs) == len(most) else "a cost that no price tells"
    return (
        f"{name}: sending {len(asked):,} of {recorded:,} recorded requests, {sum(one.completions for one in asked):,} "
        f"rows, to {identity.generator_id}: at most {sum(tokens.total for _, tokens in most):,} tokens and {price}; "
        "the card's budget does not bound this"
    )


def _ask_again(
    name: str, asked: Sequence[Request], opened: OpenGenerator, prices: Prices, home: Home, say: Callable[[str], None]
) -> JournalState:  # fmt: skip
    """What the requests came to in a journal that is gone when this returns."""
    title = f"{name}: asking {opened.generator.identity.generator_id} again"
    with emptied(home.scratch(name, "regenerate")) as folder, reporting(title, len(asked), prices, say) as progress:
        journal = Journal(folder / "again.ndjson")
        # Without limits: it only hands the answers on to the progress bar.
        listening = Budget(None, prices, journal.read, progress.take)
        sending = answer_all(
            asked, opened.generator, journal, in_flight=opened.in_flight, on_progress=progress.listening(),
            on_trouble=say, budget=listening,
        )  # fmt: skip
        try:
            asyncio.run(sending)
        except StageFailed as error:
            raise StageFailed(f"{name}: nothing was compared, and the dataset is as it was: {error}") from error
        return journal.read()
