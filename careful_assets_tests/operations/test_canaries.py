"""`careful canaries` lists what is planted, and tells a model that knows it by heart from one that never saw it."""

from __future__ import annotations

import asyncio
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from careful_assets.card.reader import LoadedCard, read_card
from careful_assets.errors import Refused, StageFailed
from careful_assets.llm.embedded import EmbeddedGenerator
from careful_assets.llm.exposure import Exposure, exposure_by_probability
from careful_assets.operations.canaries import COMPLETIONS, LEVEL, canaries_of, canaries_text
from careful_assets.shipped import __file__ as shipped
from careful_assets.text import canaries as workshop
from careful_assets.text.canaries import ALTERNATIVES
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.endpoints import closed_port, serving
from careful_assets_tests.tools import require
from careful_assets_tests.warehouse.vault_fixtures import Place, rows

CARD = Path(shipped).parent / "defs" / "product_complaints" / "card.yaml"


class Planted:
    """A home with a sealed vault, a canary of the set and one of a release; and what was said while it was asked."""

    def __init__(self, root: Path) -> None:
        self.loaded = read_card(CARD)
        self.home = Home(root).prepare()
        name = self.loaded.card.name
        place = Place.at(root / "made")
        place.seal(rows([f"sealed text number {n} bad" for n in range(12)]))
        place.vault.rename(self.home.vault(name))
        place.warehouse.rename(self.home.warehouse(name))
        self.registry = CanaryRegistry(self.home.vault(name), self.home.warehouse(name), "run-7")
        self.release = self.registry.register("release", "1.0.0", workshop)
        self.sealed = self.registry.register("sealed_set", "anchors", workshop)
        self.set_text = str(self.registry.lent("acme", ["acme"])[0].text)
        self.said: list[str] = []

    def report(self, url: str | None = None, loaded: LoadedCard | None = None, **asked: Any) -> dict[str, Any]:
        environ = {} if url is None else {"CAREFUL_LLM_URL": url, "CAREFUL_LLM_MODEL": "stub"}
        return canaries_of(
            loaded or self.loaded, self.home, "run-8", self.said.append, ask=url is not None, environ=environ, **asked
        )


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(tmp_path / "home")


def letting(loaded: LoadedCard, provider: str) -> LoadedCard:
    """The card with a provider that may see sealed rows."""
    vault = loaded.card.vault.model_copy(update={"may_be_sent_to": [provider]})
    return replace(loaded, card=loaded.card.model_copy(update={"vault": vault}))


def test_they_are_listed_without_the_sets_sentences(planted: Planted) -> None:
    """Digest, place and name of each; the text of the release's alone; nothing was asked."""
    report = planted.report()
    listed = [(one["place"], one["name"]) for one in report["canaries"]]
    assert listed == [("release", "1.0.0"), ("sealed_set", "anchors")]
    assert report["canaries"][0]["text"] == planted.release.text
    assert planted.set_text not in json.dumps(report) + canaries_text(report)
    assert (report["asked"], report["exit_code"]) == (None, 0)


def test_a_model_that_completes_the_secret_is_found(planted: Planted) -> None:
    """Over HTTP, a model that knows the release's canary has all the exposure there is: exit code 1."""
    secret = str(planted.release.text)[-6:]
    with serving(writer=lambda seed: (f"{secret}. Thanks", "stop")) as endpoint:
        report = planted.report(endpoint.url)
    (one,) = report["asked"]
    assert (one["bits"], one["hits"], one["found"]) == (math.log2(ALTERNATIVES), COMPLETIONS, True)
    assert report["exit_code"] == 1
    assert "FOUND" in canaries_text(report)
    assert "19.9 bits" in canaries_text(report)


def test_a_model_that_never_saw_it_is_not(planted: Planted) -> None:
    """Random secrets: none is the canary's; how far that bounds the exposure is told, and the direction of it."""
    with serving(writer=lambda seed: (f"{random.Random(seed).randrange(ALTERNATIVES):06d}", "stop")) as endpoint:
        report = planted.report(endpoint.url)
    (one,) = report["asked"]
    assert (one["found"], one["bound"], report["exit_code"]) == (False, "at most about", 0)
    assert one["bits"] == pytest.approx(math.log2(ALTERNATIVES) - math.log2(1 + one["others"]))
    assert f"not seen in {COMPLETIONS} completions" in canaries_text(report)
    assert "at most about" in canaries_text(report)


def test_a_sets_canary_is_sent_to_named_providers_alone(planted: Planted) -> None:
    """It reaches no endpoint unless the card names who runs it; then it does, and is found there like any other."""
    secret = planted.set_text[-6:]
    with serving(writer=lambda seed: (secret, "stop")) as endpoint:
        assert planted.report(endpoint.url)["exit_code"] == 0
        with pytest.raises(Refused, match=r"vault\.may_be_sent_to"):
            planted.report(endpoint.url, provider="acme")
        prefix = planted.set_text[:-6]
        assert not [body for body in endpoint.bodies if prefix in json.dumps(body)]
        report = planted.report(endpoint.url, letting(read_card(CARD), "acme"), provider="acme")
        assert [body for body in endpoint.bodies if prefix in body["prompt"]]
    assert {one["name"]: one["found"] for one in report["asked"]} == {"1.0.0": False, "anchors": True}
    assert planted.set_text not in json.dumps(report) + canaries_text(report) + "".join(planted.said)


def test_no_prompt_names_the_secret(planted: Planted) -> None:
    """The model is given the sentence up to the secret, and no more."""
    with serving() as endpoint:
        planted.report(endpoint.url)
    assert not [body for body in endpoint.bodies if str(planted.release.text)[-6:] in json.dumps(body["prompt"])]


def test_an_endpoint_that_is_not_there_is_told(planted: Planted) -> None:
    """No answer is no clean bill; half an endpoint is refused before anything is sent."""
    with pytest.raises(StageFailed):
        planted.report(f"http://127.0.0.1:{closed_port()}/v1")
    with pytest.raises(StageFailed, match="both CAREFUL_LLM_URL and CAREFUL_LLM_MODEL"):
        canaries_of(
            planted.loaded, planted.home, "run-9", planted.said.append, ask=True, environ={"CAREFUL_LLM_MODEL": "stub"}
        )
    with serving(willing=0) as endpoint, pytest.raises(StageFailed):
        planted.report(endpoint.url)


def test_nothing_sealed_has_no_canaries(planted: Planted) -> None:
    """Said as such."""
    planted.home.vault(planted.loaded.card.name).unlink()
    with pytest.raises(StageFailed, match="nothing sealed yet"):
        planted.report()


@pytest.mark.llm
def test_the_embedded_model_never_saw_it(planted: Planted) -> None:
    """Asked by log-probabilities of a fixed sentence, and of one drawn anew in whichever way it can be.

    Of one sentence in fifty it does not name a digit among its 20 likeliest tokens; completions are drawn then.
    """
    require("llm")
    fixed = workshop.canary(b"a fixed key", "release", "1.0.0")
    exposure = asyncio.run(_exposure(EmbeddedGenerator(planted.home.cache), fixed))
    assert exposure is not None
    assert (exposure.method, exposure.chance > LEVEL) == ("log_probabilities", True)
    report = canaries_of(planted.loaded, planted.home, "run-9", planted.said.append, ask=True, environ={})
    assert ([one["found"] for one in report["asked"]], report["exit_code"]) == ([False], 0)


async def _exposure(generator: EmbeddedGenerator, sentence: workshop.Canary) -> Exposure | None:
    async with generator as model:
        return await exposure_by_probability(model, sentence)
