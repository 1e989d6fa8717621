import pytest

from careful_assets.errors import StageFailed
from careful_assets.generation.generators import open_generator
from careful_assets.llm.client import EndpointClient
from careful_assets.llm.embedded import EmbeddedGenerator
from careful_assets.warehouse.home import Home
from careful_assets_tests.generation.examples import card, exemplars

ENDPOINT = {"CAREFUL_LLM_URL": "http://127.0.0.1:1", "CAREFUL_LLM_MODEL": "big", "CAREFUL_LLM_API_KEY": "k"}


def chosen(setting, environ, tmp_path):
    return open_generator(setting, Home(tmp_path), exemplars(), environ)


def test_the_card_and_the_environment_choose(tmp_path):
    """The card's n-gram model, the environment's endpoint, or the embedded model."""
    ngram = card(generator={"kind": "ngram", "order": 2})
    assert chosen(ngram, ENDPOINT, tmp_path).generator.identity.generator_id == "ngram"
    endpoint = chosen(card(), ENDPOINT, tmp_path)
    assert isinstance(endpoint.generator, EndpointClient)
    assert (endpoint.generator.identity.generator_id, endpoint.generator.identity.family) == ("big", "gemma")
    embedded = chosen(card(), {}, tmp_path)
    assert isinstance(embedded.generator, EmbeddedGenerator)
    assert embedded.in_flight >= 1


def test_an_endpoints_family_is_the_registrys_or_declared(tmp_path):
    """A known name needs no declaration, an unknown one does; both are refused before anything is sent."""
    undeclared = card(generator={"kind": "llm", "mode": "chat"})
    known = chosen(undeclared, ENDPOINT | {"CAREFUL_LLM_MODEL": "Qwen2.5-7B"}, tmp_path)
    assert known.generator.identity.family == "qwen"
    with pytest.raises(StageFailed, match="family of the model 'big' is unknown"):
        chosen(undeclared, ENDPOINT, tmp_path)
    assert (
        chosen(card(generator={"kind": "llm", "mode": "completion"}), {}, tmp_path).generator.identity.family == "gemma"
    )


def test_another_revision_is_another_generator(tmp_path):
    """What a provider calls the version of its model is part of who answers; without one it is said to be unnamed."""
    plain, named = (
        chosen(card(generator={"kind": "llm", "mode": "chat", "family": "ours"} | more), ENDPOINT, tmp_path)
        for more in ({}, {"revision": "2026-01"})
    )
    assert (plain.generator.identity.revision, named.generator.identity.revision) == (None, "2026-01")
    assert plain.generator.identity.digest != named.generator.identity.digest


def test_half_an_endpoint_is_refused(tmp_path):
    """A URL without a model, or a model without a URL, names what is missing."""
    for name, absent in (("CAREFUL_LLM_URL", "CAREFUL_LLM_MODEL"), ("CAREFUL_LLM_MODEL", "CAREFUL_LLM_URL")):
        with pytest.raises(StageFailed, match=f"{absent} is not"):
            chosen(card(), {name: ENDPOINT[name]}, tmp_path)


@pytest.mark.parametrize("model", ["big\n", "big\r\nx: y", "b\0g", "big\x1b[2J", "big\udcff"])
def test_a_model_name_that_cannot_be_sent_is_refused(tmp_path, model):
    """A line break, a control character or bytes that are no text: told by the variable's name, before a call."""
    with pytest.raises(StageFailed, match=r"CAREFUL_LLM_MODEL holds a character.*set it again") as caught:
        chosen(card(), ENDPOINT | {"CAREFUL_LLM_MODEL": model}, tmp_path)
    assert model not in str(caught.value)


def test_a_user_in_the_address_beside_a_key_is_refused(tmp_path):
    """The environment's address and key cannot both say who asks."""
    with pytest.raises(StageFailed, match="CAREFUL_LLM_URL names a user"):
        chosen(card(), ENDPOINT | {"CAREFUL_LLM_URL": "http://jane:hunter2@127.0.0.1:1"}, tmp_path)


def test_what_the_embedded_model_cannot_do_is_refused_before_it_starts(tmp_path):
    """A wrong family, chat mode and too many completions are named together; an endpoint may do them."""
    asked = card(n=9, generator={"kind": "llm", "mode": "chat", "family": "llama"})
    with pytest.raises(StageFailed, match=r"family is llama.*chat.*at most 8"):
        chosen(asked, {}, tmp_path)
    assert isinstance(chosen(asked, ENDPOINT, tmp_path).generator, EndpointClient)
