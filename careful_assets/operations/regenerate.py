"""Asking the live generator again what it was once asked, and how many rows come out the same.

A measure, not a gate: servers that answer several requests at once are not deterministic, so that nothing is promised
of the rate. Belongs here: choosing recorded requests and comparing. Does not belong here: sending (`asking_again`),
rows that are named one by one (`regenerating.rows`), answering from the record (`generation.replay`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careful_assets.card.reader import LoadedCard
from careful_assets.generation.generators import open_generator
from careful_assets.llm.journal import Journal
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Request
from careful_assets.measures.intervals import Interval, wilson
from careful_assets.operations.regenerating.asking_again import (
    announced,
    ask_again,
    current_generation,
    recorded_requests,
    refuse_another,
    refuse_replay,
)
from careful_assets.provenance.digests import sha256
from careful_assets.text.normalize import normalize
from careful_assets.warehouse.home import Home


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
    refuse_replay(card)
    answered, exemplars = current_generation(loaded, home)
    state = Journal(home.journal(card.name)).read()
    recorded = recorded_requests(card.name, answered, state)
    asked = sorted(recorded, key=lambda one: sha256(f"{seed}:{one.request_id}"))[:most]
    opened = open_generator(card, home, exemplars)
    refuse_another(card.name, asked, opened.generator.identity)
    prices = Prices(card.generation.prices, card.purpose.currency)
    say(announced(card.name, asked, len(recorded), opened.generator.identity, prices))
    new = ask_again(card.name, asked, opened, prices, home, say)
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
