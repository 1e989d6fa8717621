"""Exposure: all of it for who knows the secret, next to none for who never saw it, and never more than was shown."""

from __future__ import annotations

import asyncio
import math
import random

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.llm.exposure import exposure_by_completions, exposure_by_probability
from careful_assets.text.canaries import ALTERNATIVES, canary
from careful_assets_tests.llm.stubs import client, served

CANARY = canary(b"k" * 32, "release", "1.0.0")
MOST = math.log2(ALTERNATIVES)


def telling(probabilities, form="content"):
    """A server that tells, after each text, how likely each token is."""

    async def answer(body, call):
        assert body["max_tokens"] == 1
        told = {token: math.log(p) for token, p in probabilities(body["prompt"]).items()}
        if form == "content":
            likely = [{"token": token, "logprob": p} for token, p in told.items()]
            logprobs = {"content": [{"token": "x", "logprob": -1.0, "top_logprobs": likely}]}
        else:
            logprobs = {"top_logprobs": [told]}
        return web.json_response({"choices": [{"text": "x", "logprobs": logprobs}]})

    return answer


def asked(handler):
    async def ask():
        async with served(handler) as stub, client(stub.url) as model:
            return await exposure_by_probability(model, CANARY)

    return asyncio.run(ask())


def knowing(prompt, sure=0.99):
    digit = CANARY.text[len(prompt)]
    return {one: sure if one == digit else (1 - sure) / 9 for one in "0123456789"}


@pytest.mark.parametrize("form", ["content", "legacy"])
def test_a_model_that_knows_the_secret_shows_all_of_it(form) -> None:
    """Over HTTP, in both forms that servers give: nearly log2 |R| bits, which chance hardly gives."""
    one = asked(telling(knowing, form))
    assert one.bits == pytest.approx(MOST + 6 * math.log2(0.99))
    assert one.bound == "at least"
    assert one.chance < 2e-6


def test_a_model_that_never_saw_it_shows_nothing() -> None:
    """Where all digits are alike, exposure is 0 and chance gives as much always; other tokens take nothing from it."""
    one = asked(telling(lambda prompt: dict.fromkeys("0123456789", 0.05) | {" the": 0.5}))
    assert one.bits == pytest.approx(0, abs=1e-9)
    assert one.chance == pytest.approx(1)


@pytest.mark.parametrize(
    "likely",
    [
        {" the": 0.9},
        {one: 0.1 for one in "0123456789" if one != CANARY.secret[0]},
        dict.fromkeys("0123456789", 0.09) | {"123": 0.01},
        {},
    ],
)
def test_what_cannot_be_told_digit_by_digit_is_not(likely) -> None:
    """A digit that is not among the likeliest, tokens of several digits, and no tokens at all: no answer, not zero."""
    assert asked(telling(lambda prompt: likely)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"choices": [{"text": "x", "logprobs": null}]}',
        b'{"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": 4}]}]}}]}',
        b'{"choices": [{"logprobs": {"top_logprobs": [{"4": "sure"}]}}]}',
        b'{"choices": [{"logprobs": {"top_logprobs": [{"4": NaN, "5": 7.0}]}}]}',
    ],
)
def test_oddities_are_no_probabilities(body: bytes) -> None:
    """Whatever else a server sends tells nothing."""

    async def odd(_, call):
        return web.Response(body=body, content_type="application/json")

    assert asked(odd) is None


def test_a_server_that_takes_no_such_question_tells_nothing() -> None:
    """A refusal is an unanswered question."""

    async def refusing(_, call):
        return web.json_response({"error": {"message": "logprobs must be at most 5"}}, status=400)

    assert asked(refusing) is None


def test_completions_that_all_hold_the_secret_show_all_of_it() -> None:
    """Rank 1 of all; a single hit among others ranks with them, and is beyond chance all the same."""
    known = exposure_by_completions(CANARY, [f" {CANARY.secret}. Thanks"] * 64)
    assert (known.bits, known.hits, known.bound) == (MOST, 64, "about")
    others = [f"{(CANARY.number + n) % ALTERNATIVES:06d}" for n in range(1, 64)]
    once = exposure_by_completions(CANARY, [*others, CANARY.secret])
    assert once.bits == pytest.approx(MOST - 6)
    assert once.chance == pytest.approx(64e-6)


def test_a_secret_that_was_not_drawn_has_a_bound_that_grows_with_what_was() -> None:
    """n different others bound the exposure by log2 |R| - log2 (n + 1); where nothing was drawn, nothing is bounded."""
    others = [f"{(CANARY.number + n) % ALTERNATIVES:06d}" for n in range(1, 256)]
    one = exposure_by_completions(CANARY, others)
    assert (one.bound, one.hits, one.others, one.chance) == ("at most about", 0, 255, 1.0)
    assert one.bits == pytest.approx(MOST - 8)
    nothing = exposure_by_completions(CANARY, ["no number", "1234567", "12345"])
    assert (nothing.bits, nothing.bound) == (MOST, "at most about")


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 30))
def test_exposure_lies_between_nothing_and_all(seed: int, n: int, space: int) -> None:
    """However completions fall, it is within its range, and a hit is never more likely by chance than n / |R|."""
    draw = random.Random(seed)
    texts = [f"{(CANARY.number + draw.randrange(space)) % ALTERNATIVES:06d}" for _ in range(n)]
    one = exposure_by_completions(CANARY, texts)
    assert 0 <= one.bits <= MOST
    assert one.hits == texts.count(CANARY.secret)
    assert one.chance <= n / ALTERNATIVES if one.hits else one.chance == 1


def test_chance_is_no_more_than_it_says() -> None:
    """Of 20,000 canaries unknown to a lopsided model, at most about 1% show 6.64 bits: n = 20,000 bounds it to 1.2%."""
    draw = random.Random(7)
    weights = [0.5, 0.2, 0.1, 0.05, 0.05, 0.03, 0.03, 0.02, 0.01, 0.01]
    found = 0
    for _ in range(20_000):
        p = math.prod(weights[draw.randrange(10)] for _ in range(6))
        found += p * ALTERNATIVES >= 100
    assert found / 20_000 <= 0.012
