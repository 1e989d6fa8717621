"""Own gates on a card: named once, by one kind, with files that travel along and are covered by the digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from careful_assets.card.reader import LoadedCard, read_card
from careful_assets.catalogue import load_dataset
from careful_assets.errors import Fault, MalformedInput
from careful_assets_tests.card.cards import line_of, swapped, write_card

QUERY = "select row_id, 'bad' as reason, 1 as score from candidates where text like '%;%';\n"


def with_gates(*entries: str) -> str:
    listed = "".join(f"    - {{{entry}}}\n" for entry in entries)
    return swapped(("filtering:\n", f"filtering:\n  own_gates:\n{listed}"))


def read(folder: Path, card: str, known_gates: tuple[str, ...] = (), **files: str) -> LoadedCard:
    path = write_card(folder, card)
    (path.parent / "gates").mkdir(exist_ok=True)
    for name, content in files.items():
        (path.parent / "gates" / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return read_card(path, known_gates=known_gates)


def only_fault(folder: Path, card: str, **files: str) -> Fault:
    with pytest.raises(MalformedInput) as caught:
        read(folder, card, ("format", "profanity"), **files)
    (fault,) = caught.value.faults
    return fault


def test_own_gates_come_after_the_profile_s(tmp_path: Path) -> None:
    """In the card's order, with their thresholds; files come with their bytes."""
    card = with_gates(
        "name: policy, sql: gates/policy.sql",
        "name: suite, expectations: gates/suite.json",
        'name: mine, python: "my_package.gates:MyGate", threshold: 0.5, timeout_s: 20',
    )
    loaded = read(tmp_path, card, policy__sql=QUERY, suite__json="{}")
    assert [(one.gate, one.threshold) for one in loaded.profile.gates[-3:]] == [
        ("policy", None), ("suite", None), ("mine", 0.5),
    ]  # fmt: skip
    policy, suite, mine = loaded.own_gates
    assert (policy.path, policy.content) == (loaded.folder / "gates" / "policy.sql", QUERY.encode())
    assert (suite.content, mine.path, mine.sha256) == (b"{}", None, None)
    assert (policy.declared.seconds, mine.declared.seconds) == (300, 20)


def test_the_digest_covers_the_files(tmp_path: Path) -> None:
    """Another byte in a gate's file makes another card."""
    card = with_gates("name: policy, sql: gates/policy.sql")
    digests = [
        read(tmp_path / folder, card, policy__sql=query).digest
        for folder, query in (("a", QUERY), ("b", QUERY + " "), ("c", QUERY))
    ]
    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("name: policy", "needs one of sql, expectations, python.* has none"),
        ('name: policy, sql: gates/policy.sql, python: "a:b"', "has sql and python; name one"),
        ("name: policy, sql: gates/policy.sql, threshold: 1", "goes with `python` alone"),
        ("name: policy, expectations: gates/suite.json, timeout_s: 9", "goes with `sql` and `python`"),
        ("name: policy, sql: gates/policy.sql, timeout_s: 0", "must be at least 1"),
        ("name: policy, python: my_package.gates.MyGate", "such as my_package.gates:MyGate"),
        ("name: policy, sql: gates/nobody.sql", "there is no file"),
        ("name: policy, sql: ../policy.sql", "leads out of the card's folder"),
        ("name: Policy, sql: gates/policy.sql", "lower-case"),
        ("name: format, sql: gates/policy.sql", "'format' is a gate of the platform"),
        ("name: profanity, sql: gates/policy.sql", "'profanity' is a gate of the platform"),
        ("name: policy, sql: gates/policy.sql, exec: rm", "unknown key"),
    ],
)
def test_an_entry_that_makes_no_gate_is_one_fault(tmp_path: Path, entry: str, told: str) -> None:
    """At its line in the card."""
    card = with_gates(entry)
    fault = only_fault(tmp_path, card, policy__sql=QUERY, suite__json="{}")
    assert fault.line == line_of(f"- {{{entry}", card)
    assert fault.key.startswith("filtering.own_gates[0]")
    with pytest.raises(MalformedInput, match=told):
        raise MalformedInput("", [fault])


def test_a_name_comes_once(tmp_path: Path) -> None:
    """Two gates of one name could not be told apart among the decisions."""
    card = with_gates("name: policy, sql: gates/policy.sql", 'name: policy, python: "a:b"')
    assert "a second time" in only_fault(tmp_path, card, policy__sql=QUERY).message


@pytest.mark.parametrize(
    ("query", "line", "told"),
    [
        ("select 1;\ndrop table candidates", None, "holds 2 statements"),
        ("-- nothing", None, "holds 0 statements"),
        ("attach 'other.duckdb'", None, "kind ATTACH"),
        ("copy candidates to 'out.csv'", None, "kind COPY"),
        ("install httpfs", None, "kind LOAD"),
        ("set memory_limit = '1TB'", None, "kind SET"),
        ("create table t as select 1", None, "kind CREATE"),
        ("select row_id\nform candidates", 2, "is no SQL that DuckDB reads"),
        (" \n", None, "is empty"),
    ],
)
def test_a_file_that_is_not_one_query_is_a_fault_of_the_file(
    tmp_path: Path, query: str, line: int | None, told: str
) -> None:
    """Told with the file, and its line where DuckDB knows one."""
    fault = only_fault(tmp_path, with_gates("name: policy, sql: gates/policy.sql"), policy__sql=query)
    assert fault.file.endswith("gates/policy.sql")
    assert fault.line == line
    assert told in fault.message


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select row_id, 'bad' as reason, random() as score from candidates", "random()"),
        ("select row_id, 'bad' as reason, 1 as score from candidates where now() > '2026-01-01'", "now()"),
        (
            "select row_id, 'bad' as reason, 1 as score from candidates where Current_Date > '2026-01-01'",
            "current_date",
        ),
        ("with c as (from candidates order by UUID()) select row_id, 'bad' as reason, 1 as score from c", "uuid()"),
        (
            "select row_id, 'bad' as reason, list_transform([1], x -> get_current_time()) from candidates",
            "get_current_",
        ),
        ("select row_id, 'bad' as reason, age(timestamp '2020-01-01') as score from candidates", "age()"),
        ("select row_id, 'bad' as reason, 1 as score from candidates using sample 5", "a sample"),
    ],
)
def test_a_query_that_may_answer_otherwise_is_a_fault(tmp_path: Path, query: str, told: str) -> None:
    """What hangs on chance or on the clock is named, wherever it stands in the query."""
    fault = only_fault(tmp_path, with_gates("name: policy, sql: gates/policy.sql"), policy__sql=query)
    assert f"uses {told}" in fault.message
    assert "may differ on the same rows" in fault.message


def test_a_query_that_speaks_of_chance_in_words_is_none(tmp_path: Path) -> None:
    """Texts, other columns of a name and functions of fixed values are no chance."""
    query = "select row_id, 'random' as reason, age(x, x) as now from (select row_id, timestamp '2020-01-01' as x)"
    loaded = read(tmp_path, with_gates("name: policy, sql: gates/policy.sql"), policy__sql=query)
    assert [gate.content for gate in loaded.own_gates] == [query.encode()]


def test_an_expectation_that_does_not_exist_is_a_fault_of_the_suite(tmp_path: Path) -> None:
    """With the suite's file and line, before anything is run; one that exists is none."""
    suite = """{"expectations": [
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "text"}},
        {"type": "expect_column_value_lenghts_to_be_between", "kwargs": {"column": "text"}}
    ]}"""
    fault = only_fault(tmp_path, with_gates("name: suite, expectations: gates/suite.json"), suite__json=suite)
    assert fault.file.endswith("gates/suite.json")
    assert (fault.line, fault.key) == (3, "expectations[2].type")
    assert "'expect_column_value_lenghts_to_be_between', which Great Expectations does not know" in fault.message


def test_a_suite_that_is_no_json_is_a_fault_of_the_file(tmp_path: Path) -> None:
    """At the line where reading ends."""
    fault = only_fault(tmp_path, with_gates("name: suite, expectations: gates/suite.json"), suite__json='{\n"a" 1}')
    assert (fault.line, fault.message) == (2, "is no JSON that can be read")


@pytest.mark.parametrize(
    ("gate", "threshold", "told"),
    [
        ("near_duplicate", "5", r"from 0\.1 to 1 \(Jaccard .*at most 3 decimals\); 5 is set"),
        ("near_duplicate", "0.70049", "0.70049 is set"),
        ("novelty", "0.7004", "0.7004 is set"),
        ("language", "3", "from 500 to 1000"),
    ],
)
def test_an_override_out_of_its_gates_range_is_a_fault_of_the_card(
    tmp_path: Path, gate: str, threshold: str, told: str
) -> None:
    """At its line, before anything is run."""
    override = f"{{gate: {gate}, threshold: {threshold}, reason: A test.}}"
    card = swapped(("filtering:\n  overrides:\n", f"filtering:\n  overrides:\n    - {override}\n"))
    path = write_card(tmp_path, card)
    with pytest.raises(MalformedInput, match=told) as caught:
        load_dataset(path)
    (fault,) = caught.value.faults
    assert (fault.line, fault.key) == (line_of(f"- {override}", card), "filtering.overrides[0].threshold")
