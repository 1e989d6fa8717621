"""One scan of all detectors: what fails, or lasts too long, did not run."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest

from careful_assets.text.leaks.exact import ExactDetector
from careful_assets.text.leaks.near import NearDuplicateDetector
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import Found
from careful_assets.text.leaks.scan import LeakScan
from careful_assets.text.leaks.unavailable import UnavailableDetector

SEALED = pl.Series(["the battery of this camera lasts a whole day of walking", "no"])
ROWS = pl.DataFrame({"row_id": ["a", "b", "c"], "text": [SEALED[0].upper(), "a hammer, two nails", "NO"]})


def test_every_detector_is_asked_about_every_row() -> None:
    """Findings come by place and detector; short rows are counted apart."""
    scanned = LeakScan([ExactDetector(), NearDuplicateDetector(700)], 60).run(SEALED, ROWS.iter_slices(2))
    found = set(scanned.found.select("row_id", "place", "detector", "score").iter_rows())
    assert {("a", 0, "exact", 1000), ("c", 1, "exact", 1000), ("a", 0, "near_duplicate", 1000)} <= found
    assert "b" not in scanned.found["row_id"]
    assert scanned.runs["ran"].all()
    assert scanned.runs.select("rows_seen", "rows_short", "sealed_rows").unique().rows() == [(3, 2, 2)]


def test_work_that_lasts_too_long_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that hangs is left behind with its cause on record; the others answer as if it were not there."""
    whole = NearDuplicateDetector.index

    def slow(self: NearDuplicateDetector, sealed: Prepared) -> object:
        time.sleep(5)
        return whole(self, sealed)

    LeakScan([NearDuplicateDetector(700)], 60).run(SEALED, [ROWS])  # compiled, so that the others are in time
    monkeypatch.setattr(NearDuplicateDetector, "index", slow)
    scanned = LeakScan([ExactDetector(), NearDuplicateDetector(700)], 1).run(SEALED, [ROWS])
    runs = {row["detector"]: row for row in scanned.runs.iter_rows(named=True)}
    assert (runs["near_duplicate"]["ran"], runs["near_duplicate"]["cause"]) == (False, "it ran out of time")
    assert runs["exact"]["ran"]
    assert set(scanned.found["detector"]) == {"exact"}


def test_what_failed_on_one_batch_says_nothing_of_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that dies on the second batch has found nothing in the first either; no text is in its cause."""
    asked: list[int] = []

    def dying(self: object, rows: Prepared) -> Found:
        asked.append(len(rows))
        if len(asked) == 2:
            raise ValueError(rows.texts[0])
        return whole(self, rows)  # type: ignore[arg-type]

    index = type(ExactDetector().index(Prepared(SEALED)))
    whole = index.find
    monkeypatch.setattr(index, "find", dying)
    scanned = LeakScan([ExactDetector()], 60).run(SEALED, ROWS.iter_slices(1))
    assert scanned.found.is_empty()
    (run,) = scanned.runs.to_dicts()
    assert (run["ran"], run["cause"]) == (False, "ValueError")
    assert asked == [1, 1]


@pytest.mark.parametrize(
    ("nonsense", "said"),
    [
        ({"asked": [7]}, "a row that there is not"),
        ({"asked": [-1]}, "a row that there is not"),
        ({"sealed": [2]}, "a row that there is not"),
        ({"asked": [0, 0]}, "unequal length"),
        ({"asked": [1, 0], "sealed": [0, 0], "score": [1000] * 2, "shared": [1] * 2, "of": [1] * 2, "start": [0] * 2,
          "stop": [1] * 2}, "out of order, or twice"),
        ({"score": [-5]}, "a score that is none of a leak"),
        ({"score": [1001]}, "a score that is none of a leak"),
    ],
)  # fmt: skip
def test_nonsense_is_no_verdict(monkeypatch: pytest.MonkeyPatch, nonsense: dict[str, list[int]], said: str) -> None:
    """Rows that there are not, torn or doubled answers, impossible scores: the detector did not run, by name."""
    whole = {"asked": [0], "sealed": [0], "score": [1000], "shared": [1], "of": [1], "start": [0], "stop": [1]}
    answer = Found(**{name: np.array(column, dtype=np.int64) for name, column in (whole | nonsense).items()})
    monkeypatch.setattr(type(ExactDetector().index(Prepared(SEALED))), "find", lambda self, rows: answer)
    scanned = LeakScan([ExactDetector()], 60).run(SEALED, [ROWS])
    (run,) = scanned.runs.to_dicts()
    assert (run["detector"], run["ran"]) == ("exact", False)
    assert said in run["cause"]
    assert scanned.found.is_empty()


def test_a_detector_that_could_not_be_loaded_says_why() -> None:
    """Its stand-in fails with the cause."""
    scanned = LeakScan([UnavailableDetector("embedding", 1, 300, "the model is missing")], 60).run(SEALED, [ROWS])
    assert scanned.runs.select("ran", "cause").rows() == [(False, "the model is missing")]


def test_strangers_and_doubles_are_refused() -> None:
    """A detector of another package would see sealed texts; two of one name could not be told apart."""

    class Stranger:
        name, version, threshold, asks_last, sends_to = "stranger", 1, 1000, False, None

    with pytest.raises(ValueError, match="not to Stranger"):
        LeakScan([Stranger()], 60)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="named twice: exact, exact"):
        LeakScan([ExactDetector(), ExactDetector()], 60)


def test_without_rows_or_sealed_rows_nothing_is_found() -> None:
    """Both sides may be empty."""
    scan = LeakScan([ExactDetector(), NearDuplicateDetector(700)], 60)
    assert scan.run(SEALED.clear(), [ROWS]).found.is_empty()
    nothing = scan.run(SEALED, [])
    assert (nothing.found.height, nothing.runs["rows_seen"].to_list()) == (0, [0, 0])
