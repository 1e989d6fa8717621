import json
from dataclasses import replace

import pytest

from careful_assets.llm.requests import SEEDS, GeneratorIdentity, Request
from careful_assets_tests.llm.stubs import IDENTITY, request


def test_the_id_depends_on_all_that_decides_the_answer_and_on_nothing_else():
    """Prompt, label, generator, mode, parameters, seed and n change the id; round, template and parents do not."""
    base = {
        "round": 1, "stratum": "x", "prompt_id": "p", "prompt_sha256": "d", "rendered_prompt": "Write.",
        "generator": GeneratorIdentity("m", "f", "d"), "mode": "completion", "params": {"a": 1, "b": 2},
        "seed": 3, "completions": 4, "parent_ids": ["q"],
    }  # fmt: skip
    first = Request.make(**base).request_id
    same = [{"round": 2}, {"prompt_id": "q"}, {"prompt_sha256": "e"}, {"parent_ids": []}, {"params": {"b": 2, "a": 1}}]
    for change in same:
        assert Request.make(**{**base, **change}).request_id == first, change
    other = [
        {"stratum": "y"}, {"rendered_prompt": "Write!"}, {"generator": GeneratorIdentity("m", "f", "e")},
        {"generator": GeneratorIdentity("m", "g", "d")}, {"generator": GeneratorIdentity("n", "f", "d")},
        {"mode": "chat"}, {"params": {"a": 1}}, {"seed": 4}, {"completions": 5},
    ]  # fmt: skip
    ids = [Request.make(**{**base, **change}).request_id for change in other]
    assert len({first, *ids}) == len(other) + 1


def test_a_request_survives_json_and_a_forged_one_does_not():
    """What the journal holds makes the same request again; content that does not fit its id is refused."""
    asked = request()
    written = json.loads(json.dumps(asked.as_json()))
    assert Request.from_json(written) == asked
    assert replace(asked, round=2).request_id == asked.request_id
    with pytest.raises(ValueError, match="not the digest"):
        Request.from_json({**written, "seed": 1})


def test_seeds_beyond_what_servers_hold_wrap_and_stay_distinct():
    """The seed on record is the one sent, below 2**31; requests that step over the edge share none."""
    edge = SEEDS - 3
    made = [replaced(seed=edge + 2 * step) for step in range(4)]
    assert [one.seed for one in made] == [SEEDS - 3, SEEDS - 1, 1, 3]
    assert replaced(seed=SEEDS + 5) == replaced(seed=5)
    assert Request.from_json(made[2].as_json()) == made[2]


def replaced(**change):
    """A request that differs from the stub's in some arguments."""
    given = request().as_json()
    for name in ("request_id", "generator_id", "generator_family", "generator_digest", "generator_revision"):
        del given[name]
    return Request.make(generator=IDENTITY, **{**given, **change})
