"""Reading real rows: one answer whichever the format, and every fault of a bad CSV file at once, with its line."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import polars as pl
import pytest

from careful_assets.anchors.sources.opening import open_source
from careful_assets.card.anchors import Columns, FileSource
from careful_assets.errors import MalformedInput
from careful_assets_tests.anchors.sources import (
    COLUMNS,
    LABELS,
    ROWS,
    WANTED,
    anchors_of,
    as_jsonl,
    as_parquet,
    faults_of,
    plain,
    read,
    said,
    source,
)
from careful_assets_tests.cli.projects import as_csv

HEAD = b"id,review,text,label\n"
GOOD = b"r1,g1,it broke,bad\nr2,g1,it works,fair\nr3,g2,it shines,good\n"
WRITERS = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}


@pytest.mark.parametrize("kind", WRITERS)
def test_formats_give_the_same_anchors(tmp_path: Path, kind: str) -> None:
    """CSV, JSONL and Parquet of the same rows give the same anchors, quotes, line breaks and symbols included."""
    assert plain(read(tmp_path, kind, WRITERS[kind](ROWS))) == WANTED


@pytest.mark.parametrize("kind", WRITERS)
def test_every_row_comes_once_in_order_whatever_the_batches(tmp_path: Path, kind: str) -> None:
    """120,000 rows come in batches of at most 50,000, none lost, none twice, each with its own line."""
    rows = [{"id": f"k{n}", "review": "g", "text": f"text {n}", "label": LABELS[n % 3]} for n in range(120_000)]
    data = WRITERS[kind](rows)
    declared = source(kind, data)
    (tmp_path / declared.path).write_bytes(data)
    batches = list(open_source(declared, tmp_path, tmp_path).batches(["id", "text"]))
    whole = pl.concat(batches)
    assert max(batch.height for batch in batches) <= 50_000
    assert whole.columns == ["place", "id", "text"]
    assert whole["place"].to_list() == [n + (2 if kind == "csv" else 1) for n in range(120_000)]
    assert whole["text"].to_list() == [row["text"] for row in rows]


@pytest.mark.parametrize("kind", WRITERS)
def test_long_rows_come_in_smaller_batches(tmp_path: Path, kind: str) -> None:
    """Where rows are long a batch holds fewer: of 48 MB of text no more than 33 are in memory at once."""
    rows = [{**ROWS[n % 9], "id": f"k{n}", "text": random.Random(n).randbytes(40_000).hex()} for n in range(600)]
    data = WRITERS[kind](rows)
    declared = source(kind, data)
    (tmp_path / declared.path).write_bytes(data)
    sizes = [batch.estimated_size() for batch in open_source(declared, tmp_path, tmp_path).batches(["text"])]
    assert max(sizes) < 33_000_000
    assert sum(sizes) >= 48_000_000


def test_attributes_are_columns_of_their_own(tmp_path: Path) -> None:
    """Attributes come under their names, absent ones as null; a column may be key and attribute at once."""
    columns = Columns(text="text", label="label", attributes=["id", "review"])
    rows = [{**row, "review": "" if row["id"] == "r0" else row["review"]} for row in ROWS]
    found = read(tmp_path, "csv", as_csv(rows), columns)
    assert found["attribute:id"].to_list() == [row["id"] for row in ROWS]
    assert found["attribute:review"].to_list()[:3] == [None, "g0", "g0"]
    assert found["key"].null_count() == found["group"].null_count() == found["votes"].null_count() == 9


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + HEAD + GOOD,
        (HEAD + GOOD).replace(b"\n", b"\r\n"),
        (HEAD + GOOD).replace(b"\n", b"\r"),
        HEAD + b"\n" + GOOD + b"\n\n",
        b'"id","review","text","label"\n' + GOOD,
    ],
    ids=["byte-order mark", "CRLF", "CR", "blank lines", "quoted header"],
)
def test_ways_of_writing_csv_do_not_matter(tmp_path: Path, data: bytes) -> None:
    """A byte-order mark, line ends of another system, blank lines and needless quotes change nothing."""
    assert plain(read(tmp_path, "csv", data)) == plain(read(tmp_path, "csv", HEAD + GOOD))


def test_a_missing_file_and_a_wrong_digest_are_told(tmp_path: Path) -> None:
    """A file that is not there, or is another one than the card's, is refused with what to put into the card."""
    with pytest.raises(MalformedInput, match=r"a\.csv: there is no such file; mend anchors\.source\.path"):
        anchors_of(source("csv", b""), tmp_path)
    (tmp_path / "a.csv").write_bytes(HEAD + GOOD)
    wrong = FileSource(kind="csv", path="a.csv", sha256="0" * 64, columns=Columns(text="none", label="none"))
    with pytest.raises(MalformedInput, match=hashlib.sha256(HEAD + GOOD).hexdigest()) as caught:
        anchors_of(wrong, tmp_path)
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, kind: str) -> None:
    """Rows of a file that was written to, or removed, between its digest and its last row are not believed."""
    data = WRITERS[kind](ROWS)
    declared = source(kind, data)
    path = tmp_path / declared.path
    for change in (lambda: os.utime(path, ns=(1, 1)), path.unlink):
        path.write_bytes(data)
        batches = open_source(declared, tmp_path, tmp_path).batches(["text"])
        next(batches)
        change()
        with pytest.raises(MalformedInput, match="was changed while it was read"):
            list(batches)


CSV_FAULTS = {
    "an unclosed quote": (HEAD + GOOD + b'r4,g2,"no end,bad\nr5,g2,x,bad\n', 5, "is no CSV row"),
    "text after a quote": (HEAD + GOOD + b'r4,g2,"a"b,bad\n', 5, "is no CSV row"),
    "a short row": (HEAD + GOOD + b"r4,g2,text\n", 5, "has 3 cells, the header 4"),
    "a long row": (HEAD + GOOD + b"r4,g2,text,bad,more\n", 5, "has 5 cells, the header 4"),
    "a repeated header": (b"id,review,text,label,text\n", 1, "the header repeats text"),
    "a missing column": (b"id,review,body,label\n", 1, "there is no column 'text'; the columns are id, review, body"),
    "a column but for case": (b"id,review,Text ,label\n", 1, "no column 'text'; 'Text ' differs in case or space only"),
    "semicolons": (b"id;review;text;label\n", 1, "the header is separated by ';'"),
    "an empty file": (b"", 1, "there is no column"),
    "a header alone": (HEAD, None, "holds no rows"),
    "a line in Latin-1": (HEAD + GOOD + b"r4,g2,caf\xe9,bad\n", 5, "0xE9 is not UTF-8 (in Windows-1252 it would be 'é"),
    "UTF-16": ("id,text\n".encode("utf-16"), 1, "not UTF-8 but UTF-16"),
    "UTF-16 without a mark": ("id,text\n".encode("utf-16-be") * 9, 1, "not UTF-8 but UTF-16"),
    "UTF-32": ("id,text\n".encode("utf-32"), 1, "not UTF-8 but UTF-32"),
    "a NUL": (HEAD + GOOD + b"r4,g2,a\0b,bad\n", 5, "NUL"),
    "an empty text": (HEAD + GOOD + b"r4,g2,  ,bad\n", 5, "text: is empty"),
    "an invisible text": (HEAD + GOOD + "r4,g2,\u200b\u00a0\x1c,bad\n".encode(), 5, "text: is empty"),
    "an unknown label": (HEAD + GOOD + b"r4,g2,x,ugly\n", 5, "is 'ugly'; the card names bad, fair, good"),
    "a label but for case": (HEAD + GOOD + b"r4,g2,x,BAD \n", 5, "is 'BAD ', the card's 'bad' but for case or space"),
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


def test_all_lines_of_another_encoding_are_named(tmp_path: Path) -> None:
    """Of a file in two encodings each foreign line is named, and the rest of the file is still judged."""
    data = HEAD + GOOD + b"r4,g2,\x93so\x94,bad\n" + "r5,g2,é,bad\n".encode() + b"r6,g2,\x81,bad\nr7,g2,x,ugly\n"
    assert [(line, words.split("(")[-1].split(")")[0]) for line, words in said(tmp_path, "csv", data)[:2]] == [
        (5, "in Windows-1252 it would be '“'"),
        (7, "it is nothing in Windows-1252 either"),
    ]
    assert [line for line, _ in said(tmp_path, "csv", data)] == [5, 7, 8]


def test_all_faults_of_a_file_come_at_once(tmp_path: Path) -> None:
    """A file with faults of several kinds has them all reported, by line, in one go."""
    data = HEAD + GOOD + b'r4,g2,x,ugly\nr5,g2\nr6,g2,"a"b,bad\nr7,g2,,worse\n'
    lines = [line for line, _ in said(tmp_path, "csv", data)]
    assert lines == [5, 6, 7, 8, 8]


def test_many_faults_are_counted(tmp_path: Path) -> None:
    """Of more than fifty faults the first fifty are shown, and the number of the rest."""
    data = HEAD + GOOD + b"".join(b"x%d,g,t,ugly\n" % number for number in range(130))
    faults = faults_of(tmp_path, "csv", data)
    assert [fault.line for fault in faults[:50]] == list(range(5, 55))
    assert [str(fault) for fault in faults[50:]] == ["a.csv: and 80 more"]


def test_a_common_fault_does_not_hide_a_rare_one(tmp_path: Path) -> None:
    """One empty text among a hundred thousand unknown labels is shown, and all are counted."""
    data = HEAD + GOOD + b"".join(b"x%d,g,t,ugly\n" % number for number in range(100_000)) + b"y,g,,bad\n"
    faults = faults_of(tmp_path, "csv", data)
    assert len(faults) == 51
    assert str(faults[49]) == "a.csv:100005: text: is empty; remove the row"
    assert str(faults[50]) == "a.csv: and 99,951 more"


@pytest.mark.parametrize("role", ["text", "label", "key"])
def test_a_column_that_is_empty_throughout_is_one_fault(tmp_path: Path, role: str) -> None:
    """A column without a value in any row is told once, not row by row."""
    name = {"key": "id"}.get(role, role)
    ((line, text),) = said(tmp_path, "csv", as_csv([{**row, name: ""} for row in ROWS]))
    assert line is None
    assert f"{role}: is missing in every one of the 9 rows" in text


@pytest.mark.parametrize("kind", WRITERS)
def test_a_huge_cell_is_one_fault(tmp_path: Path, kind: str) -> None:
    """A cell of ten million characters is named by its row, without being repeated in the message."""
    rows = [*ROWS, {"id": "big", "review": "g9", "text": "x" * 10**7, "label": "bad"}]
    ((line, text),) = said(tmp_path, kind, WRITERS[kind](rows))
    assert line == {"csv": 12, "jsonl": 10, "parquet": 10}[kind]  # one text of ROWS has two lines
    assert "10,000,000 characters" in text
    assert len(text) < 500


def test_an_unclosed_quote_does_not_swallow_a_large_file(tmp_path: Path) -> None:
    """A quote that nobody closes ends the reading at twenty million characters, at the line where it stands."""
    data = HEAD + GOOD + b'r4,g2,"open,bad\n' + b"r5,g2,xxxxxxxxxxxxxxxxxxxxxxxxxxxxx,bad\n" * 600_000
    ((line, text),) = said(tmp_path, "csv", data)
    assert line == 5
    assert "is a quote not closed?" in text


def test_texts_stay_out_of_faults(tmp_path: Path) -> None:
    """No fault about a text repeats it."""
    long = b"secret " * 20_000
    data = HEAD + GOOD + b"r4,g2," + long + b",bad\nr5,g2,secret\0,bad\nr6,g2,secret \xe9,bad\n"
    assert not any("secret" in text for _, text in said(tmp_path, "csv", data))


def test_a_reserved_name_is_refused(tmp_path: Path) -> None:
    """A column called `place`, which batches use for the row's number, cannot be one of the card's."""
    columns = Columns(text="text", label="label", group="place")
    ((_, text),) = said(tmp_path, "csv", as_csv([{**row, "place": "x"} for row in ROWS]), columns)
    assert "rename the source's column" in text


def test_columns_are_the_sources_own(tmp_path: Path) -> None:
    """A reading names all columns of its source, in order, with the card's mapping beside them."""
    for kind, write in WRITERS.items():
        data = write(ROWS)
        (tmp_path / f"a.{kind}").write_bytes(data)
        reading = open_source(source(kind, data), tmp_path, tmp_path)
        assert (reading.columns, reading.mapping) == (["id", "review", "text", "label"], COLUMNS)
        assert reading.digest == hashlib.sha256(data).hexdigest()
