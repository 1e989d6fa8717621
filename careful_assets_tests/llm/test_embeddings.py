"""The embedder behind an endpoint, over real HTTP: what is sent, what comes back, and what is not believed."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from hashlib import sha256

import numpy as np
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.embedding import EndpointEmbedder, MiniLmEmbedder, TfidfSvdEmbedder
from careful_assets.card.reader import read_card
from careful_assets.errors import MalformedInput, StageFailed
from careful_assets.llm.embeddings import (
    IN_FLIGHT,
    MOST_CHARACTERS,
    ROWS_PER_CALL,
    EndpointEmbeddings,
    open_embedder,
    parse,
)
from careful_assets.llm.pacing import Retries
from careful_assets.llm.requests import CallFailed
from careful_assets.text.embedders.tfidf_svd import TfidfSvd
from careful_assets_tests.card.cards import swapped, write_card
from careful_assets_tests.llm.stubs import served

DECLARED = EndpointEmbedder(kind="endpoint", provider="stub", model="stub-embed", revision="2")
QUICK = Retries(attempts=3, first_pause_s=0.001, longest_pause_s=0.002, longest_wait_s=0.01)
SECRET = "The customer Jane wrote that her phone broke."


def vector(text: str) -> list[float]:
    """Eight numbers that hang on the text alone, of any length."""
    return [float(byte) - 127.5 for byte in sha256(text.encode()).digest()[:8]]


def embeddings(body: dict) -> dict:
    """What an honest server answers, in an order of its own."""
    data = [{"index": place, "embedding": vector(text)} for place, text in enumerate(body["input"])]
    return {"object": "list", "data": data[::-1], "model": body["model"]}


async def honest(body, _call):
    return web.json_response(embeddings(body))


@contextmanager
def serving(handler=honest):
    """The stub in a thread of its own: `embed` runs an event loop itself."""
    ready, done, loop, found = threading.Event(), asyncio.Event(), asyncio.new_event_loop(), []

    async def serve():
        async with served(handler) as stub:
            found.append(stub)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    try:
        assert ready.wait(20)
        yield found[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def embedder(url: str, declared: EndpointEmbedder = DECLARED, **options) -> EndpointEmbeddings:
    return EndpointEmbeddings(declared, url, retries=QUICK, **options)


def unit(text: str) -> np.ndarray:
    made = np.array(vector(text))
    return made / np.linalg.norm(made)


def failure(handler, texts=("a", "b"), **options) -> str:
    """What is said of an endpoint that answers like this, and how often it was asked."""
    with serving(handler) as stub, pytest.raises(StageFailed) as caught:
        embedder(stub.url, **options).embed(list(texts))
    return f"{caught.value} ({len(stub.bodies)} calls)"


def test_rows_come_back_in_order_over_many_batches():
    """Each text's own vector at length 1, whatever order answers come in; equal texts go out once, empty ones never."""
    texts = [f"row {number % 150}" for number in range(400)] + ["", "\u200b", "half \ud800", "last"]
    with serving() as stub:
        vectors = embedder(stub.url + "/v1/", api_key="sesame").embed(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (404, 8)
    for text, row in zip(texts, vectors, strict=True):
        expected = np.zeros(8) if text in ("", "\u200b") else unit(text.replace("\ud800", "?"))
        assert row == pytest.approx(expected, abs=1e-6)
    sent = [text for body in stub.bodies for text in body["input"]]
    assert len(sent) == len(set(sent)) == 152
    assert max(len(body["input"]) for body in stub.bodies) <= ROWS_PER_CALL
    assert {body["model"] for body in stub.bodies} == {"stub-embed"}
    assert {headers["Authorization"] for headers in stub.headers} == {"Bearer sesame"}
    assert set(stub.paths) == {"/v1/embeddings"}
    assert stub.most <= IN_FLIGHT


def test_long_texts_are_cut_and_no_texts_need_no_rows():
    """A megabyte is sent as its head; without anything to embed the shape still is the endpoint's."""
    with serving() as stub:
        made = embedder(stub.url)
        assert made.embed(["", " "]).shape == (2, 8)
        assert made.embed([]).shape == (0, 8)
        made.embed(["x" * 1_000_000])
    assert len(stub.bodies[-1]["input"][0]) == MOST_CHARACTERS
    assert len(stub.bodies) == 2  # the first learnt the vectors' length, and nobody asks twice


def test_overload_is_waited_out():
    """Two refusals with a Retry-After and a broken body later, the batch has its vectors."""

    async def slow(body, call):
        if call == 1:
            return web.Response(status=429, headers={"Retry-After": "0"})
        return web.Response(body=b'{"data": [') if call == 2 else web.json_response(embeddings(body))

    with serving(slow) as stub:
        assert embedder(stub.url).embed(["a"])[0] == pytest.approx(unit("a"), abs=1e-6)
    assert len(stub.bodies) == 3


def test_what_does_not_help_is_not_sent_again():
    """A refusal for good fails at once, overload after as many attempts as set; both say what to do."""

    def status(code):
        async def handler(*_):
            return web.json_response({"error": {"message": "no such model"}}, status=code)

        return handler

    assert "HTTP 404: no such model" in failure(status(404))
    assert "(1 calls)" in failure(status(404))
    down = failure(status(503))
    assert "embedder stub/stub-embed: a batch got no usable answer in 3 attempts: HTTP 503" in down
    assert "run again (3 calls)" in down


def test_hangs_and_closed_ports_are_told():
    """No answer in time and no connection name the address to look at."""

    async def hang(*_):
        await asyncio.sleep(30)

    assert "no answer within" in failure(hang, timeout_s=0.1)
    with serving() as stub:
        gone = stub.url
    with pytest.raises(StageFailed, match="CAREFUL_EMBED_URL"):
        embedder(gone).embed(["a"])


def test_one_failed_batch_fails_all():
    """Of ten batches one is refused: no half-filled table comes back."""

    async def picky(body, _):
        if "row 300" in body["input"]:
            return web.Response(status=400)
        return web.json_response(embeddings(body))

    assert "HTTP 400" in failure(picky, [f"row {number}" for number in range(640)])


def test_errors_repeat_neither_texts_nor_the_key():
    """A server that echoes what it was sent does not carry it into logs."""

    async def echo(body, _):
        return web.json_response({"error": {"message": f"sk-0123456789 {body['input'][1]}"}}, status=400)

    said = failure(echo, ["other", SECRET], api_key="sk-0123456789")
    assert "Jane" not in said
    assert "sk-0123456789" not in said


def data(*entries) -> bytes:
    return json.dumps({"data": list(entries)}).encode()


def one(index: object, *numbers: object) -> dict:
    return {"index": index, "embedding": list(numbers)}


UNBELIEVED = {
    "not JSON": (b"<html>", "not JSON"),
    "too deep": (b"[" * 200_000, "not JSON"),
    "a list": (b"[]", "no list of embeddings"),
    "no objects": (b'{"data": [1, 2]}', "no list of embeddings"),
    "one too few": (data(one(0, 1.0)), "1 embeddings for 2 texts"),
    "one too many": (data(one(0, 1.0), one(1, 1.0), one(2, 1.0)), "3 embeddings for 2 texts"),
    "one twice": (data(one(0, 1.0), one(0, 1.0)), "indexes"),
    "beyond the texts": (data(one(0, 1.0), one(2, 1.0)), "indexes"),
    "no index": (data({"embedding": [1.0]}, {"embedding": [1.0]}), "indexes"),
    "index is true": (data(one(0, 1.0), one(True, 1.0)), "indexes"),
    "no vector": (data(one(0, 1.0), {"index": 1}), "not a list"),
    "empty vector": (data(one(0), one(1)), "not a list"),
    "base64": (data(one(0, 1.0), {"index": 1, "embedding": "AACAPw=="}), "not a list"),
    "two lengths": (data(one(0, 1.0), one(1, 1.0, 2.0)), "differ in length"),
    "a string": (data(one(0, 1.0), one(1, "1.0")), "no number"),
    "null": (data(one(0, 1.0), one(1, None)), "no number"),
    "true": (data(one(0, 1.0), one(1, True)), "no number"),
    "NaN": (data(one(0, 1.0), one(1, float("nan"))), "not finite"),
    "infinite": (data(one(0, 1.0), one(1, float("inf"))), "not finite"),
    "huge": (data(one(0, 1.0), one(1, 10**400)), "not finite"),
    "all zero": (data(one(0, 1.0), one(1, 0.0)), "no direction"),
}


@pytest.mark.parametrize("name", UNBELIEVED)
def test_nothing_odd_is_taken_for_vectors(name):
    """Every answer that is not one finite vector a text, in one length, fails with a cause."""
    body, cause = UNBELIEVED[name]
    with pytest.raises(CallFailed, match=cause):
        parse(body, 2)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1.7e308, 1.7e308).filter(bool), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_finite_numbers_give_a_direction(numbers, rng):
    """Tiny and huge numbers neither vanish nor overflow, and rows are ordered by index."""
    entries = [one(index, *(number * (-1) ** index for number in numbers)) for index in range(4)]
    rng.shuffle(entries)
    found = parse(data(*entries), 4)
    assert np.isfinite(found).all()
    assert np.abs(found).max(axis=1).tolist() == [1.0] * 4
    assert np.array_equal(found[0], -found[1])


def test_vectors_of_another_length_are_refused():
    """Neither against the card's dimensions nor between batches do lengths change unseen."""

    async def growing(body, call):
        numbers = [1.0] * (2 if call == 1 else 3)
        return web.json_response({"data": [one(place, *numbers) for place in range(len(body["input"]))]})

    with serving(growing) as stub:
        made = embedder(stub.url)
        made.embed(["a"])
        with pytest.raises(StageFailed, match="of 3 numbers, it sent before 2"):
            made.embed(["b"])
    declared = DECLARED.model_copy(update={"dimensions": 5})
    with serving() as stub, pytest.raises(StageFailed, match=r"of 8 numbers, filtering.embedder.dimensions says 5"):
        embedder(stub.url, declared).embed(["a"])
    assert stub.bodies[0]["dimensions"] == 5


def test_the_digest_is_of_what_is_declared():
    """Another provider, model, revision or length is another embedder; another address is not."""
    changes = [{}, {"provider": "other"}, {"model": "other"}, {"revision": "3"}, {"dimensions": 4}]
    made = [embedder("http://127.0.0.1:1", DECLARED.model_copy(update=change)) for change in changes]
    assert len({one.digest for one in made}) == len(changes)
    assert made[0].digest == embedder("http://localhost:2").digest
    assert made[0].name == "stub/stub-embed"


def test_a_card_names_its_embedder(tmp_path):
    """Without a word it is the one fitted on anchors; an endpoint needs its address, and a key that fits a header."""
    assert read_card(write_card(tmp_path)).card.filtering.embedder == TfidfSvdEmbedder()
    text = swapped(("filtering:\n", "filtering:\n  embedder: {kind: endpoint, provider: stub, model: stub-embed}\n"))
    declared = read_card(write_card(tmp_path, text)).card.filtering.embedder
    assert declared == DECLARED.model_copy(update={"revision": None})
    with pytest.raises(StageFailed, match="CAREFUL_EMBED_URL is not set"):
        open_embedder(declared, [], {})
    with serving() as stub:
        found = open_embedder(declared, [], {"CAREFUL_EMBED_URL": stub.url})
        assert found.embed(["a"]).shape == (1, 8)
    for environ, name in (
        ({"CAREFUL_EMBED_URL": "nowhere"}, "CAREFUL_EMBED_URL"),
        ({"CAREFUL_EMBED_URL": stub.url, "CAREFUL_EMBED_API_KEY": "a\nb"}, "CAREFUL_EMBED_API_KEY"),
    ):
        with pytest.raises(StageFailed, match=name):
            open_embedder(declared, [], environ).embed(["a"])
    fitted = open_embedder(TfidfSvdEmbedder(dimensions=2), ["a b c d"] * 3 + ["c e f g"] * 4, {})
    assert isinstance(fitted, TfidfSvd)
    assert fitted.dimensions == 2


@pytest.mark.parametrize("wrong", ["{kind: word2vec}", "{kind: minilm, dimensions: 3}", "{kind: endpoint, model: m}"])
def test_a_card_with_a_wrong_embedder_is_refused(tmp_path, wrong):
    """Unknown kinds, keys that a kind lacks and keys that it needs are faults of the card, at their line."""
    with pytest.raises(MalformedInput) as caught:
        read_card(write_card(tmp_path, swapped(("filtering:\n", f"filtering:\n  embedder: {wrong}\n"))))
    assert "filtering.embedder" in caught.value.faults[0].key


def test_minilm_is_opened_by_its_name(monkeypatch):
    """The card's `minilm` is the extra's embedder, and its absence says so."""
    monkeypatch.setattr("careful_assets.text.embedders.minilm._MODEL", ("no_such_package", "model.onnx", "0"))
    with pytest.raises(StageFailed, match="no_such_package is missing"):
        open_embedder(MiniLmEmbedder(kind="minilm"), [], {})
