"""What may not change between readings, and what a refresh may not do to the ruler, the contract or the counts."""

from __future__ import annotations

import fcntl
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from careful_assets.anchors.checks import anchors_conserved, contract_holds, source_matches_card
from careful_assets.card.anchors import Columns, Split
from careful_assets.errors import Refused, StageFailed
from careful_assets.provenance.verdicts import CheckView
from careful_assets.text import near_texts
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.models import run_model
from careful_assets_tests.anchors.changing import World, small
from careful_assets_tests.anchors.conftest import LIMITS
from careful_assets_tests.anchors.readings import COLUMNS, Readings, crossings

NAME = "phone_reviews"


@pytest.fixture(params=["exactly", "by bands"])
def either_way(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    first_readings: Callable[[str], Readings],
) -> Readings:  # fmt: skip
    """The small source after its first vintage; near copies are found as among few texts, and as among many."""
    monkeypatch.setattr(near_texts, "EXACT_TEXTS", LIMITS[request.param])
    return first_readings(request.param).copy(tmp_path / "read")


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Readings:
    """Rows with a second key and a second label after their first vintage. What is refused changes nothing in it."""
    readings = Readings(tmp_path_factory.mktemp("numbered"))
    readings.read(numbered_rows())
    return readings


def numbered_rows() -> list[dict[str, str]]:
    return [row | {"number": f"n{n}", "again": ("good", "bad", "fair")[n % 3]} for n, row in enumerate(small())]


def counts(readings: Readings) -> dict[str, tuple[int, int, int]]:
    """By label the vault's rows, groups and sum of squares."""
    frame = readings.table("anchors.vault_counts")
    return {label: tuple(rest) for label, *rest in frame.select("label", "n", "groups", "sum_of_squares").iter_rows()}


@pytest.mark.parametrize("vintage", [1, 2])
@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"name": "other"}, "anchors.name is 'other', vintage 1 was dealt out with 'reviews'"),
        ({"columns": COLUMNS.model_copy(update={"key": "number"})}, "columns.key is 'number', vintage 1 was"),
    ],
    ids=["name", "key"],
)
def test_what_ids_hang_on_never_changes(
    numbered: Readings, vintage: int, changed: dict[str, object], place: str
) -> None:
    """Another name or key column would give every row another id: it is refused, in this vintage and in the next."""
    before = counts(numbered)
    with pytest.raises(Refused, match=rf"{place}.*ids hang on it"):
        numbered.read(numbered_rows(), vintage=vintage, **changed)
    assert counts(numbered) == before


def test_columns_change_with_a_vintage_only(numbered: Readings, tmp_path: Path) -> None:
    """Labels from another column within a vintage are refused; with the next one they are listed as relabelled."""
    rows, readings = numbered_rows(), numbered.copy(tmp_path / "read")
    other = COLUMNS.model_copy(update={"label": "again"})
    with pytest.raises(Refused, match=r"anchors.source.columns changed within vintage 1.*set anchors.vintage to 2"):
        readings.read(rows, columns=other)
    readings.read(rows, vintage=2, columns=other)
    assert "relabelled" in readings.table("anchors.changes")["change"].to_list()


def test_copies_do_not_improve_the_ruler(either_way: Readings) -> None:
    """Copies and near copies of a sealed text, each in a group of its own, are one group to the ruler."""
    readings = either_way
    before = counts(readings)["bad"]
    text = readings.sealed_rows().filter(label="bad")["text"][0]
    copies = [
        {"id": f"c{n}", "review": f"copy{n}", "text": text + ("s" if n % 2 else ""), "label": "bad"} for n in range(40)
    ]
    readings.read([*small(), *copies], vintage=2)
    rows, groups, squares = counts(readings)["bad"]
    assert rows == before[0] + 40
    assert groups == before[1]
    assert squares >= 40**2


def test_near_copies_of_what_the_source_dropped_are_one_group_with_it(either_way: Readings) -> None:
    """A sealed text that the source has no longer still counts as one with its near copies."""
    readings = either_way
    before = counts(readings)["bad"]
    row_text = readings.sealed_rows().filter(label="bad")["text"][0]
    rest = [row for row in small() if row["text"] != row_text]
    copies = [{"id": f"c{n}", "review": f"copy{n}", "text": f"{row_text}{n}", "label": "bad"} for n in range(10)]
    readings.read([*rest, *copies], vintage=2)
    assert counts(readings)["bad"][:2] == (before[0] + 10, before[1])


def test_texts_set_aside_are_withheld(small_readings: Readings) -> None:
    """A row that copies a sealed text into an open group is set aside, and its text stands in no open table."""
    readings = small_readings
    text = readings.sealed_rows()["text"][0]
    group = readings.open_rows()["group_id"][0]
    readings.read([*small(), {"id": "x", "review": group, "text": text, "label": "bad"}], vintage=2)
    aside = readings.open_rows().filter(split="aside")
    assert aside.select("text", "group_id").rows() == [("", group)]
    assert text not in readings.open_rows()["text"].to_list()


def test_the_gap_is_counted_in_the_source(small_readings: Readings) -> None:
    """After rows were dropped and relabelled, sealed ones among them, counts by label are those of the source now."""
    readings = small_readings
    now = [row | {"label": "good"} if n % 5 == 0 else row for n, row in enumerate(small()) if n % 4]
    readings.read(now, vintage=2)
    with connect(readings.home.warehouse(NAME), read_only=True) as con:
        counted = dict(run_model(con, "anchors/label_counts").iter_rows())
    labels = [row["label"] for row in now]
    assert counted == {label: labels.count(label) for label in set(labels)}


def test_a_group_may_be_named_after_it_was_discovered(tmp_path: Path) -> None:
    """Where the discovered column got another name, the card may name it; rows keep their sides."""
    plain = Columns(text="text", label="label", key="id")
    rows = [row | {"customer_id": f"c{n % 35}"} for n, row in enumerate(small(140))]
    for row in rows:
        del row["review"]
    readings = Readings(tmp_path, columns=plain)
    readings.read(rows)
    assert readings.table("anchors.sources")["group_column"].to_list() == ["customer_id"]
    sides = dict(readings.everything().select("row_id", "split").iter_rows())
    renamed = [{("client" if name == "customer_id" else name): value for name, value in row.items()} for row in rows]
    with pytest.raises(StageFailed, match=r"grouped by the column 'customer_id'.*columns.group"):
        readings.read(renamed, vintage=2)
    readings.read(renamed, vintage=2, columns=plain.model_copy(update={"group": "client"}))
    assert dict(readings.everything().select("row_id", "split").iter_rows()) == sides


def test_an_old_wording_stays_on_its_side(small_readings: Readings) -> None:
    """Texts that lay open before a rewording come back under new groups on the side they had: none is sealed."""
    readings = small_readings
    opened = dict(readings.open_rows().select("text", "split").iter_rows())
    fresh = World(random.Random(77))
    readings.read([row | {"text": fresh.text()} if row["text"] in opened else row for row in small()], vintage=2)
    back = [
        {"id": f"b{n}", "review": f"back{n}", "text": text, "label": "bad"} for n, text in enumerate(sorted(opened))
    ]
    now = [row | {"text": fresh.text()} if row["text"] in opened else row for row in small()]
    readings.read([*now, *back], vintage=3)
    sealed = set(readings.sealed_rows()["text"].to_list())
    assert sealed.isdisjoint(opened)
    returned = readings.open_rows().filter(pl.col("text").is_in(list(opened)))
    assert all(opened[text] == split for text, split in returned.select("text", "split").iter_rows())


def test_a_row_that_returns_meets_what_came_meanwhile(either_way: Readings) -> None:
    """Near copies that came while a row was gone may lie elsewhere: a row that returns beside them is set aside."""
    readings = either_way
    texts = set(readings.open_rows()["text"].to_list())
    rest = [row for row in small() if row["text"] not in texts]
    gone = [row for row in small() if row["text"] in texts]
    copies = [row | {"id": f"c{n}", "review": f"copy{n}", "text": f"{row['text']}s"} for n, row in enumerate(gone)]
    readings.read([*rest, *copies], vintage=2)
    readings.read([*small(), *copies], vintage=3)
    assert crossings(readings.everything().select("text", "split").rows()) == []
    assert readings.open_rows().filter(split="aside").height > 0


def test_shingles_outlast_a_vintage_without_them(small_readings: Readings) -> None:
    """From near joining to exact and back, the vault's fingerprints of near copies stay, and near copies are found."""
    shares = {"salt": "s", "exemplar": 25, "train": 30, "holdout": 20, "vault": 25}
    readings = small_readings
    text = readings.sealed_rows()["text"][0]
    for vintage, join in ((2, "exact"), (3, "near")):
        rows = [row for row in small() if row["text"] != text]
        readings.read(rows, vintage=vintage, split=Split(**shares, join=join))
    near = {"id": "x", "review": "x", "text": f"{text}s", "label": "bad"}
    readings.read([*rows, near], vintage=4, split=Split(**shares, join="near"))
    assert near["text"] in readings.sealed_rows()["text"].to_list()


def test_rows_that_fail_their_contract_are_not_sealed(tmp_path: Path) -> None:
    """With a critical expectation unmet nothing is dealt out or sealed, and failing rows come back; mended, all is."""
    readings = Readings(tmp_path)
    path = tmp_path / "expectations.json"
    long = {"type": "expect_column_value_lengths_to_be_between", "kwargs": {"column": "text", "min_value": 5}}
    path.write_text(json.dumps({"name": "rows", "expectations": [long]}))
    readings.name_contract(path)
    terse = [row | {"text": "ev"} if n == 7 else row for n, row in enumerate(small())]
    readings.read(terse)
    assert not readings.home.vault(NAME).exists()
    assert readings.open_rows().is_empty()
    with connect(readings.home.warehouse(NAME), read_only=True) as con:
        view = CheckView(con, readings.loaded, readings.home)
        verdicts = [check(view) for check in (contract_holds, source_matches_card, anchors_conserved)]
    assert [verdict.passed for verdict in verdicts] == [False, False, False]
    assert "1 of 60 rows. Mend the rows in the source" in verdicts[0].summary
    assert readings.table("anchors.contract_failures")["place"].to_list() == [8]
    readings.read(small())
    assert readings.sealed_rows().height > 0
    assert readings.table("anchors.contract")["passed"].to_list() == [True]


def test_two_runs_at_once_are_told_apart(small_readings: Readings) -> None:
    """While one run holds the stage, another is refused in words; afterwards nothing is left in the scratch folder."""
    readings = small_readings
    folder = readings.home.scratch(NAME, "anchors")
    assert not folder.exists()
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StageFailed, match="another run of phone_reviews/anchors is under way; wait for it to end"):
            readings.read(small())
    readings.read(small())


def test_an_empty_csv_cell_is_a_missing_value(tmp_path: Path) -> None:
    """A contract that wants a column filled is not met by empty cells."""
    from careful_assets.anchors.loading import load
    from careful_assets.card.anchors import FileSource
    from careful_assets.warehouse.staging import Staging

    readings = Readings(tmp_path)
    filled = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "note"}}
    path = tmp_path / "expectations.json"
    path.write_text(json.dumps({"name": "rows", "expectations": [filled]}))
    readings.name_contract(path)
    import hashlib

    lines = ["id,review,text,label,note", *(f"{r['id']},{r['review']},{r['text']},{r['label']}," for r in small())]
    data = "\n".join(lines).encode()
    (readings.loaded.folder / "rows.csv").write_bytes(data)
    source = FileSource(kind="csv", path="rows.csv", sha256=hashlib.sha256(data).hexdigest(), columns=COLUMNS)
    context = readings.context(source=source)
    (tmp_path / "staging").mkdir()
    loaded = load(replace(context, scratch=tmp_path / "staging"), Staging(tmp_path / "staging"), set())
    assert loaded.findings.select("passed", "unexpected").rows() == [(False, 60)]
