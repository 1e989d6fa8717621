"""Reading JSONL and Parquet: values have types there, and what is no text, or not one kind, is told."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.values import TypedColumns
from careful_assets_tests.anchors.sources import COLUMNS, ROWS, as_jsonl, as_parquet, faults_of, plain, read, said
from careful_assets_tests.cli.projects import as_csv

JSONL_FAULTS = {
    "no JSON": (b'{"id": "r99",\n', "is no JSON"),
    "an array": (b'["r99", "g2", "x", "bad"]\n', "is a JSON list, not an object"),
    "a number": (b"4\n", "is a JSON int, not an object"),
    "null": (b"null\n", "is a JSON NoneType, not an object"),
    "a repeated key": (b'{"id": "r99", "review": "g2", "text": "x", "label": "bad", "text": "y"}\n', "repeats a key"),
    "a missing field": (b'{"id": "r99", "review": "g2", "text": "x"}\n', "lacks label"),
    "a null text": (b'{"id": "r99", "review": "g2", "text": null, "label": "bad"}\n', "text: is empty"),
    "a NaN label": (b'{"id": "r99", "review": "g2", "text": "x", "label": NaN}\n', "label: is"),
    "a NUL": (b'{"id": "r99", "review": "g2", "text": "a\\u0000b", "label": "bad"}\n', "NUL"),
    "a lone surrogate": (b'{"id": "r99", "review": "g2", "text": "a\\ud800b", "label": "bad"}\n', "surrogate"),
    "deep nesting": (b"[" * 200_000 + b"\n", "is no JSON"),
    "a list as text": (b'{"id": "r99", "review": "g2", "text": ["x"], "label": "bad"}\n', "text: is a list"),
    "an object as text": (b'{"id": "r99", "review": "g2", "text": {"x": 1}, "label": "bad"}\n', "text: is a dict"),
    "a number as text": (b'{"id": "r99", "review": "g2", "text": 5, "label": "bad"}\n', "text: is a whole number"),
    "a truth value as text": (b'{"id": "r99", "review": "g2", "text": true, "label": "bad"}\n', "text: is a true or"),
    "a list as group": (b'{"id": "r99", "review": ["g2"], "text": "x", "label": "bad"}\n', "group: is a list"),
    "a number among text keys": (b'{"id": 5, "review": "g2", "text": "x", "label": "bad"}\n', "a text in row 1"),
    "not UTF-8": (b'{"id": "r99", "review": "g2", "text": "caf\xe9", "label": "bad"}\n', "0xE9 is not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("case", JSONL_FAULTS)
def test_jsonl_faults_are_told_with_their_line(tmp_path: Path, case: str) -> None:
    """Each way a JSONL line can be wrong is told in words, with the line; the other lines are read."""
    wrong, words = JSONL_FAULTS[case]
    ((line, text),) = said(tmp_path, "jsonl", as_jsonl(ROWS) + wrong)
    assert (line, words in text) == (10, True), text


def test_an_empty_jsonl_file_holds_no_rows(tmp_path: Path) -> None:
    """A JSONL file without a line, or with blank ones alone, is refused."""
    for data in (b"", b"\n \n"):
        assert "holds no rows" in said(tmp_path, "jsonl", data)[0][1]


def test_jsonl_without_the_label_column_is_one_fault(tmp_path: Path) -> None:
    """A column that no line has is told once, with the columns that are there."""
    ((_, text),) = said(tmp_path, "jsonl", as_jsonl({"id": row["id"], "text": row["text"]} for row in ROWS[:5] * 20)[:0]
        + as_jsonl({"id": row["id"], "review": "g", "text": row["text"]} for row in ROWS))  # fmt: skip
    assert "columns.label: there is no column 'label'; the columns are id, review, text" in text


@pytest.mark.parametrize(("kind", "write"), [("jsonl", as_jsonl), ("parquet", as_parquet)])
def test_numbers_become_their_decimal_text(tmp_path: Path, kind: str, write: Any) -> None:
    """Whole numbers are keys and groups as they are written, beyond 53 bits too."""
    rows = [{**row, "id": 2**62 + n, "review": n // 2} for n, row in enumerate(ROWS)]
    assert [(row[2], row[3]) for row in plain(read(tmp_path, kind, write(rows)))] == [
        (str(2**62 + n), str(n // 2)) for n in range(9)
    ]


def test_whole_numbers_of_any_size_are_keys(tmp_path: Path) -> None:
    """A JSON number beyond 64 bits keeps all of its digits."""
    rows = [{**row, "id": 10**30 + n} for n, row in enumerate(ROWS)]
    assert [row[2] for row in plain(read(tmp_path, "jsonl", as_jsonl(rows)))] == [str(10**30 + n) for n in range(9)]


def test_a_column_of_mixed_kinds_is_told_once_with_both_places(tmp_path: Path) -> None:
    """5 and "5" in one key column are refused where the second kind begins, batches later too."""
    rows = [{**ROWS[n % 9], "id": n} for n in range(60_000)]
    rows[55_555]["id"] = rows[55_556]["id"] = "5"
    ((line, text),) = said(tmp_path, "jsonl", as_jsonl(rows))
    assert line == 55_556
    assert "'id' holds a text here, but a whole number in row 1" in text


cells = st.one_of(st.none(), st.text(max_size=3), st.integers(-5, 5), st.floats(allow_nan=False), st.booleans())


@settings(deadline=None, max_examples=60)
@given(st.lists(cells, max_size=30), st.integers(1, 30))
def test_batches_do_not_change_what_is_found(values: list[Any], size: int) -> None:
    """A key column is read to the same texts and faults however it is cut into batches."""

    def taken(step: int) -> tuple[list[Any], list[str]]:
        faults = FaultList("s")
        typed = TypedColumns(["id"], COLUMNS, faults)
        kept: list[Any] = []
        for at in range(0, len(values), step):
            part = values[at : at + step]
            frame = typed.frame(list(range(at + 1, at + 1 + len(part))), [[value] for value in part])
            kept += zip(frame["place"], frame["id"].cast(pl.String), strict=True)
        return kept, [str(fault) for fault in faults.faults]

    assert taken(size) == taken(100)


@settings(deadline=None, max_examples=60)
@given(st.lists(cells, min_size=1, max_size=20))
def test_a_column_is_read_whole_exactly_if_it_is_of_one_kind(values: list[Any]) -> None:
    """No value of one kind is lost; two kinds always give a fault."""
    faults = FaultList("s")
    frame = TypedColumns(["id"], COLUMNS, faults).frame(list(range(len(values))), [[value] for value in values])
    kinds = {type(value) for value in values if value is not None}
    assert bool(faults.faults) == (len(kinds) > 1)
    if len(kinds) <= 1:
        assert frame["id"].to_list() == values


def test_other_columns_may_hold_anything(tmp_path: Path) -> None:
    """A column that the card does not name may mix kinds, miss values or hold lists: it is given, not judged."""
    other = [1, 2.5, None, 4, 5, 6, 7, 8, 9]
    mixed = [1, "x", None, [1], {"a": 1}, True, 2.5, "y", 0]
    rows = [{**row, "other": other[n], "mixed": mixed[n]} for n, row in enumerate(ROWS)]
    found = read(tmp_path, "jsonl", as_jsonl(rows), extra=["other", "mixed"])
    assert found["raw:other"].to_list() == other
    assert found["raw:mixed"].to_list() == ["1", "x", None, "[1]", '{"a": 1}', "true", "2.5", "y", "0"]


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"PAR1" + b"\xff" * 400 + b"PAR1", as_parquet(ROWS)[:-40], as_csv(ROWS)]
)
def test_what_is_no_parquet_is_told(tmp_path: Path, data: bytes) -> None:
    """Garbage, truncated files and files of another format are refused in words."""
    assert "is no Parquet file" in said(tmp_path, "parquet", data)[0][1]


def test_damaged_parquet_pages_are_told(tmp_path: Path) -> None:
    """A Parquet file whose pages are damaged, or whose texts are not UTF-8, is refused, not read as something else."""
    data = bytearray(as_parquet([{**ROWS[n % 9], "id": f"{n}-{random.Random(n).random()}"} for n in range(5000)]))
    data[200:1200] = b"\xff" * 1000
    assert any(words in said(tmp_path, "parquet", bytes(data))[0][1] for words in ("damaged", "not what the column's"))


def test_rows_without_a_group_stand_alone(tmp_path: Path) -> None:
    """A missing or blank group, or one that is NaN, makes no group of all rows that lack one."""
    rows = [{**row, "review": value} for row, value in zip(ROWS, [None, 1.5, float("nan")] * 3, strict=True)]
    assert read(tmp_path, "parquet", as_parquet(rows))["group"].to_list() == [None, "1.5", None] * 3
    rows = [{**row, "review": value} for row, value in zip(ROWS, [None, "g", " "] * 3, strict=True)]
    assert read(tmp_path, "jsonl", as_jsonl(rows))["group"].to_list() == [None, "g", None] * 3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["x"], "holds lists"),
        ({"x": 1}, "holds objects"),
        (b"x", "holds binary values"),
        (1, "holds numbers"),
        (date(2020, 1, 1), "holds dates"),
        (True, "holds truth values"),
    ],
)
def test_parquet_columns_that_are_no_texts_are_told_once(tmp_path: Path, value: object, words: str) -> None:
    """A text column of another type is refused by its type, once and not row by row."""
    found = said(tmp_path, "parquet", as_parquet([{**row, "text": value} for row in ROWS]))
    assert any(line is None and f"text: the column 'text' {words}" in text for line, text in found)
    assert len(found) <= 2


@pytest.mark.parametrize("value", [["x"], b"x"])
def test_groups_must_be_values(tmp_path: Path, value: object) -> None:
    """A group column of lists or bytes is refused."""
    found = said(tmp_path, "parquet", as_parquet([{**row, "review": value} for row in ROWS]))
    assert len(found) == 1
    assert "group: the column 'review' holds" in found[0][1]


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (pl.Series([date(2020, 1, 31)] * 9), "2020-01-31"),
        (pl.Series([datetime(2020, 1, 31, 5, tzinfo=UTC)] * 9), "2020-01-31T05:00:00.000000+00:00"),
        (pl.Series(["g"] * 9, dtype=pl.Categorical), "g"),
        (pl.Series([Decimal("1.50")] * 9), "1.50"),
        (pl.Series([False] * 9), "false"),
    ],
    ids=["dates", "times", "categories", "decimals", "truth values"],
)
def test_parquet_values_have_one_spelling_as_text(tmp_path: Path, values: pl.Series, written: str) -> None:
    """Dates and times become ISO 8601, categories their names, decimals and truth values what they say."""
    path = tmp_path / "other.parquet"
    pl.DataFrame(ROWS).with_columns(values.alias("review")).write_parquet(path)
    assert read(tmp_path, "parquet", path.read_bytes())["group"].to_list() == [written] * 9


def test_parquet_texts_of_any_arrow_type_are_texts(tmp_path: Path) -> None:
    """String, large string and dictionary columns hold the same texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    plainly = pl.DataFrame(ROWS).to_arrow()
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        pq.write_table(pa.table({name: plainly[name].cast(pa.string()).cast(kind) for name in plainly.column_names}),
                       tmp_path / "typed.parquet")  # fmt: skip
        found = read(tmp_path, "parquet", (tmp_path / "typed.parquet").read_bytes())
        assert found["text"].to_list() == [row["text"] for row in ROWS]


def test_parquet_values_that_are_no_text_are_told(tmp_path: Path) -> None:
    """Missing texts and labels that are NaN are faults of their row."""
    rows = [{**row, "label": float("nan")} for row in ROWS[:1]]
    assert "label" in said(tmp_path, "parquet", as_parquet(rows))[0][1]
    found = said(tmp_path, "parquet", as_parquet([*ROWS, {**ROWS[0], "id": "n", "text": None}]))
    assert [(line, "text: is empty" in text) for line, text in found] == [(10, True)]


def test_columns_with_odd_names_are_read(tmp_path: Path) -> None:
    """Dots, quotes and spaces in a column's name are part of it, in every format."""
    name = 'a."b" c'
    rows = [{name if key == "review" else key: value for key, value in row.items()} for row in ROWS]
    columns = COLUMNS.model_copy(update={"group": name})
    for kind, data in (("csv", as_csv(rows)), ("jsonl", as_jsonl(rows)), ("parquet", as_parquet(rows))):
        assert read(tmp_path, kind, data, columns)["group"].to_list() == [row["review"] for row in ROWS]


def test_values_are_quoted_only_as_labels(tmp_path: Path) -> None:
    """No fault of a JSONL line repeats its text or key."""
    secret = {"id": "secret", "review": "g", "text": "secret\0", "label": "bad"}
    data = as_jsonl(ROWS) + json.dumps({**secret, "text": ["secret"]}).encode() + b"\n" + as_jsonl([secret])
    assert not any("secret" in str(fault) for fault in faults_of(tmp_path, "jsonl", data + b'{"text": "secret\n'))
