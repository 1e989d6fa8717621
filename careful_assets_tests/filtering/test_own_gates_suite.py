"""Suites among a dataset's own gates: critical expectations of rows refuse them, all others leave a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from careful_assets.card.own_gates import OwnGate, OwnGateFile
from careful_assets.errors import MalformedInput, StageFailed
from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.own.expectations import FINDINGS, SuiteGate, findings_of
from careful_assets.filtering.settings import set_gates
from careful_assets_tests.filtering.frames import Setting, anchors_of, candidates_of

ANCHORS = anchors_of(["a real row"])
LENGTHS = {
    "type": "expect_column_value_lengths_to_be_between",
    "kwargs": {"column": "text", "min_value": 3, "max_value": 20},
}
NO_SECRET = {"type": "expect_column_values_to_not_match_regex", "kwargs": {"column": "text", "regex": "secret"}}


def matches(regex: str, **more: Any) -> dict[str, Any]:
    kwargs = {"column": "text", "regex": regex}
    return {"type": "expect_column_values_to_match_regex", "kwargs": kwargs, **more}


SUITE = [
    LENGTHS,
    NO_SECRET,
    matches("^[a-z]", severity="warning"),
    matches("z", severity="info"),
    {**NO_SECRET, "kwargs": {**NO_SECRET["kwargs"], "mostly": 0.9}},
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 3}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "round", "min_value": 1, "max_value": 1}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "round", "min_value": 2}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "text"}},
]


def gate(folder: Path, content: Any) -> SuiteGate:
    path = folder / "suite.json"
    path.write_text(content if isinstance(content, str) else json.dumps({"name": "s", "expectations": content}))
    return SuiteGate(OwnGateFile(OwnGate(name="mine", expectations="suite.json"), path, path.read_bytes()))


def test_a_suite_refuses_rows_and_leaves_findings(tmp_path: Path) -> None:
    """Row by row the critical ones decide, the first that a row fails is its reason; the batch's are only found."""
    own = gate(tmp_path, SUITE)
    rows = candidates_of(["fine words", "a secret", "no", "Not so fine", "a secret that is far too long"])
    decisions = run_cascade(rows, ANCHORS, set_gates([Setting("mine")], {"mine": own}))
    assert decisions.filter(~pl.col("passed")).select("row_id", "reason", "evidence").rows() == [
        ("c1", NO_SECRET["type"], "expectation 2 of the suite"),
        ("c2", LENGTHS["type"], "expectation 1 of the suite"),
        ("c4", LENGTHS["type"], "expectation 1 of the suite"),
    ]
    found = findings_of([own])
    assert found.schema == FINDINGS
    assert found.select("expectation", "severity", "refuses", "passed", "unexpected").rows() == [
        (1, "critical", True, False, 2),
        (2, "critical", True, False, 2),
        (3, "warning", False, False, 1),
        (4, "info", False, False, 5),
        (5, "critical", False, False, 2),
        (6, "critical", False, True, 0),
        (7, "critical", False, True, 0),
        (8, "critical", False, False, 0),
        (9, "critical", False, True, 0),
    ]
    assert "secret" not in str(found.rows())


def test_more_rows_fail_than_a_contract_lists(tmp_path: Path) -> None:
    """Every row of 12,000 that fail is refused: the 10,000 at which a contract's list ends are no way in."""
    n = 12_000
    rows = candidates_of(["no"] * n, ids=[f"c{i:05d}" for i in range(n)])
    assert not any(one.passed for one in gate(tmp_path, [LENGTHS]).judge(rows, ANCHORS, None))


def test_no_row_no_decision_and_nothing_taken_for_met(tmp_path: Path) -> None:
    """An empty batch has no decisions; what is expected of its rows was not checked, and counts as failed."""
    own = gate(tmp_path, [LENGTHS, SUITE[7], SUITE[5]])
    assert own.judge(candidates_of([]), ANCHORS, None) == []
    assert not own.findings["passed"].any()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("not JSON", "suite.json:1: is no JSON"),
        ([], "expectations: is empty"),
        ([{**LENGTHS, "type": "expect_column_value_lenghts_to_be_between"}], "does not know"),
        ([{**LENGTHS, "kwargs": {**LENGTHS["kwargs"], "max_valu": 3}}], "cannot be loaded|drops"),
        ([{**LENGTHS, "kwargs": {**LENGTHS["kwargs"], "column": "txt"}}], "column 'txt'"),
        ([{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "round"}}], "met by anything"),
    ],
)
def test_a_suite_that_cannot_be_checked_is_told(tmp_path: Path, content: Any, told: str) -> None:
    """Nothing of it is dropped: every fault is told, with the gate's name."""
    own = gate(tmp_path, content)
    with pytest.raises(MalformedInput, match=told) as refused:
        own.judge(candidates_of(["fine words"]), ANCHORS, None)
    assert "gate mine (suite.json)" in str(refused.value)


def test_an_expectation_that_cannot_judge_rows_fails_the_stage(tmp_path: Path) -> None:
    """A broken pattern lets no row pass."""
    with pytest.raises(StageFailed, match=r"gate mine \(suite.json\): expectation 1, .* could not be checked"):
        gate(tmp_path, [matches("(")]).judge(candidates_of(["fine words"]), ANCHORS, None)


def test_a_suite_that_changed_since_the_card_was_read_fails_the_stage(tmp_path: Path) -> None:
    """Decisions carry the version of the file that the card's digest covers."""
    own = gate(tmp_path, [LENGTHS])
    gate(tmp_path, [NO_SECRET])
    with pytest.raises(StageFailed, match="changed since the card was read"):
        own.judge(candidates_of(["fine words"]), ANCHORS, None)
