"""Which generator a card gets: recorded answers, its n-gram model, the environment's endpoint, or the embedded model.

Belongs here: the choice, and refusing what cannot work before anything is sent. Does not belong here: the
generators.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from careful_assets.card.models import Card, LlmGenerator
from careful_assets.errors import StageFailed
from careful_assets.generation.ngram import NgramGenerator
from careful_assets.generation.replay import ReplayGenerator
from careful_assets.generation.scrubbing import scrub
from careful_assets.llm.requests import Generator
from careful_assets.warehouse.home import Home

ENDPOINT_IN_FLIGHT = 16
IN_PROCESS_IN_FLIGHT = 8  # computed or looked up in this process; several share a write to the journal


@dataclass(frozen=True)
class OpenGenerator:
    """A generator, not yet started, and how many requests it should have in flight."""

    generator: Generator
    in_flight: int


def open_generator(
    card: Card, home: Home, exemplars: pl.DataFrame, environ: Mapping[str, str] = os.environ
) -> OpenGenerator:
    """The card's generator. `exemplars`: row_id, text, label, group_id; the n-gram model is fitted on them.

    Raises:
        StageFailed: the environment names half an endpoint or what cannot be sent to one, its model's family is unknown
            and not declared, or the embedded model cannot do what the card asks; or the recorded answers changed since
            the card was read.
        MalformedInput: a line of the recorded answers is corrupt.
    """
    # The HTTP client takes a tenth of a second to import: only a run needs it, not whoever loads the definitions.
    from careful_assets.llm.client import EndpointClient, endpoint_identity
    from careful_assets.llm.embedded import EmbeddedGenerator
    from careful_assets.llm.families import family_for

    settings = card.generation.generator
    if settings.kind == "replay":
        return OpenGenerator(ReplayGenerator(settings.recorded), IN_PROCESS_IN_FLIGHT)
    if not isinstance(settings, LlmGenerator):
        # It repeats what it is shown: it learns from what a prompt would show.
        pairs = ((label, scrub(text)) for label, text in exemplars.select("label", "text").iter_rows())
        return OpenGenerator(NgramGenerator(pairs, settings.order), IN_PROCESS_IN_FLIGHT)
    url, model = environ.get("CAREFUL_LLM_URL"), environ.get("CAREFUL_LLM_MODEL")
    if bool(url) != bool(model):
        given, absent = ("CAREFUL_LLM_URL", "CAREFUL_LLM_MODEL") if url else ("CAREFUL_LLM_MODEL", "CAREFUL_LLM_URL")
        raise StageFailed(f"{given} is set but {absent} is not: an endpoint needs both; set it, or unset {given}")
    if not url or not model:
        _refuse_for_embedded(card, settings)
        embedded = EmbeddedGenerator(home.cache)
        return OpenGenerator(embedded, embedded.servers)
    if not model.isprintable():
        raise StageFailed(
            "CAREFUL_LLM_MODEL holds a character that no model's name has (a line break, a control character, or bytes "
            "that are no UTF-8); set it again. Nothing was sent"
        )
    identity = endpoint_identity(model, family_for(model, settings.family), settings.revision)
    client = EndpointClient(
        url, identity, api_key=environ.get("CAREFUL_LLM_API_KEY") or None,
        remedy="start the endpoint at CAREFUL_LLM_URL, or unset CAREFUL_LLM_URL and CAREFUL_LLM_MODEL",
    )  # fmt: skip
    return OpenGenerator(client, ENDPOINT_IN_FLIGHT)


def _refuse_for_embedded(card: Card, settings: LlmGenerator) -> None:
    from careful_assets.llm.embedded import EMBEDDED, MOST_COMPLETIONS

    faults = []
    if settings.family not in (None, EMBEDDED.family):
        faults.append(f"generator.family is {settings.family}, the model is of the family {EMBEDDED.family}")
    if settings.revision not in (None, EMBEDDED.revision):
        faults.append(f"generator.revision is {settings.revision}, the model's is {EMBEDDED.revision}")
    if settings.mode != "completion":
        faults.append("generator.mode is chat, the model is a base model: it completes text")
    if card.generation.completions_per_request > MOST_COMPLETIONS:
        asked = card.generation.completions_per_request
        faults.append(f"completions_per_request is {asked}, it gives at most {MOST_COMPLETIONS}")
    if faults:
        raise StageFailed(
            f"card {card.name}: CAREFUL_LLM_URL is not set, and the embedded model "
            f"({EMBEDDED.generator_id}) does not fit the card: {'; '.join(faults)}. "
            "Set CAREFUL_LLM_URL and CAREFUL_LLM_MODEL, or change the card"
        )
