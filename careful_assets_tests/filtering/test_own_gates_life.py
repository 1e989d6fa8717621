"""A dataset whose card names gates of its own: they decide between generation and labeling like all others."""

from __future__ import annotations

import json

import polars as pl
import pytest

from careful_assets.operations.trace import trace_row
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import NAME, make_project
from careful_assets_tests.life.arrange import Life

_OWN = """filtering:
  own_gates:
    - {name: policy, sql: gates/policy.sql}
    - {name: suite, expectations: gates/suite.json}
    - {name: mine, python: "careful_assets_tests.filtering.own_gate_examples:Shouting", threshold: 0.9}
"""
_QUERY = (
    "select row_id, 'is_second' as reason, 1 as score from candidates\nqualify row_number() over (order by row_id) = 2"
)
_SUITE = [
    {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "text", "max_value": 5000}},
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 10**6}},
]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """The small project with an SQL gate, a suite and a Python gate, its filtering stage run."""
    root = tmp_path_factory.mktemp("own")
    life = Life(make_project(root), Home(root / ".careful"), NAME)
    folder = life.card_path.parent / "gates"
    folder.mkdir()
    (folder / "policy.sql").write_text(_QUERY)
    (folder / "suite.json").write_text(json.dumps({"name": "s", "expectations": _SUITE}))
    life.card_path.write_text(life.card_path.read_text() + _OWN)
    report = life.run("labeling")
    assert not report.success  # the suite asks for a million rows
    return life


def test_own_gates_leave_decisions_behind_the_profile_s(life: Life) -> None:
    """Each judged the rows that the gate before let pass, and its refusals are kept with their reason."""
    profile = [one.gate for one in life.loaded.profile.gates]
    assert profile[-3:] == ["policy", "suite", "mine"]
    decisions = life.table("filtering.decisions")
    flow = decisions.group_by("gate").agg(pl.col("position").first(), pl.len(), pl.col("passed").sum()).sort("position")
    assert flow["gate"].to_list() == profile
    for before, after in zip(flow["passed"], flow["len"][1:], strict=False):
        assert before == after
    (refused,) = decisions.filter(pl.col("gate") == "policy", ~pl.col("passed"))["row_id"]
    assert "is_second" in str(trace_row(life.home, [NAME], refused))


def test_checks_know_own_gates(life: Life) -> None:
    """All gates ran, each at its version; the suite's failed expectation of the batch keeps labeling shut."""
    verdicts = life.table("provenance.ledger").filter(stage="filtering").sort("seq")
    passed = dict(verdicts.select("check_name", "passed").iter_rows())
    assert passed["every_gate_ran"]
    assert passed["rows_conserved"]
    assert passed["own_expectations_advise"]
    assert not passed["own_expectations_hold"]
    assert life.table("labeling.labels").is_empty()
    summary = verdicts.filter(check_name="own_expectations_hold")["summary"][-1]
    assert "expect_table_row_count_to_be_between" in summary


def test_kept_is_what_passed_own_gates_too(life: Life) -> None:
    """Labeling takes the rows that passed every gate of the profile, the dataset's own included."""
    with life.view() as view:
        kept = view.model("filtering/kept", {"gates": len(life.loaded.profile.gates)})
    assert set(kept["row_id"]) == set(life.table("filtering.decisions").filter(gate="mine", passed=True)["row_id"])
    assert kept.height == life.table("provenance.rounds")["kept"].sum() > 0
