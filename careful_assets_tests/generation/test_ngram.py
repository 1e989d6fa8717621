import asyncio
import os
import subprocess
import sys
from collections import Counter

import pytest

from careful_assets.generation.ngram import NgramGenerator
from careful_assets.llm.requests import CallFailed, Request
from careful_assets_tests.generation.examples import exemplars

PAIRS = list(exemplars(8, 4).select("label", "text").iter_rows())


def texts(generator, label="angry", *, n=50, seed=1, **params):
    asked = Request.make(
        round=1, stratum=label, prompt_id="p", prompt_sha256="0", rendered_prompt="x", generator=generator.identity,
        mode="completion", params={"max_tokens": 30, **params}, seed=seed, completions=n, parent_ids=[],
    )  # fmt: skip
    return asyncio.run(generator.complete(asked)).choices


def test_the_same_seed_gives_the_same_rows_in_every_process():
    """Neither hash seeds nor the exemplars' order play a part."""
    code = (
        "import sys; from careful_assets_tests.generation.test_ngram import *\n"
        "pairs = sorted(PAIRS, key=hash)\n"
        "print(*[c.text for c in texts(NgramGenerator(pairs, 3))], sep='\\n')"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.splitlines()
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] == [choice.text for choice in texts(NgramGenerator(reversed(PAIRS), 3))]


def test_choice_i_is_drawn_with_seed_plus_i():
    """Stepping the seed shifts the choices: requests whose seeds do not overlap share no draw."""
    generator = NgramGenerator(PAIRS, 3)
    third, first = texts(generator, seed=5, n=4)[2], texts(generator, seed=7, n=1)[0]
    assert (third.text, third.finish_reason) == (first.text, first.finish_reason)


def test_the_asked_label_dominates_and_rows_vary():
    """Most words that tell labels apart are those of the label; draws differ from each other."""
    rows = [choice.text for choice in texts(NgramGenerator(PAIRS, 3), "sad", n=200)]
    words = Counter(word for row in rows for word in row.split() if word in ("angry", "sad", "glad"))
    assert words["sad"] > 0.8 * words.total()
    assert len(set(rows)) > 20


def test_length_and_stop_are_heeded():
    """A text cut at `max_tokens` words says so; a stop string ends it."""
    generator = NgramGenerator(PAIRS, 3)
    assert {(len(c.text.split()), c.finish_reason) for c in texts(generator, max_tokens=2)} == {(2, "length")}
    assert all("text" not in c.text and c.finish_reason == "stop" for c in texts(generator, stop=["text"]))


def test_the_identity_follows_what_the_model_was_fitted_on():
    """Order, texts and their labels each change the digest."""
    digests = {
        NgramGenerator(PAIRS, 3).identity.digest, NgramGenerator(PAIRS, 2).identity.digest,
        NgramGenerator(PAIRS[1:], 3).identity.digest,
        NgramGenerator([("glad", PAIRS[0][1]), *PAIRS[1:]], 3).identity.digest,
    }  # fmt: skip
    assert len(digests) == 4


def test_a_label_without_exemplars_is_a_failure():
    """The model does not invent a class."""
    with pytest.raises(CallFailed, match="no exemplar"):
        texts(NgramGenerator(PAIRS, 3), "furious")
