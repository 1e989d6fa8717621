"""Reading real rows: one answer whichever the format, and every fault of a bad file at once, with its place."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from careful_assets.anchors.sources.files import read_file
from careful_assets.anchors.sources.raw import RawAnchor, checked
from careful_assets.anchors.sources.sql import read_sql
from careful_assets.anchors.sources.vader_reviews import label_of, read_vader_reviews
from careful_assets.card.anchors import Columns, FileSource, SqlSource, VaderReviews
from careful_assets.catalogue import load_dataset
from careful_assets.errors import MalformedInput, StageFailed
from careful_assets.provenance.digests import table_digest
from careful_assets_tests.anchors.sources import (
    COLUMNS,
    LABELS,
    ROWS,
    as_jsonl,
    as_parquet,
    faults_of,
    read,
    source,
)
from careful_assets_tests.cli.projects import as_csv
from careful_assets_tests.life.arrange import PACKAGED

WANTED = [(row["text"], row["label"], row["id"], row["review"]) for row in ROWS]
HEAD = b"id,review,text,label\n"
GOOD = b"r1,g1,it broke,bad\nr2,g1,it works,fair\nr3,g2,it shines,good\n"


def plain(rows: list[RawAnchor]) -> list[tuple[str, str, str | None, str | None]]:
    return [(row.text, row.label, row.key, row.group) for row in rows]


def said(folder: Path, kind: str, data: bytes, columns: Columns = COLUMNS) -> list[tuple[int | None, str]]:
    """Each fault's line and words."""
    faults = faults_of(folder, kind, data, columns)
    assert {fault.file for fault in faults} == {f"a.{kind}"}
    return [(fault.line, str(fault)) for fault in faults]


def database(folder: Path, rows: list[dict[str, str]] = ROWS) -> None:
    with closing(duckdb.connect(str(folder / "a.duckdb"))) as con:
        con.register("given", pl.DataFrame(rows))
        con.execute("create table reviews as select * from given")


def sql_source(query: str = "select * from reviews", rows: list[dict[str, str]] = ROWS) -> SqlSource:
    digest = table_digest(pl.DataFrame(rows).select("id", "review", "text", "label"), frozenset())
    return SqlSource(kind="sql", database="a.duckdb", query=query, sha256=digest, columns=COLUMNS)


def read_database(folder: Path, declared: SqlSource) -> list[RawAnchor]:
    rows, faults, _ = read_sql(declared, folder)
    return checked(rows, LABELS, faults)


@pytest.mark.parametrize(
    ("kind", "data"), [("csv", as_csv(ROWS)), ("jsonl", as_jsonl(ROWS)), ("parquet", as_parquet(ROWS))]
)
def test_formats_give_the_same_anchors(tmp_path: Path, kind: str, data: bytes) -> None:
    """CSV, JSONL and Parquet of the same rows give the same anchors, quotes, line breaks and symbols included."""
    assert plain(read(tmp_path, kind, data)) == WANTED


def test_a_query_gives_the_same_anchors(tmp_path: Path) -> None:
    """A query over a DuckDB file gives the same anchors, whatever order it returns them in."""
    database(tmp_path)
    forward = plain(read_database(tmp_path, sql_source()))
    assert sorted(forward) == sorted(WANTED)
    assert plain(read_database(tmp_path, sql_source("select * from reviews order by id desc"))) == forward


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + HEAD + GOOD,
        (HEAD + GOOD).replace(b"\n", b"\r\n"),
        HEAD + b"\n" + GOOD + b"\n\n",
        b'"id","review","text","label"\n' + GOOD,
    ],
    ids=["byte-order mark", "CRLF", "blank lines", "quoted header"],
)
def test_ways_of_writing_csv_do_not_matter(tmp_path: Path, data: bytes) -> None:
    """A byte-order mark, line ends of another system, blank lines and needless quotes change nothing."""
    assert plain(read(tmp_path, "csv", data)) == plain(read(tmp_path, "csv", HEAD + GOOD))


def test_a_missing_file_and_a_wrong_digest_are_told(tmp_path: Path) -> None:
    """A file that is not there, or is another one than the card's, is refused with what to put into the card."""
    with pytest.raises(MalformedInput, match=r"a\.csv: there is no such file; mend anchors\.source\.path"):
        read_file(source("csv", b""), tmp_path)
    (tmp_path / "a.csv").write_bytes(HEAD + GOOD)
    with pytest.raises(MalformedInput, match=hashlib.sha256(HEAD + GOOD).hexdigest()):
        read_file(FileSource(kind="csv", path="a.csv", sha256="0" * 64, columns=COLUMNS), tmp_path)


CSV_FAULTS = {
    "an unclosed quote": (HEAD + GOOD + b'r4,g2,"no end,bad\nr5,g2,x,bad\n', 5, "is no CSV row"),
    "text after a quote": (HEAD + GOOD + b'r4,g2,"a"b,bad\n', 5, "is no CSV row"),
    "a short row": (HEAD + GOOD + b"r4,g2,text\n", 5, "has 3 cells, the header 4"),
    "a long row": (HEAD + GOOD + b"r4,g2,text,bad,more\n", 5, "has 5 cells, the header 4"),
    "a repeated header": (b"id,review,text,label,text\n", 1, "the header repeats text"),
    "a missing column": (b"id,review,body,label\n", 1, "there is no column 'text'; the columns are id, review, body"),
    "an empty file": (b"", 1, "there is no column"),
    "a header alone": (HEAD, None, "holds no rows"),
    "bytes that are no UTF-8": (HEAD + GOOD + b"r4,g2,caf\xe9,bad\n", 5, "is not UTF-8"),
    "UTF-16": ("id,text\n".encode("utf-16"), 1, "is not UTF-8"),
    "a NUL": (HEAD + GOOD + b"r4,g2,a\0b,bad\n", 5, "NUL"),
    "an empty text": (HEAD + GOOD + b"r4,g2,  ,bad\n", 5, "text: is empty"),
    "an unknown label": (HEAD + GOOD + b"r4,g2,x,ugly\n", 5, "is 'ugly'; the card names bad, fair, good"),
    "no label": (HEAD + GOOD + b"r4,g2,x,\n", 5, "label: is missing"),
    "no key": (HEAD + GOOD + b",g2,x,bad\n", 5, "key: is empty"),
    "a class without rows": (HEAD + b"r1,g1,it broke,bad\nr2,g1,it works,fair\n", None, "no row has the label 'good'"),
    "a row over two lines": (HEAD + b'r0,g1,"two\nlines",bad\n' + GOOD + b"r4,g2,x,ugly\n", 7, "'ugly'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CSV_FAULTS)
def test_csv_faults_are_told_with_their_line(tmp_path: Path, case: str) -> None:
    """Each way a CSV file can be wrong is told in words, with the line where it is."""
    data, line, words = CSV_FAULTS[case]
    assert any(at == line and words in text for at, text in said(tmp_path, "csv", data)), said(tmp_path, "csv", data)


def test_a_repeated_key_names_both_rows(tmp_path: Path) -> None:
    """Two rows of one key are both named."""
    ((line, text),) = said(tmp_path, "csv", HEAD + GOOD + b"r2,g3,again,bad\n")
    assert line == 5
    assert "'r2' stands already in row 3" in text


def test_all_faults_of_a_file_come_at_once(tmp_path: Path) -> None:
    """A file with faults of several kinds has them all reported, by line, in one go."""
    data = HEAD + GOOD + b"r4,g2,x,ugly\nr5,g2\nr1,g2,,bad\n"
    lines = [line for line, _ in said(tmp_path, "csv", data)]
    assert lines == [5, 6, 7, 7]


def test_many_faults_are_counted(tmp_path: Path) -> None:
    """Of more than fifty faults the first fifty are shown, and the number of the rest."""
    data = HEAD + GOOD + b"".join(b"x%d,g,t,ugly\n" % number for number in range(130))
    faults = faults_of(tmp_path, "csv", data)
    assert [fault.line for fault in faults[:50]] == list(range(5, 55))
    assert [str(fault) for fault in faults[50:]] == ["a.csv: and 80 more"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_huge_cell_is_one_fault(tmp_path: Path, kind: str) -> None:
    """A cell of ten million characters is named by its row, without being repeated in the message."""
    rows = [*ROWS, {"id": "big", "review": "g9", "text": "x" * 10**7, "label": "bad"}]
    data = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}[kind](rows)
    ((line, text),) = said(tmp_path, kind, data)
    assert line == {"csv": 12, "jsonl": 10, "parquet": 10}[kind]  # one text of ROWS has two lines
    assert "10,000,000 characters" in text
    assert len(text) < 500


JSONL_FAULTS = {
    "no JSON": (b'{"id": "r99",\n', "is no JSON"),
    "an array": (b'["r99", "g2", "x", "bad"]\n', "is a JSON list, not an object"),
    "a number": (b"4\n", "is a JSON int, not an object"),
    "null": (b"null\n", "is a JSON NoneType, not an object"),
    "a missing field": (b'{"id": "r99", "review": "g2", "text": "x"}\n', "lacks label"),
    "a null text": (b'{"id": "r99", "review": "g2", "text": null, "label": "bad"}\n', "text: is empty"),
    "a NaN label": (b'{"id": "r99", "review": "g2", "text": "x", "label": NaN}\n', "label: is"),
    "a NUL": (b'{"id": "r99", "review": "g2", "text": "a\\u0000b", "label": "bad"}\n', "NUL"),
    "a lone surrogate": (b'{"id": "r99", "review": "g2", "text": "a\\ud800b", "label": "bad"}\n', "surrogate"),
    "deep nesting": (b"[" * 200_000 + b"\n", "is no JSON"),
    "a list as text": (b'{"id": "r99", "review": "g2", "text": ["x"], "label": "bad"}\n', "text: is a list"),
    "an object as text": (b'{"id": "r99", "review": "g2", "text": {"x": 1}, "label": "bad"}\n', "text: is a dict"),
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


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"PAR1" + b"\xff" * 400 + b"PAR1", as_parquet(ROWS)[:-40], HEAD + GOOD]
)
def test_what_is_no_parquet_is_told(tmp_path: Path, data: bytes) -> None:
    """Garbage, truncated files and files of another format are refused in words."""
    assert "is no Parquet file" in said(tmp_path, "parquet", data)[0][1]


def test_rows_without_a_group_stand_alone(tmp_path: Path) -> None:
    """A missing group, or one that is NaN, makes no group of all rows that lack one."""
    rows = [{**row, "review": value} for row, value in zip(ROWS, [None, 1.5, float("nan")] * 3, strict=True)]
    assert [row.group for row in read(tmp_path, "parquet", as_parquet(rows))] == [None, "1.5", None] * 3


def test_parquet_lists_are_no_texts(tmp_path: Path) -> None:
    """A column of lists or structs is refused, row by row."""
    rows = [{**row, "text": [row["text"]]} for row in ROWS]
    assert [line for line, text in said(tmp_path, "parquet", as_parquet(rows)) if "text: is a list" in text] == [
        *range(1, 10)
    ]


def test_parquet_values_that_are_no_text_are_told(tmp_path: Path) -> None:
    """Missing texts and labels that are NaN are faults of their row."""
    rows = [{**row, "label": float("nan")} for row in ROWS[:1]]
    assert "label" in said(tmp_path, "parquet", as_parquet(rows))[0][1]
    assert (
        "text: is empty" in said(tmp_path, "parquet", as_parquet([*ROWS, {**ROWS[0], "id": "n", "text": None}]))[0][1]
    )


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select * from nowhere", "query: fails"),
        ("selekt", "query: fails"),
        ("create table extra as select 1 as a", "query: fails"),
        ("delete from reviews", "query: fails"),
        ("drop table reviews", "query: fails"),
        ("", "query: "),
        ("select id, review, [text] as text, label from reviews", "query: gives a column that is no text"),
        ("select id, review, text from reviews", "there is no column 'label'"),
        ("select * from reviews where label = 'bad'", "the rows' digest is"),
        ("select * from reviews where false", "the rows' digest is"),
    ],
)
def test_queries_that_cannot_be_used_are_told(tmp_path: Path, query: str, words: str) -> None:
    """A query that fails, writes, or gives other rows than the card's digest names is refused; nothing is changed."""
    database(tmp_path)
    before = (tmp_path / "a.duckdb").read_bytes()
    declared = sql_source().model_copy(update={"query": query})
    with pytest.raises(MalformedInput, match=words):
        read_database(tmp_path, declared)
    assert (tmp_path / "a.duckdb").read_bytes() == before


def test_a_query_without_rows_is_told(tmp_path: Path) -> None:
    """A query that returns nothing is refused even where the card's digest is that of nothing."""
    database(tmp_path)
    empty = [dict.fromkeys(("id", "review", "text", "label"), "")]
    digest = table_digest(pl.DataFrame(empty).clear(), frozenset())
    declared = sql_source("select * from reviews where false").model_copy(update={"sha256": digest})
    with pytest.raises(MalformedInput, match="holds no rows"):
        read_database(tmp_path, declared)


def test_databases_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """A database that is missing, or is no DuckDB file, is refused as the input it is."""
    with pytest.raises(MalformedInput, match="there is no such database"):
        read_database(tmp_path, sql_source())
    (tmp_path / "a.duckdb").write_bytes(b"garbage" * 1000)
    with pytest.raises(MalformedInput, match=r"a\.duckdb: .*not a valid DuckDB"):
        read_database(tmp_path, sql_source())


@pytest.fixture(scope="module")
def declared() -> VaderReviews:
    """The demo card's source."""
    found = load_dataset(PACKAGED / "card.yaml").card.anchors.source
    assert isinstance(found, VaderReviews)
    return found


def test_the_demo_source_holds_what_its_card_says(anchor_cache: Path, declared: VaderReviews) -> None:
    """3,708 sentences in 300 reviews with twenty ratings each, and the label counts that the card's comments give."""
    rows, faults, digest = read_vader_reviews(declared, anchor_cache)
    anchors = list(rows)
    assert not faults.faults
    assert digest == declared.sha256
    assert len(anchors) == len({row.key for row in anchors}) == 3708
    assert len({row.group for row in anchors}) == 300
    assert Counter(row.label for row in anchors) == {
        "very_negative": 259, "negative": 959, "neutral": 765, "positive": 990, "very_positive": 735,
    }  # fmt: skip
    assert all(row.votes is not None and len(row.votes) == 20 for row in anchors)
    assert all(-4 <= vote <= 4 for row in anchors for vote in row.votes or ())
    assert not any("\ufeff" in row.text or not row.text.strip() for row in anchors)


def test_ratings_and_labels_agree(anchor_cache: Path, declared: VaderReviews) -> None:
    """Each row's label follows from the mean of its own twenty votes, to the rounding of the source's means."""
    rows, _, _ = read_vader_reviews(declared, anchor_cache)
    for row in rows:
        assert row.votes is not None
        mean = sum(row.votes) / 20
        assert row.label in {label_of(mean - 0.001), label_of(mean), label_of(mean + 0.001)}, row.key


@pytest.mark.parametrize(
    ("mean", "label"),
    [
        (-4, "very_negative"), (-2.01, "very_negative"), (-2, "negative"), (-0.51, "negative"), (-0.5, "neutral"),
        (0, "neutral"), (0.5, "neutral"), (0.51, "positive"), (2, "positive"), (2.01, "very_positive"),
        (4, "very_positive"),
    ],
)  # fmt: skip
def test_labels_are_cut_where_the_card_says(mean: float, label: str) -> None:
    """Very negative lies below -2, negative below -0.5, neutral up to 0.5, positive up to 2, very positive above."""
    assert label_of(mean) == label


def test_another_distribution_is_refused(tmp_path: Path, anchor_cache: Path, declared: VaderReviews) -> None:
    """A digest that no distribution has is told, with requirement and digest; what was fetched is not kept."""
    wrong = declared.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(StageFailed, match=r"could not fetch vaderSentiment==0\.5 with sha256 0{64}") as caught:
        read_vader_reviews(wrong, tmp_path)
    assert "Check the package index" in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_damaged_cache_is_not_believed(tmp_path: Path, anchor_cache: Path, declared: VaderReviews) -> None:
    """A cached distribution is held to its digest each time; a damaged one is fetched again."""
    (kept,) = (anchor_cache / "anchors").glob("*.zip")
    (tmp_path / "anchors").mkdir()
    copy = tmp_path / "anchors" / kept.name
    shutil.copyfile(kept, copy)
    copy.write_bytes(copy.read_bytes()[:-1])
    rows, _, _ = read_vader_reviews(declared, tmp_path)
    assert len(list(rows)) == 3708
    assert copy.read_bytes() == kept.read_bytes()
