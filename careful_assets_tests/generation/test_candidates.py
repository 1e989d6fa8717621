import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careful_assets.generation.candidates import candidates_frame, clean, requests_frame
from careful_assets.llm.journal import Journal
from careful_assets.llm.requests import Answer, Choice, Failure
from careful_assets.warehouse import tables
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets_tests.llm.stubs import request

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
            await journal.answered(Answer(answered.request_id, choices, 12, 0.5))
            await journal.asked(failed)
            await journal.failed(Failure(failed.request_id, "HTTP 400: no", False))

    asyncio.run(record())
    return planned, Journal(tmp_path / "set.ndjson").read()


def test_every_planned_request_is_accounted_for(recorded):
    """Answered, failed or missing, with cause, attempts and times; answers leave no stale cause."""
    planned, state = recorded
    frame = requests_frame(planned, state)
    rows = {row["request_id"]: row for row in frame.iter_rows(named=True)}
    first, second, third = (rows[one.request_id] for one in planned)
    assert [row["status"] for row in (first, second, third)] == ["answered", "failed", "missing"]
    assert [row["cause"] for row in (first, second, third)] == [None, "HTTP 400: no", None]
    assert [row["attempts"] for row in (first, second, third)] == [2, 1, 0]
    assert first["params"] == '{"max_tokens":16,"mode":"completion","stop":[],"temperature":1.0}'
    assert first["requested_at"] < first["answered_at"]
    assert third["requested_at"] is None
    assert frame["request_id"].to_list() == sorted(rows)


def test_rows_are_the_same_whatever_the_order_and_fit_the_tables(recorded):
    """Ids and order hang on the answers alone, and hostile text stays as it came."""
    planned, state = recorded
    frame = candidates_frame(planned, state, "rare_class")
    assert frame.equals(candidates_frame(planned[::-1], state, "rare_class"))
    assert frame["row_id"].to_list() == sorted(set(frame["row_id"]))
    texts = dict(frame.select("ordinal", "text").iter_rows())
    assert [texts[i] for i in range(6)] == ["a row", *HOSTILE[1:3], "half \ufffd pair", *HOSTILE[4:]]
    assert set(frame["requested_label"]) == {"negative"}


def test_the_frames_are_the_tables(recorded, tmp_path):
    """Both frames go into the migrated tables and come out equal, column for column."""
    planned, state = recorded
    frames = {
        "generation.requests": requests_frame(planned, state),
        "generation.candidates": candidates_frame(planned, state, "rare_class"),
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
