"""The wall itself: no sealed text, row id or group leaves the vault, by any door."""

import contextlib
import logging
import sys
import traceback

import duckdb
import polars as pl
import pytest

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.text import near_texts
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault_near import Near
from careful_assets_tests.warehouse.leak_fixtures import Same, asked, scan
from careful_assets_tests.warehouse.vault_fixtures import LABELS, Place, rows

PLANTED = ("zyxplantedtext", "zyxplantedrow", "zyxplantedgroup")
TEXTS = [f"zyxplantedtext number {n} bad" for n in range(12)]

TELL_ALL = """
import sys
rows = sys.stdin.read()
sys.stderr.write(rows)
{then}
"""


def sealed_rows():
    return rows(TEXTS).with_columns(
        row_id=pl.concat_str(pl.lit("zyxplantedrow"), "row_id"),
        group_id=pl.concat_str(pl.lit("zyxplantedgroup"), "group_id"),
    )


@pytest.fixture
def place(tmp_path):
    place = Place.at(tmp_path)
    place.seal(sealed_rows(), {"s": sealed_rows()["row_id"].to_list()})
    return place


def script(tmp_path, then):
    path = tmp_path / "predictor.py"
    path.write_text(TELL_ALL.format(then=then))
    return [sys.executable, "-I", "-S", str(path)]


def said(value):
    """Everything there is to read in an answer: its repr and, of frames, every cell."""
    parts = [repr(value), str(value)]
    for one in (value, *vars(value).values()) if hasattr(value, "__dict__") else (value,):
        if isinstance(one, pl.DataFrame):
            parts.append(one.write_ndjson())
    return "\n".join(parts)


def heard(error):
    """Everything there is to read in an exception: causes, and the values in its traceback's frames of the package."""
    parts = []
    while error is not None:
        parts += [repr(error), str(error), *getattr(error, "__notes__", [])]
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "careful_assets" + "_tests" not in frame.f_code.co_filename:
                parts.append(repr(frame.f_locals.get("rows")) + repr(frame.f_locals.get("ruler")))
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def silent(text):
    assert not [planted for planted in PLANTED if planted in text]


def test_no_answer_holds_a_row(place, tmp_path):
    """No answer of any grant, nor the grants themselves, hold a planted text, row id or group."""
    mine = asked({f"mine{place}": text for place, text in enumerate(TEXTS)})
    telling = Same("telling", fails=ValueError(TEXTS[0]))
    copies = rows([f"{text}s" for text in TEXTS], start=50)
    answers = [
        place.seal(sealed_rows()),
        place.seal(sealed_rows(), shingled=False),
        place.kin(copies, shingled=False),
        place.probe.find_leaks([mine], scan()),
        place.probe.find_leaks([mine], scan(telling)),
        place.probe.sealed_among(sealed_rows()["row_id"].to_list()).drop("id"),
        place.probe.quality(Near(700, near_texts)),
        place.probe.sealed_rows(),
        place.scorer.score({"m": script(tmp_path, "print('complaint\\n' * 12, end='')")}, LABELS),
        place.sealer,
        place.probe,
        place.scorer,
    ]
    assert len(answers[2]) == answers[3].found.height == answers[5].height == answers[6]["rows"].sum() == 12, (
        "the leaks must be found for this test to mean something"
    )
    for answer in answers:
        silent(said(answer))


def test_no_failure_holds_a_row(place, tmp_path, caplog, capfd, monkeypatch):
    """No exception with all that hangs on it, log, console or record of an opening holds one either."""
    caplog.set_level(logging.DEBUG)
    moved = sealed_rows().with_columns(row_id=pl.concat_str(pl.lit("other"), "row_id"))

    def quoting(*arguments):
        raise duckdb.ConstraintException('Duplicate key "row_id: zyxplantedrow-1" violates zyxplantedtext')

    def wrapping(*arguments):
        try:
            quoting()
        except duckdb.Error as error:
            raise StageFailed("a ConstraintException, politely") from error

    def telling(known, asked, file, thousandths):
        raise ValueError([text for batch in known for text in batch])

    monkeypatch.setattr(near_texts, "resembling", telling)
    failures = [
        lambda: place.kin(rows(["a text"], start=50), shingled=False),
        lambda: place.seal(sealed_rows()[:2], open_rows=moved[2:]),
        lambda: place.seal(sealed_rows()[:2], open_rows=sealed_rows()[2:]),
        lambda: place.seal(pl.concat([sealed_rows(), sealed_rows()])),
        lambda: place.seal(sealed_rows(), {"all": sealed_rows()["row_id"].to_list()}),
        lambda: place.seal(sealed_rows()[1:], shingle=3),
        lambda: place.scorer.score({"m": script(tmp_path, "print(rows)")}, LABELS),
        lambda: place.scorer.score({"m": script(tmp_path, "print('zyxplantedtext\\n' * 12, end='')")}, LABELS),
        lambda: place.scorer.score({"m": script(tmp_path, "raise ValueError(rows)")}, LABELS),
        lambda: place.scorer.score({"m": script(tmp_path, "import os; os.abort()")}, LABELS),
        lambda: place.scorer.score({"m": ["cat"]}, ["praise"]),
    ]
    for fail in failures:
        with pytest.raises(CarefulError) as caught:
            fail()
        silent(heard(caught.value))
    for function, fail in (
        ("row_digests", failures[-2]),
        ("row_digests", lambda: place.probe.find_leaks([asked({"m": "one"})], scan())),
        ("next_seq", lambda: place.seal(sealed_rows())),
    ):
        for broken_function in (quoting, wrapping):
            with monkeypatch.context() as patch:
                patch.setattr(vault_store, function, broken_function)
                with pytest.raises(StageFailed, match="ConstraintException") as caught:
                    fail()
            silent(heard(caught.value))
    silent(caplog.text)
    silent("".join(capfd.readouterr()))
    silent(place.openings().write_ndjson())


def in_tables(path):
    """Every cell of every table of a DuckDB file: its bytes alone would hide compressed text."""
    with connect(path, read_only=True) as con:
        names = con.sql("select schema_name || '.' || table_name as name from duckdb_tables()").pl()["name"]
        return "\n".join(repr(read(con, name).rows()) for name in names)


def test_warehouse_holds_no_row(place, tmp_path):
    """After sealing, asking, scoring and failing, the warehouse's tables and bytes hold no planted word."""
    place.probe.find_leaks([asked({"m": TEXTS[0]})], scan())
    for then in ("print('complaint\\n' * 12, end='')", "print(rows)"):
        with contextlib.suppress(StageFailed):
            place.scorer.score({"m": script(tmp_path, then)}, LABELS)
    files = [path for path in place.warehouse.parent.rglob("*") if path.is_file()]
    assert place.warehouse in files
    for path in files:
        assert not [planted for planted in PLANTED if planted.encode() in path.read_bytes()]
    silent(in_tables(place.warehouse))
    assert all(planted in in_tables(place.vault) for planted in PLANTED), "else this test would see nothing"
