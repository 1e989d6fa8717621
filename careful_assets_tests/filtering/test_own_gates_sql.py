"""SQL gates of a dataset's own: what they return is refused, and they reach nothing but their copies of the rows."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.own_gates import OwnGate, OwnGateFile
from careful_assets.errors import StageFailed
from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.gate import Decision
from careful_assets.filtering.own import child, sql, sql_child
from careful_assets.filtering.own.sql import SqlGate
from careful_assets.filtering.settings import set_gates
from careful_assets.warehouse.scorer_child import Ran
from careful_assets_tests.filtering.frames import Setting, anchors_of, candidates_of

ANCHORS = anchors_of(["The zoom is stuck."])
ROWS = candidates_of(["a secret one", "a good one", "The zoom is stuck."], ["stop", "length", None])
ALL = "select row_id, 'bad' as reason, 1 as score from candidates"


def gate(query: str, timeout_s: float | None = None) -> SqlGate:
    declared = OwnGate(name="mine", sql="gates/mine.sql", timeout_s=timeout_s)
    return SqlGate(OwnGateFile(declared, Path("gates/mine.sql"), query.encode()))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child's work in this process, which is quicker; how the child is confined others show."""

    def answered(command: list[str], given: bytes, room: int, timeout_s: float) -> Ran:
        head, *frames = child.unpack(given)
        return Ran(child.answered(json.loads(head), frames), None, ())

    monkeypatch.setattr(sql, "run_confined", answered)


def test_returned_rows_are_refused_and_others_pass() -> None:
    """In the child, over candidates and anchors: with reason and score, under the card's name, version by content."""
    own = gate(
        "select c.row_id, case when a.row_id is null then 'is_cut' else 'is_real' end as reason, c.round / 4 as score\n"
        "from candidates c left join anchors a on a.text = c.text and a.label = c.requested_label\n"
        "where a.row_id is not null or c.finish_reason = 'length' -- ; no second statement"
    )
    decisions = run_cascade(ROWS, ANCHORS, set_gates([Setting("mine")], {"mine": own}))
    assert decisions.select("row_id", "passed", "reason", "score").rows() == [
        ("c0", True, None, None),
        ("c1", False, "is_cut", 0.25),
        ("c2", False, "is_real", 0.25),
    ]
    assert set(decisions["gate_version"]) == {own.version}
    assert 0 < own.version < 2**31
    assert own.version == gate(own._query).version != gate(own._query + " ").version


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_text_reaches_the_query_as_it_is(texts: list[str]) -> None:
    """Quotes, NULs, SQL and emoji are values to it: length and equality are those of the rows."""
    rows = candidates_of(texts)
    query = "select row_id, 'bad' as reason, length(text) as score from candidates"
    told, answer = sql_child.answer_of(
        {"query": query, "room": 1 << 20}, sql.as_arrow(rows.select(sql.CANDIDATES)),
        sql.as_arrow(ANCHORS.anchors.select(sql.ANCHORS)),
    )  # fmt: skip
    assert told == b'{"wrong": null}'
    lengths = dict(pl.read_ipc_stream(answer).select("row_id", "score").iter_rows())
    assert lengths.keys() == set(rows["row_id"])


def test_no_row_no_decision(here: None) -> None:
    """An empty batch, and a query that returns nothing."""
    assert gate(ALL).judge(candidates_of([]), ANCHORS, None) == []
    assert gate(f"{ALL} where false").judge(ROWS, ANCHORS, None) == [Decision(True)] * 3


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select 'zz' as row_id, 'bad' as reason, 1 as score", "1 rows whose row_id is none"),
        ("select null::varchar as row_id, 'bad' as reason, 1 as score", "1 rows whose row_id is none"),
        (f"{ALL} union all {ALL}", "more rows than the 3 candidates; returned a row_id twice"),
        ("select 'c0' as row_id, 'bad' as reason, 1 as score from range(2)", "a row_id twice"),
        ("select 'c0' as row_id, 'bad' as reason, 1 as score from range(10000000)", "more rows than the 3"),
        ("select row_id, null::varchar as reason, 1 as score from candidates", "1 reasons that do not stand"),
        ("select row_id, text as reason, 1 as score from candidates", "3 reasons that do not stand"),
        ("select row_id, 'Bad row' as reason, 1 as score from candidates", "1 reasons that do not stand"),
        ("select row_id, 'bad' as reason, 'nan'::double as score from candidates", "no finite number"),
        ("select row_id, 'bad' as reason, text as score from candidates", "score as VARCHAR"),
        ("select row_id, 'bad' as reason from candidates", "2 columns"),
        ("select *, 'bad' as reason, 1 as score from candidates", "7 columns"),
        ("select row_id, 'bad' as reason, nope as score from candidates", 'column "nope" not found'),
        ("select row_id, 'bad' as reason, cast(text as int) as score from candidates", "ConversionException;"),
        ("select row_id, 'bad' as reason, error(text) as score from candidates", "Exception;"),
        ("select repeat('a', 200000) as row_id, 'bad' as reason, 1 as score", "more than 67,072 bytes"),
        ("select * from read_csv('/etc/passwd')", "file system operations are disabled"),
        ("select * from read_text('/etc/passwd')", "file system operations are disabled"),
        ("select * from glob('/etc/*')", "disabled"),
        ("select * from '/etc/passwd'", "CatalogException"),
        ("select * from frame", "CatalogException"),
        ("select * from query('copy candidates to ''/tmp/own_gate_out''')", "ended with"),
        ("pragma version", "columns that are not"),
    ],
)
def test_a_query_that_breaks_the_contract_fails_the_stage(here: None, query: str, told: str) -> None:
    """With the gate, its file, what is wrong and what to do; never with a row's text."""
    with pytest.raises(StageFailed, match=r"nothing was recorded\. To go on, ") as failed:
        gate(query).judge(ROWS, ANCHORS, None)
    said = str(failed.value)
    assert said.startswith("gate mine (gates/mine.sql) ")
    assert told in said, said
    assert "secret" not in said


def test_too_many_reasons_fail_the_stage(here: None) -> None:
    """Fifty can be told apart on a page; more are no reasons but data."""
    rows = candidates_of([f"{n}" for n in range(51)], ids=[f"c{n:02d}" for n in range(51)])
    cases = " ".join(f"when '{n}' then 'r{n}'" for n in range(51))
    query = f"select row_id, case text {cases} end as reason, null::double as score from candidates"
    with pytest.raises(StageFailed, match="51 reasons; at most 50"):
        gate(query).judge(rows, ANCHORS, None)
    assert {one.reason for one in gate(query).judge(rows.head(50), ANCHORS, None)} == {f"r{n}" for n in range(50)}


@pytest.mark.parametrize(
    "query",
    [
        "with recursive a as (select 1 as x union all select x from a) "
        "select 'c0' as row_id, 'bad' as reason, x as score from a where x < 0",
        "select 'c0' as row_id, 'bad' as reason, count(*) as score from range(100000000) a, range(100000000) b "
        "where hash(a.range) = hash(b.range + 1)",
    ],
)
def test_a_query_without_an_end_is_killed(query: str) -> None:
    """A recursion and a cross join that would run for ever end with the time-out, in a stage that failed."""
    with pytest.raises(StageFailed, match=r"did not end within 2 s; it was killed.*raise its timeout_s"):
        gate(query, 2).judge(ROWS, ANCHORS, None)
