"""A source that still holds an erased row: the reader passes over it, and nothing else moves or fails."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from careful_assets.anchors.checks import CHECKS
from careful_assets.card.anchors import Columns
from careful_assets.provenance.stage import Made
from careful_assets.provenance.verdicts import CheckView
from careful_assets.purpose.checks import gap_counts_hold
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.tables import append
from careful_assets.warehouse.vault import VaultSealer
from careful_assets_tests.anchors.readings import Readings
from careful_assets_tests.cli.projects import NAME, review_rows

GROUPS = 30
SIDES = ("row_id", "group_id", "split")


def note_erased(readings: Readings, row_id: str) -> None:
    """Put a row on the list of what must not come back."""
    row = pl.DataFrame([("first", "anchor", row_id)], schema=["erasure_id", "kind", "item"], orient="row")
    with connect(readings.home.warehouse(NAME)) as con, transaction(con):
        append(con, "provenance.erased", row)


def failing(readings: Readings) -> list[str]:
    """The checks of anchors, and the purpose's count of them, that do not pass."""
    with connect(readings.home.warehouse(NAME), read_only=True) as con:
        view = CheckView(con, readings.loaded, readings.home)
        failed = [check.name for check in CHECKS if not check.judge(view).passed]
        return failed + ([] if gap_counts_hold(view).passed else ["gap_counts_hold"])


def told(made: Made) -> object:
    return made.metadata.get("erased")


def test_an_erased_row_is_absent_and_the_others_stay(tmp_path: Path) -> None:
    """Read again, as a new vintage, and from a source that dropped it: it is nowhere, and no check fails by it."""
    readings, rows = Readings(tmp_path, GROUPS), review_rows(GROUPS)
    readings.read(rows)
    before = readings.everything().select(SIDES)
    gone = readings.open_rows().filter(split="exemplar").sort("row_id").row(0, named=True)
    note_erased(readings, gone["row_id"])
    rest = before.filter(pl.col("row_id") != gone["row_id"]).sort("row_id")
    dropped = [row for row in rows if row["text"] != gone["text"]]
    assert len(dropped) == len(rows) - 1
    for vintage, source, count in ((1, rows, 1), (2, rows, 1), (3, dropped, 0)):
        made = readings.read(source, vintage)
        assert told(made) == count
        assert readings.everything().select(SIDES).sort("row_id").equals(rest)
        assert failing(readings) == []
        for table in ("anchors.history", "anchors.attributes", "anchors.changes"):
            assert gone["row_id"] not in set(readings.table(table)["row_id"])
        assert readings.table("anchors.sources").sort("vintage")["rows"][-1] == len(rows) - 1


def test_a_sealed_row_that_was_erased_stays_out_of_the_vault(tmp_path: Path) -> None:
    """The source offers it again; the vault holds the others, and counts add up."""
    readings, rows = Readings(tmp_path, GROUPS), review_rows(GROUPS)
    readings.read(rows)
    sealed = readings.sealed_rows().sort("row_id")
    gone = sealed["row_id"][0]
    note_erased(readings, gone)
    VaultSealer(readings.home.vault(NAME), readings.home.warehouse(NAME), "erasing").erase([gone])
    for vintage in (1, 2):
        assert told(readings.read(rows, vintage)) == 1
        assert readings.sealed_rows().sort("row_id")["row_id"].to_list() == sealed["row_id"].to_list()[1:]
        assert gone not in set(readings.open_rows()["row_id"])
        assert failing(readings) == []


def test_ids_of_equal_texts_do_not_shift(tmp_path: Path) -> None:
    """Without a key, the second of two equal texts keeps its id when the first was erased."""
    rows = [{name: row[name] for name in ("review", "text", "label")} for row in review_rows(GROUPS)]
    rows.insert(1, rows[0])
    readings = Readings(tmp_path, GROUPS, columns=Columns(text="text", label="label", group="review"))
    readings.read(rows)
    everything = readings.everything()
    twins = everything.filter(text=rows[0]["text"])["row_id"].to_list()
    assert len(twins) == 2
    first = next(row_id for row_id in twins if twice(readings, rows, row_id))
    second = next(row_id for row_id in twins if row_id != first)
    note_erased(readings, first)
    if first in set(readings.sealed_rows()["row_id"]):
        VaultSealer(readings.home.vault(NAME), readings.home.warehouse(NAME), "erasing").erase([first])
    readings.read(rows)
    assert readings.everything().filter(text=rows[0]["text"])["row_id"].to_list() == [second]


def twice(readings: Readings, rows: list[dict[str, str]], row_id: str) -> bool:
    """Whether it is the id of the first of the two: the one that a source with one of them has."""
    other = Readings(
        readings.home.root.parent / row_id[:8], GROUPS, columns=Columns(text="text", label="label", group="review")
    )
    other.read(rows[1:])
    return row_id in set(other.everything()["row_id"])


def test_nothing_is_told_while_nothing_was_erased(tmp_path: Path) -> None:
    """The page names erased rows only where there are any on record."""
    assert told(Readings(tmp_path, GROUPS).read(review_rows(GROUPS))) is None
