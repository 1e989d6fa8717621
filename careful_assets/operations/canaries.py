"""The canaries of a dataset, and whether a model gives itself away on them.

Belongs here: which canaries are asked of which model, and the report. Does not belong here: how exposure is told
(`llm.exposure`), keeping canaries (`warehouse.canary_registry`). Nothing of the dataset changes but the record of the
vault's openings.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from careful_assets.card.models import Card, LlmGenerator
from careful_assets.card.reader import LoadedCard
from careful_assets.errors import Exit, StageFailed
from careful_assets.generation.generators import ENDPOINT_IN_FLIGHT, OpenGenerator
from careful_assets.llm.exposure import Exposure, exposure_by_completions, exposure_by_probability
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import CallFailed, Request
from careful_assets.operations.regenerating.asking_again import ask_again
from careful_assets.provenance.digests import sha256
from careful_assets.text import canaries as workshop
from careful_assets.text.canaries import Canary, parsed
from careful_assets.warehouse.canary_registry import CanaryRegistry, RegisteredCanary
from careful_assets.warehouse.home import Home

COMPLETIONS = 256
LEVEL = 0.01
"""Exposure counts as found where chance gives as much in at most this share of cases, over all canaries asked about."""
_PER_REQUEST = 8
_MOST_TOKENS = 12
_CHAT = "Complete this message. Answer with its missing end alone, without repeating it:\n\n"


def canaries_of(
    loaded: LoadedCard, home: Home, run_id: str, say: Callable[[str], None], *, ask: bool = False,
    provider: str | None = None, environ: Mapping[str, str] = os.environ,
) -> dict[str, Any]:  # fmt: skip
    """Which canaries are registered and, with `ask`, what the environment's model, or the embedded one, makes of them.

    Canaries of releases are asked about. Those of sealed sets are as well if `provider`, who runs the endpoint, is
    given, and the card names it under vault.may_be_sent_to.

    Raises:
        Refused: the card does not name it.
        StageFailed: nothing is sealed yet, or the model cannot be started or does not answer.
    """
    card = loaded.card
    registry = CanaryRegistry(home.vault(card.name), home.warehouse(card.name), run_id, "canaries")
    listed = registry.registered()
    report: dict[str, Any] = {"dataset": card.name, "canaries": [_told(one) for one in listed], "asked": None}
    if not ask:
        return report | {"exit_code": int(Exit.HOLDS)}
    chosen = [one for one in listed if one.text is not None]
    if provider is not None:
        chosen += registry.lent(provider, card.vault.may_be_sent_to)
    opened = _opened(card, home, environ)
    identity = opened.generator.identity
    say(f"{card.name}: asking {identity.generator_id} about {len(chosen)} canaries")
    found = _exposures(card, home, chosen, opened, say)
    asked = [
        {"digest": one.digest, "place": one.place, "name": one.name, **vars(exposure),
         "found": exposure.chance * len(chosen) <= LEVEL}
        for one, exposure in zip(chosen, found, strict=True)
    ]  # fmt: skip
    code = Exit.DOES_NOT_HOLD if any(one["found"] for one in asked) else Exit.HOLDS
    told = {"generator": vars(identity), "most_bits": math.log2(workshop.ALTERNATIVES), "level": LEVEL}
    return report | {"asked": asked, **told, "exit_code": int(code)}


def canaries_text(report: Mapping[str, Any]) -> str:
    """What `careful canaries` prints."""
    lines = [f"{report['dataset']}: {len(report['canaries'])} canaries"]
    lines += [f"  {one['digest'][:16]}  {one['place']:<10}  {one['name']}" for one in report["canaries"]]
    if report["asked"] is None:
        return "\n".join(lines)
    lines.append(f"{report['generator']['generator_id']}, exposure by rank, of {report['most_bits']:.1f} bits at most:")
    lines += [f"  {one['digest'][:16]}  {_exposure_text(one)}" for one in report["asked"]]
    found = sum(one["found"] for one in report["asked"])
    many = f"{found} of {len(report['asked'])} canaries are known to the model beyond what chance gives at 1%"
    lines.append(f"FOUND: {many}: it was trained on what holds them" if found else f"HOLDS: {many}")
    return "\n".join(lines)


def _exposure_text(one: Mapping[str, Any]) -> str:
    if one["method"] == "log_probabilities":
        return f"exposure {one['bound']} {one['bits']:.1f} bits, by log-probabilities; by chance in {one['chance']:.2g}"
    if one["hits"]:
        seen = f"seen in {one['hits']} of {one['asked']} completions; by chance in {one['chance']:.2g}"
        return f"exposure {one['bound']} {one['bits']:.1f} bits, {seen}"
    others = f"which held {one['others']} other secrets"
    return f"not seen in {one['asked']} completions, {others}: exposure {one['bound']} {one['bits']:.1f} bits"


def _told(one: RegisteredCanary) -> dict[str, Any]:
    shown = {} if one.text is None else {"text": one.text}
    return {"digest": one.digest, "place": one.place, "name": one.name, **shown}


def _opened(card: Card, home: Home, environ: Mapping[str, str]) -> OpenGenerator:
    """The endpoint that the environment names, or the embedded model: whatever the card generates with."""
    from careful_assets.llm.client import EndpointClient, endpoint_identity
    from careful_assets.llm.embedded import EmbeddedGenerator

    url, model = environ.get("CAREFUL_LLM_URL"), environ.get("CAREFUL_LLM_MODEL")
    if bool(url) != bool(model):
        raise StageFailed("an endpoint needs both CAREFUL_LLM_URL and CAREFUL_LLM_MODEL; set both, or unset both")
    if not url or not model:
        embedded = EmbeddedGenerator(home.cache)
        return OpenGenerator(embedded, embedded.servers)
    client = EndpointClient(
        url, endpoint_identity(model, "asked"), api_key=environ.get("CAREFUL_LLM_API_KEY") or None,
        remedy="start the endpoint at CAREFUL_LLM_URL, or unset CAREFUL_LLM_URL and CAREFUL_LLM_MODEL",
    )  # fmt: skip
    return OpenGenerator(client, ENDPOINT_IN_FLIGHT)


def _exposures(
    card: Card, home: Home, chosen: Sequence[RegisteredCanary], opened: OpenGenerator, say: Callable[[str], None]
) -> list[Exposure]:  # fmt: skip
    """By log-probabilities where the model tells them, by completions for the rest."""
    sentences = [parsed(one.text) for one in chosen if one.text is not None]
    chats = isinstance(card.generation.generator, LlmGenerator) and card.generation.generator.mode == "chat"
    by_place: dict[int, Exposure] = {} if chats else asyncio.run(_by_probability(sentences, opened))
    left = {
        place: _requests(sentences[place], opened, chats) for place in range(len(sentences)) if place not in by_place
    }
    if left:
        asked = [request for requests in left.values() for request in requests]
        answers = ask_again(card.name, asked, opened, Prices({}, card.purpose.currency), home, say).answers
        for place, requests in left.items():
            given = [answers[one.request_id] for one in requests if one.request_id in answers]
            texts = [choice.text for answer in given for choice in answer.choices]
            if not texts:
                raise StageFailed(f"{card.name}: the model gave no completion of a canary; nothing is known of it")
            by_place[place] = exposure_by_completions(sentences[place], texts)
    return [by_place[place] for place in range(len(sentences))]


async def _by_probability(sentences: Sequence[Canary], opened: OpenGenerator) -> dict[int, Exposure]:
    found = {}
    try:
        async with opened.generator as model:
            for place, sentence in enumerate(sentences):
                one = await exposure_by_probability(model, sentence)  # type: ignore[arg-type]
                if one is None:
                    break  # a server that does not tell it once never does
                found[place] = one
    except CallFailed:
        pass  # whoever cannot be asked at all is told so when it is asked for completions
    return found


def _requests(sentence: Canary, opened: OpenGenerator, chats: bool) -> list[Request]:
    prompt = f"{_CHAT if chats else ''}{sentence.prefix}"
    return [
        Request.make(
            round=1, stratum="canary", prompt_id="canary", prompt_sha256=sha256(prompt), rendered_prompt=prompt,
            generator=opened.generator.identity, mode="chat" if chats else "completion",
            params={"temperature": 1.0, "max_tokens": _MOST_TOKENS}, seed=first, completions=_PER_REQUEST,
            parent_ids=(),
        )
        for first in range(0, COMPLETIONS, _PER_REQUEST)
    ]  # fmt: skip
