"""Asking the live generator again what it was once asked: what both ways of regenerating share.

Belongs here: what is on record of the current generation, that the generator is the one of then, and the sending.
Nothing of the dataset changes: requests go through a journal of their own in a private folder that is removed in the
end, and the card's budget neither bounds them nor counts them. Does not belong here: comparing (`regenerate`,
`rows`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import polars as pl

from careful_assets.card.models import Card
from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.errors import GateClosed, Refused, StageFailed
from careful_assets.generation.generators import OpenGenerator
from careful_assets.generation.inherited import UNKNOWN
from careful_assets.llm.budget import Budget
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.progress import reporting
from careful_assets.llm.requests import GeneratorIdentity, Request
from careful_assets.llm.spending import most_tokens
from careful_assets.provenance.ledger import current_versions, guard
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home, emptied
from careful_assets.warehouse.tables import read


def refuse_replay(card: Card) -> None:
    """See that there is a live generator.

    Raises:
        Refused: the card replays recorded answers.
    """
    if card.generation.generator.kind == "replay":
        raise Refused(
            f"{card.name}: the card replays recorded answers, so that there is no live generator to ask; name the one "
            f"that was recorded in generation.generator, run `careful run {card.name} --to generation`, which sends "
            "nothing that the journal holds, and try again"
        )


def current_generation(loaded: LoadedCard, home: Home) -> tuple[list[str], pl.DataFrame]:
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
    asked = requests.filter(pl.col("generator_family") != UNKNOWN.family)  # nobody asked for what came in a file
    answered = asked.filter(pl.col("status") == "answered")["request_id"].to_list()
    if not answered:
        raise StageFailed(f"{name}: no request of the current generation was answered; see their causes on the asset")
    exemplars = anchors.filter(pl.col("split") == "exemplar").select("row_id", "text", "label", "group_id")
    return answered, exemplars


def recorded_requests(name: str, answered: Sequence[str], state: JournalState) -> list[Request]:
    """The requests of these ids.

    Raises:
        StageFailed: the journal lacks the answer of one.
    """
    missing = sum(request_id not in state.answers for request_id in answered)
    if missing:
        raise StageFailed(
            f"{name}: the journal lacks {missing} of the {len(answered)} answers that generation was made from; "
            f"restore it from a backup, or run `careful run {name}`, which sends them anew"
        )
    return [state.requests[request_id] for request_id in answered]


def refuse_another(name: str, asked: Sequence[Request], live: GeneratorIdentity) -> None:
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


def announced(
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


def ask_again(
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
