import asyncio
import json

import jsonschema
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.budget import Limits
from careful_assets.llm.budget import Budget
from careful_assets.llm.dispatch import answer_all
from careful_assets.llm.journal import Journal
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Request
from careful_assets.llm.spending import most_tokens, tokens_in, tokens_taken
from careful_assets.llm.structured import check_schema, parsed
from careful_assets_tests.llm.stubs import IDENTITY, client, request, served

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["negative", "positive"]},
        "sure": {"type": "number"},
        "n": {"type": "integer"},
        "odd": {"type": "boolean"},
        "why": {"type": "string"},
    },
    "required": ["label"],
    "additionalProperties": False,
}
GOOD, BAD = '{"label": "negative", "sure": 0.5}', '{"label": "angry words of a row"}'
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | (
    st.sampled_from(["negative", "positive"])
)  # fmt: skip
ANSWERS = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "stranger"]), VALUES) | VALUES | st.lists(VALUES)


@settings(max_examples=300, deadline=None)
@given(answer=ANSWERS, closed=st.booleans())
def test_it_accepts_what_json_schema_accepts(answer, closed):
    """The verdict is jsonschema's on every answer, for open and closed objects."""
    schema = {**SCHEMA, "additionalProperties": not closed}
    expected = jsonschema.Draft202012Validator(schema).is_valid(answer)
    try:
        assert parsed(json.dumps(answer), schema) == answer
        accepted = True
    except ValueError:
        accepted = False
    assert accepted == expected


@given(text=st.text())
def test_a_fault_never_repeats_the_answer(text):
    """Whatever a model writes, the fault is one of few sentences of our own."""
    with pytest.raises(ValueError, match=r"^it (is not JSON|is JSON, but not an object)$"):
        parsed("!" + text, SCHEMA)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"}, {"type": "object"}, {**SCHEMA, "required": ["none"]}, {**SCHEMA, "minProperties": 2},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}},
        {"type": "object", "properties": {"a": {"enum": [1, 2]}}},
    ],
)  # fmt: skip
def test_a_schema_that_could_not_be_checked_is_refused(schema):
    """What lies outside the allowed part is an error where the request is made, not where the answer comes."""
    with pytest.raises(ValueError, match=r"schema|property|required"):
        check_schema(schema)
    with pytest.raises(ValueError, match=r"schema|property|required"):
        structured(0, schema)


def structured(index, schema=SCHEMA, n=1):
    """The stub's request with a schema."""
    given = request(index, n=n).as_json()
    for name in ("request_id", "answer_schema"):
        del given[name]
    for part in ("id", "family", "digest", "revision"):
        del given[f"generator_{part}"]
    return Request.make(generator=IDENTITY, **{**given, "mode": "chat", "answer_schema": schema})


def test_the_schema_is_part_of_the_identity():
    """Another schema is another request; it survives the journal's JSON; several completions are refused."""
    other = {**SCHEMA, "required": ["label", "why"]}
    assert len({structured(0).request_id, structured(0, other).request_id, structured(0, None).request_id}) == 3
    assert Request.from_json(json.loads(json.dumps(structured(0).as_json()))) == structured(0)
    with pytest.raises(ValueError, match="alone"):
        structured(0, n=2)


def run(handler, count, path, budget=None):
    """Have `count` structured requests answered one after the other."""

    async def call():
        async with served(handler) as stub:
            requests = [structured(index) for index in range(count)]
            sent = await answer_all(requests, client(stub.url), Journal(path), in_flight=1, budget=budget)
            return stub.bodies, sent, Journal(path).read()

    return asyncio.run(call())


def chat(text):
    return web.json_response({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


def test_a_server_that_takes_no_schema_is_asked_without_and_never_bothered_again(tmp_path):
    """One 400 on `response_format`, then none is sent for the rest of the session."""

    async def plain(body, _):
        return web.Response(status=400) if "response_format" in body else chat(GOOD)

    bodies, sent, _ = run(plain, 3, tmp_path / "set.ndjson")
    assert ["response_format" in body for body in bodies] == [True, False, False, False]
    assert bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (sent.answered, sent.failed) == (3, 0)


def test_a_400_for_another_reason_is_not_blamed_on_the_schema(tmp_path):
    """A request that is refused without the schema, too, fails; the next one is asked with it again."""

    async def picky(body, _):
        return web.Response(status=400, text="too long") if body["seed"] == 100 else chat(GOOD)

    bodies, sent, _ = run(picky, 2, tmp_path / "set.ndjson")
    assert ["response_format" in body for body in bodies] == [True, False, True]
    assert (sent.answered, sent.failed) == (1, 1)


def test_an_invalid_answer_is_repaired_by_a_second_recorded_call(tmp_path):
    """The second call shows what came, what is wrong and the schema; both attempts and its prompt are on record."""

    async def learning(body, call):
        return chat(BAD if call == 1 else GOOD)

    bodies, sent, state = run(learning, 1, tmp_path / "set.ndjson")
    (key,) = state.answers
    shown = bodies[1]["messages"][0]["content"]
    assert BAD in shown
    assert "the value of label does not fit" in shown
    assert (sent.answered, state.attempts[key], state.repairs[key]) == (1, 2, shown)
    assert state.answers[key].choices[0].text == GOOD
    assert state.requests[key].rendered_prompt == bodies[0]["messages"][0]["content"]


def test_an_answer_that_stays_invalid_fails_after_one_repair(tmp_path):
    """Two calls and no third; the cause names the property and never the row."""

    async def stubborn(*_):
        return chat(BAD)

    bodies, sent, state = run(stubborn, 1, tmp_path / "set.ndjson")
    (failure,) = state.failures.values()
    assert (len(bodies), sent.failed, state.answers) == (2, 1, {})
    assert failure.cause == "the answer does not fit its schema: the value of label does not fit the schema"


def test_a_repair_is_paid_for(tmp_path):
    """The refused call and the longer prompt count, before sending and after; a budget for one such request is one."""

    async def learning(body, _):
        return chat(GOOD if "It is refused" in body["messages"][0]["content"] else BAD)

    path, most = tmp_path / "set.ndjson", most_tokens(structured(0)).total
    limits, prices = Limits(tokens=most), Prices({}, "EUR")
    budget = Budget(limits, prices, lambda: Journal(path).read())
    bodies, sent, state = run(learning, 3, path, budget)
    (key,) = state.answers
    assert (len(bodies), sent.answered, sent.held_back) == (2, 1, 2)
    taken = tokens_taken(state.requests[key], state.answers[key], state.repairs[key])
    sizes = [tokens_in(body["messages"][0]["content"]) for body in bodies]
    assert (taken.prompt, taken.completion) == (sum(sizes), tokens_in(GOOD) + 16)
    assert taken.total <= most
    again = Budget(limits, prices, Journal(path).read)
    assert again.refusal(structured(1)) == (
        f"budget: {taken.total:,} of {most:,} tokens, and a request may take {most:,}"
    )
