import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.card.budget import Price
from careful_assets.generation.candidates import clean, load_candidates, requests_frame
from careful_assets.llm.journal import Journal
from careful_assets.llm.journal_state import JournalState
from careful_assets.llm.prices import Prices
from careful_assets.llm.requests import Answer, Choice, Failure
from careful_assets.warehouse import tables
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets.warehouse.models import run_model
from careful_assets_tests.llm.stubs import request

PRICES = Prices({"stub-model": Price(prompt=1.0, completion=10.0)}, "EUR")
HOSTILE = ["- a row ", "'; drop table x; --", "nul\x00 inside", "half \ud83d pair", "", "é\U0001f600 \u202e"]


@pytest.fixture
def recorded(tmp_path):
    """Three requests: one answered after a failure, one failed, one never sent; and the journal's state."""
    planned = [request(index, n=6) for index in range(3)]
    answered, failed, _ = planned

    async def record():
        async with Journal(tmp_path / "set.ndjson") as journal:
            await journal.asked(answered)
            await journal.failed(Failure(answered.request_id, "HTTP 503", True))
            await journal.asked(answered)
            choices = tuple(Choice(text, "stop") for text in HOSTILE)
            await journal.answered(Answer(answered.request_id, choices, 12, 0.5, "stub-2026 \ud800", "fp_7"))
            await journal.asked(failed)
            await journal.failed(Failure(failed.request_id, "HTTP 400: no", False))

    asyncio.run(record())
    return planned, Journal(tmp_path / "set.ndjson").read()


def test_every_planned_request_is_accounted_for(recorded):
    """Answered, failed or missing, with cause, attempts and times; answers leave no stale cause."""
    planned, state = recorded
    frame = requests_frame(planned, state, PRICES)
    rows = {row["request_id"]: row for row in frame.iter_rows(named=True)}
    first, second, third = (rows[one.request_id] for one in planned)
    assert [row["status"] for row in (first, second, third)] == ["answered", "failed", "missing"]
    assert [row["cause"] for row in (first, second, third)] == [None, "HTTP 400: no", None]
    assert [row["attempts"] for row in (first, second, third)] == [2, 1, 0]
    assert first["params"] == '{"max_tokens":16,"mode":"completion","stop":[],"temperature":1.0}'
    assert first["requested_at"] < first["answered_at"]
    assert third["requested_at"] is None
    assert frame["request_id"].to_list() == sorted(rows)


def test_what_a_stop_cut_off_is_held_back_and_nothing_else(recorded):
    """With a reason why sending stopped, what has no outcome is held back for it; answers and failures stay."""
    planned, state = recorded
    frame = requests_frame(planned, state, PRICES, "budget: 2 of 2 requests")
    rows = {row["request_id"]: (row["status"], row["cause"]) for row in frame.iter_rows(named=True)}
    assert [rows[one.request_id] for one in planned] == [
        ("answered", None), ("failed", "HTTP 400: no"), ("held_back", "budget: 2 of 2 requests"),
    ]  # fmt: skip


def test_tokens_are_counted_here_and_priced(recorded):
    """Four bytes are a token, the generator's own figure stands beside; what has no answer took nothing."""
    planned, state = recorded
    rows = {row["request_id"]: row for row in requests_frame(planned, state, PRICES).iter_rows(named=True)}
    answered, failed, _ = (rows[one.request_id] for one in planned)
    taken = sum(-(-len(text.encode(errors="replace")) // 4) for text in HOSTILE)
    assert (answered["tokens"], answered["prompt_tokens"], answered["completion_tokens"]) == (12, 7, taken)
    assert answered["cost"] == pytest.approx((7 * 1 + taken * 10) / 1e6)
    assert answered["latency_s"] == 0.5
    assert {failed[key] for key in ("prompt_tokens", "completion_tokens", "cost", "latency_s")} == {None}
    unpriced = requests_frame(planned, state, Prices({}, "EUR"))
    assert unpriced["cost"].null_count() == 3


def test_one_query_tells_where_a_row_came_from(recorded, tmp_path):
    """Model, revision, prompt, seed, parameters, parents and times of any candidate, in one row of one query."""
    planned, state = recorded
    candidates = load_candidates(planned, state, "rare_class", None).candidates
    migrate(tmp_path / "set.duckdb")
    with connect(tmp_path / "set.duckdb") as con:
        tables.replace(con, "generation.requests", requests_frame(planned, state, PRICES))
        tables.replace(con, "generation.candidates", candidates)
        for candidate in candidates.iter_rows(named=True):
            (record,) = run_model(con, "generation/record_of", {"row_id": candidate["row_id"]}).to_dicts()
            asked = planned[0]
            assert (record["generator_id"], record["generator_digest"]) == (asked.generator_id, asked.generator_digest)
            assert (record["rendered_prompt"], record["prompt_sha256"]) == (asked.rendered_prompt, asked.prompt_sha256)
            assert (record["seed"], record["ordinal"]) == (asked.seed, candidate["ordinal"])
            assert json.loads(record["params"]) == {**asked.params, "mode": "completion"}
            assert record["parent_ids"] == ["a", "b"]
            assert record["depth"] == 1
            assert record["requested_at"] < record["answered_at"]
            assert record["latency_s"] == 0.5
            assert (record["answered_by"], record["fingerprint"]) == ("stub-2026 \ufffd", "fp_7")
            assert (record["generator_revision"], record["repaired"]) == (None, False)
        assert run_model(con, "generation/record_of", {"row_id": "nobody"}).is_empty()


def test_a_candidate_says_which_personal_data_it_holds(tmp_path):
    """The kinds found in the generated text stand in its record; a text without any has an empty list."""
    asked = request(0, n=2)
    texts = ["write to jane.doe@example.org at once", "the screen broke at once"]
    state = JournalState(
        requests={asked.request_id: asked},
        answers={asked.request_id: Answer(asked.request_id, tuple(Choice(text, "stop") for text in texts), 1, 0.1)},
    )
    frame = load_candidates([asked], state, "rare_class", None).candidates.sort("ordinal")
    assert frame["personal_data"].to_list() == [["email"], []]


def test_a_rows_ordinal_is_its_place_in_the_request():
    """Where a server leaves out the first choices, the rest keep ordinal, id and with them the seed on record."""
    asked = request(0, n=4)

    def rows(*choices):
        state = JournalState(
            requests={asked.request_id: asked}, answers={asked.request_id: Answer(asked.request_id, choices, 1, 0.1)}
        )
        frame = load_candidates([asked], state, "rare_class", None).candidates.sort("ordinal")
        return frame.select("row_id", "ordinal", "text").rows()

    whole = rows(*(Choice(f"row {index}", "stop") for index in range(4)))
    assert [ordinal for _, ordinal, _ in whole] == [0, 1, 2, 3]
    assert rows(Choice("row 2", "stop", 2), Choice("row 3", "stop", 3)) == whole[2:]


def test_rows_are_the_same_whatever_the_order_and_fit_the_tables(recorded):
    """Ids and order hang on the answers alone, and hostile text stays as it came."""
    planned, state = recorded
    frame = load_candidates(planned, state, "rare_class", None).candidates
    assert frame.equals(load_candidates(planned[::-1], state, "rare_class", None).candidates)
    assert frame["row_id"].to_list() == sorted(set(frame["row_id"]))
    texts = dict(frame.select("ordinal", "text").iter_rows())
    assert [texts[i] for i in range(6)] == ["a row", *HOSTILE[1:3], "half \ufffd pair", *HOSTILE[4:]]
    assert set(frame["requested_label"]) == {"negative"}


def test_the_frames_are_the_tables(recorded, tmp_path):
    """Both frames go into the migrated tables and come out equal, column for column."""
    planned, state = recorded
    frames = {
        "generation.requests": requests_frame(planned, state, PRICES),
        "generation.candidates": load_candidates(planned, state, "rare_class", None).candidates,
    }
    migrate(tmp_path / "set.duckdb")
    for name, frame in frames.items():
        with connect(tmp_path / "set.duckdb") as con:
            tables.replace(con, name, frame)
        with connect(tmp_path / "set.duckdb", read_only=True) as con:
            stored = tables.read(con, name)
        assert stored.columns == frame.columns
        assert stored.drop("requested_at", "answered_at", strict=False).sort(frame.columns[:1]).rows() == (
            frame.drop("requested_at", "answered_at", strict=False).sort(frame.columns[:1]).rows()
        )


@given(st.text(st.characters()))
def test_cleaning_is_stable_and_representable(text):
    """A cleaned text has no outer white space and no lone surrogate, and keeps everything else."""
    cleaned = clean(text)
    assert cleaned == cleaned.strip()
    cleaned.encode()
    assert clean("-5 degrees") == "-5 degrees"
    assert clean("- one - two") == "one - two"
    assert clean(" -\tx\n") == "x"
    assert clean("-") == ""
