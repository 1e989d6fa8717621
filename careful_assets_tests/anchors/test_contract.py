"""The contract: a Great Expectations suite gives one answer however rows are cut, and nothing unchecked passes."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from careful_assets.errors import MalformedInput
from careful_assets.expectations import tallies
from careful_assets.expectations.contract import Contract

BETWEEN = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": 0, "max_value": 9}}
SUITE = [
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}},
    BETWEEN,
    {**BETWEEN, "kwargs": {**BETWEEN["kwargs"], "mostly": 0.75}, "severity": "warning"},
    {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "s", "value_set": ["a", "b"]}},
    {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "s", "min_value": 1, "max_value": 2}},
    {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "s", "regex": "^[ab]", "mostly": 0.5}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "s", "mostly": 0.25}},
    {"type": "expect_column_min_to_be_between", "kwargs": {"column": "x", "min_value": 0}},
    {"type": "expect_column_max_to_be_between", "kwargs": {"column": "x", "max_value": 9, "strict_max": True}},
    {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 3, "max_value": 8}},
    {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 5}},
    {"type": "expect_column_to_exist", "kwargs": {"column": "s"}},
    {"type": "expect_column_pair_values_to_be_equal", "kwargs": {"column_A": "s", "column_B": "t"}},
    {"type": "expect_select_column_values_to_be_unique_within_record", "kwargs": {"column_list": ["s", "t"]}},
]  # fmt: skip


def contract(folder: Path, *expectations: Any) -> Contract:
    path = folder / "expectations.json"
    path.write_text(json.dumps({"name": "suite", "expectations": list(expectations)}), encoding="utf-8")
    return Contract(path)


def refused(folder: Path, content: str) -> list[str]:
    path = folder / "expectations.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(MalformedInput) as caught:
        Contract(path)
    return [str(fault) for fault in caught.value.faults]


def rows(**columns: Any) -> pl.DataFrame:
    frame = pl.DataFrame(columns)
    return frame.insert_column(0, pl.Series("place", range(1, frame.height + 1), dtype=pl.Int64))


def over(checked: Contract, frame: pl.DataFrame, cuts: list[int]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The findings and failing rows after the frame was checked in the pieces that the cuts make."""
    edges = [0, *sorted({min(cut, frame.height) for cut in cuts}), frame.height]
    for start, end in pairwise(edges):
        checked.check(frame.slice(start, end - start))
    return checked.findings(), checked.failing()


def by_great_expectations(frame: pl.DataFrame) -> list[bool]:
    """What Great Expectations itself says of the whole table, expectation by expectation."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    batch = asset.add_batch_definition_whole_dataframe("b").get_batch(
        batch_parameters={"dataframe": frame.drop("place").to_pandas()}
    )
    loaded = [ExpectationConfiguration(**entry).to_domain_obj() for entry in SUITE]
    return [bool(batch.validate(one).success) for one in loaded]


frames = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-2, 11)),
        st.sampled_from(["a", "b", "ab", "c", "", "bbb", "d1", "d2", None]),
        st.sampled_from(["a", "b", "x"]),
    ),
    min_size=1,
    max_size=12,
).map(
    lambda drawn: rows(**{name: pl.Series([row[at] for row in drawn], dtype=kind) for at, (name, kind) in enumerate(
        [("x", pl.Int64), ("s", pl.String), ("t", pl.String)])})
)  # fmt: skip


@settings(
    deadline=None,
    max_examples=12,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames, st.lists(st.integers(0, 12), max_size=3))
def test_every_cutting_gives_one_answer_and_it_is_great_expectations_own(
    tmp_path: Path, frame: pl.DataFrame, cuts: list[int]
) -> None:
    """Findings and failing rows don't hang on the batches, and pass or fail as the whole table does in the library."""
    whole, failing = over(contract(tmp_path, *SUITE), frame, [])
    cut, cut_failing = over(contract(tmp_path, *SUITE), frame, cuts)
    assert cut.equals(whole)
    assert cut_failing.sort("expectation", "place").equals(failing.sort("expectation", "place"))
    assert whole["passed"].to_list() == by_great_expectations(frame)


def test_findings_tell_counts_and_places(tmp_path: Path) -> None:
    """Rows outside are counted and named by their place, missing ones are not judged, severities are the file's."""
    frame = rows(x=[1, 10, None, 5, -1, 3], s=["a"] * 6, t=["b"] * 6)
    findings, failing = over(contract(tmp_path, *SUITE[:3]), frame, [2, 4])
    assert findings.columns == [
        "expectation",
        "type",
        "column",
        "severity",
        "passed",
        "checked",
        "unexpected",
        "detail",
    ]
    assert findings["expectation"].to_list() == [1, 2, 3]
    assert findings["severity"].to_list() == ["critical", "critical", "warning"]
    assert findings["passed"].to_list() == [False, False, False]
    assert findings.select("checked", "unexpected").rows() == [(6, 1), (5, 2), (5, 2)]
    assert failing.rows() == [(1, 3), (2, 2), (2, 5), (3, 2), (3, 5)]
    assert "2 of 5 (40.000%) do not meet it; at least 75.000% must; missing and not judged: 1" in findings["detail"][2]


@pytest.mark.parametrize(("outside", "passed"), [(25, True), (26, False)])
def test_mostly_is_held_against_all_rows(tmp_path: Path, outside: int, passed: bool) -> None:
    """Bad rows that fill a batch of their own count against the whole, to the row."""
    frame = rows(x=[100] * outside + [1] * (100 - outside))
    findings, _ = over(contract(tmp_path, SUITE[2]), frame, [outside])
    assert findings["passed"].to_list() == [passed]


def test_numbers_against_text_fail_and_say_why(tmp_path: Path) -> None:
    """In a CSV file, whose columns are text, an expectation on numbers fails with a reason; none passes by accident."""
    frame = rows(x=["1", "2"], s=["a", "b"])
    not_in = {"type": "expect_column_values_to_not_be_in_set", "kwargs": {"column": "x", "value_set": [1, 2]}}
    bounds = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "x", "max_value": 9}}
    findings, _ = over(contract(tmp_path, BETWEEN, not_in, bounds), frame, [])
    assert findings["passed"].to_list() == [False] * 3
    assert all("'x' holds text and is compared with numbers" in detail for detail in findings["detail"])
    text = {"type": "expect_column_values_to_not_be_in_set", "kwargs": {"column": "x", "value_set": ["1"]}}
    findings, _ = over(contract(tmp_path, text), rows(x=[1, 2]), [])
    assert not findings["passed"][0]


def test_what_could_not_be_checked_has_failed(tmp_path: Path) -> None:
    """An expectation that raises, a column that is gone and a table without rows fail; the others are still checked."""
    broken = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "s", "regex": "("}}
    gone = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "gone"}}
    findings, _ = over(contract(tmp_path, broken, gone, SUITE[3]), rows(s=["secret", "a"]), [1])
    assert findings["passed"].to_list() == [False] * 3
    assert "could not be checked: Great Expectations ended with" in findings["detail"][0]
    assert "there is no column 'gone' (2 batches)" in findings["detail"][1]
    assert findings["unexpected"][2] == 1
    assert "secret" not in str(findings.rows())
    empty, _ = over(contract(tmp_path, *SUITE), rows(x=[], s=[], t=[]), [])
    assert not empty["passed"].any()


def test_values_stay_out_of_findings(tmp_path: Path) -> None:
    """No detail repeats a value, whatever fails."""
    frame = rows(x=[987654, 987654], s=["secret", "secret"], t=["secret", "other"])
    findings, failing = over(contract(tmp_path, *SUITE), frame, [])
    assert not findings["passed"].all()
    assert "secret" not in str(findings.rows())
    assert "987654" not in str(findings.rows())
    assert failing.dtypes == [pl.Int32, pl.Int64]


def test_failing_rows_are_named_up_to_a_bound_and_all_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more failing rows than are kept, the first are named and all are counted."""
    monkeypatch.setattr(tallies, "MOST_FAILING", 10)
    findings, failing = over(contract(tmp_path, BETWEEN, SUITE[6]), rows(x=[99] * 25, s=["a"] * 25), [7, 14])
    assert findings["unexpected"].to_list() == [25, 25]
    assert failing.rows() == [(number, place) for number in (1, 2) for place in range(1, 11)]


def test_uniqueness_beyond_its_bound_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over more rows than it can keep in mind, uniqueness counts as failed, not as found."""
    monkeypatch.setattr(tallies, "MOST_UNIQUE_ROWS", 10)
    unique = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "x"}}
    assert over(contract(tmp_path, unique), rows(x=range(10)), [5])[0]["passed"].to_list() == [True]
    findings, _ = over(contract(tmp_path, unique), rows(x=range(11)), [5])
    assert not findings["passed"][0]
    assert "could not be checked" in findings["detail"][0]


SUITES = {
    "": "is no JSON",
    "{": "is no JSON",
    "[]": "expectations: is missing",
    '{"name": "s", "expectations": []}': "is empty, and would be met by anything",
    '{"name": "s", "expectations": {}}': "expectations: is missing",
    '{"expectations": [], "expectations": []}': "repeats a key",
}


@pytest.mark.parametrize("content", SUITES)
def test_files_that_are_no_suite_are_told(tmp_path: Path, content: str) -> None:
    """A file that holds no suite, or one that anything would meet, is refused in words."""
    (fault,) = refused(tmp_path, content)
    assert SUITES[content] in fault


def test_a_missing_suite_is_told(tmp_path: Path) -> None:
    """A contract that is not there is a fault of the card."""
    with pytest.raises(MalformedInput, match=r"none\.json: cannot be read .* mend anchors\.contract"):
        Contract(tmp_path / "none.json")


X = {"column": "x"}
ENTRIES: list[tuple[Any, str]] = [
    ({"type": "expect_nothing", "kwargs": {}}, "'expect_nothing', which Great Expectations does not know"),
    ({"expectation_type": "expect_column_to_exist", "kwargs": X}, "has no `type`"),
    ("text", "has no `type`"),
    ({"type": "expect_column_to_exist"}, "has no `kwargs`"),
    ({"type": "expect_column_values_to_be_between", "kwargs": X}, "cannot be loaded"),
    ({"type": "expect_column_values_to_be_between", "kwargs": {"min_value": 1}}, "cannot be loaded"),
    ({"type": "expect_column_values_to_not_be_null", "kwargs": {**X, "tolerance": 1}}, "cannot be loaded"),
    ({"type": "expect_column_values_to_not_be_null", "kwargs": X, "severity": "bad"}, "cannot be loaded"),
    ({"type": "expect_column_values_to_not_be_null", "kwargs": X, "level": 1}, "cannot be loaded"),
    ({"type": "expect_column_values_to_be_between", "kwargs": {**X, "min_value": {"$PARAMETER": "a"}}}, "a parameter"),
    ({**BETWEEN, "kwargs": {**BETWEEN["kwargs"], "row_condition": "x > 1"}}, "row_condition"),
    ({"type": "expect_column_mean_to_be_between", "kwargs": {**X, "min_value": 1}}, "cannot be checked batch by batch"),
    ({"type": "expect_column_values_to_be_increasing", "kwargs": X}, "cannot be checked batch by batch"),
    ({"type": "expect_table_columns_to_match_set", "kwargs": {"column_set": ["x"]}}, "cannot be checked batch by"),
    ({"type": "expect_column_values_to_be_of_type", "kwargs": {**X, "type_": "int"}}, "pandas' types"),
    ({"type": "expect_column_to_exist", "kwargs": {**X, "column_index": 1}}, "column_index"),
]  # fmt: skip


def test_all_unusable_expectations_are_told_at_once(tmp_path: Path) -> None:
    """Unknown, malformed, conditional and whole-table expectations are each refused with their number, all at once."""
    faults = refused(tmp_path, json.dumps({"name": "s", "expectations": [BETWEEN, *(entry for entry, _ in ENTRIES)]}))
    assert len(faults) == len(ENTRIES)
    for number, (fault, (_, words)) in enumerate(zip(faults, ENTRIES, strict=True), start=2):
        assert f"expectations[{number}]" in fault
        assert words in fault, fault


def test_columns_are_those_of_the_suite(tmp_path: Path) -> None:
    """Every column that an expectation speaks of is named once; one that the source lacks names its expectations."""
    checked = contract(tmp_path, *SUITE)
    assert checked.columns == ["x", "s", "t"]
    checked.need_columns(["t", "s", "x", "other"])
    with pytest.raises(MalformedInput) as caught:
        checked.need_columns(["x", "s"])
    assert [fault.key for fault in caught.value.faults] == ["expectations[13]", "expectations[14]"]


def test_equal_expectations_are_each_answered(tmp_path: Path) -> None:
    """A suite that names one expectation twice gets two findings."""
    findings, _ = over(contract(tmp_path, BETWEEN, BETWEEN), rows(x=[1]), [])
    assert findings.select("expectation", "passed").rows() == [(1, True), (2, True)]


def test_a_contract_is_silent_and_writes_nothing(tmp_path: Path) -> None:
    """In a process of its own a contract, failing expectations included, leaves no file and says nothing."""
    broken = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "x", "regex": "("}}
    (tmp_path / "suite").mkdir()
    contract(tmp_path / "suite", BETWEEN, broken)
    program = (
        "import logging, polars as pl, pathlib; logging.basicConfig(level=0)\n"
        "from careful_assets.expectations.contract import Contract\n"
        "c = Contract(pathlib.Path('../suite/expectations.json'))\n"
        "c.check(pl.DataFrame({'place': [1, 2], 'x': [1, 99]})); assert not c.findings()['passed'].any()"
    )
    folder = tmp_path / "empty"
    folder.mkdir()
    home = {"HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=home, capture_output=True, text=True, check=True
    )
    said = [
        line for line in done.stderr.splitlines() if "great_expectations" in line.lower() or "metrics" in line.lower()
    ]
    assert (done.stdout, said, list(folder.rglob("*"))) == ("", [], [])
