"""One scan: every detector indexes the sealed rows, then the other rows stream by; what failed is told, never clean.

Belongs here: the order of detectors, their time-outs, what is recorded of each. Does not belong here: how any one
finds anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED, Detector, Found, Index

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

FOUND: dict[str, type[pl.DataType]] = {
    "row_id": pl.String, "place": pl.Int64, "detector": pl.String, "score": pl.Int64, "shared": pl.Int64,
    "of": pl.Int64, "start": pl.Int64, "stop": pl.Int64,
}  # fmt: skip
RUNS: dict[str, type[pl.DataType]] = {
    "detector": pl.String, "version": pl.Int32, "threshold": pl.Int64, "ran": pl.Boolean, "rows_seen": pl.Int64,
    "rows_short": pl.Int64, "sealed_rows": pl.Int64, "flagged": pl.Int64, "cause": pl.String,
}  # fmt: skip
_OWN = "careful_assets.text.leaks."

T = TypeVar("T")


@dataclass(frozen=True)
class Scanned:
    """What a scan answers, in places and numbers.

    `found`: row_id, place (of the sealed row), detector, score (thousandths), shared, of, start, stop; by row and
    detector at most one. `runs`: one row a detector: whether it ran over all rows, and why not.
    """

    found: pl.DataFrame
    runs: pl.DataFrame


@dataclass
class _Run:
    """One detector at work. After it failed it is asked no more: a part of an answer is none."""

    detector: Detector
    left_s: float
    index: Index | None = None
    cause: str | None = None
    seen: int = 0
    short: int = 0
    flagged: int = 0
    parts: list[pl.DataFrame] = field(default_factory=list)


class LeakScan:
    """The detectors of one scan.

    Raises:
        ValueError: a detector is none of this package's, and would see sealed texts; or one is named twice.
    """

    def __init__(self, detectors: Sequence[Detector], timeout_s: float) -> None:
        strange = [type(one).__name__ for one in detectors if not type(one).__module__.startswith(_OWN)]
        if strange:
            raise ValueError(f"sealed texts are shown to {_OWN}* alone, not to {', '.join(strange)}; move it there")
        names = [one.name for one in detectors]
        if len(set(names)) < len(names):
            raise ValueError(f"a detector is named twice: {', '.join(names)}")
        self._detectors = sorted(detectors, key=lambda one: one.asks_last)
        self._timeout_s = timeout_s

    @property
    def detectors(self) -> tuple[str, ...]:
        """Their names, in the order in which they are asked."""
        return tuple(one.name for one in self._detectors)

    @property
    def sends_to(self) -> tuple[str, ...]:
        """The providers that are shown texts, sorted."""
        return tuple(sorted({one.sends_to for one in self._detectors if one.sends_to is not None}))

    def run(self, sealed: pl.Series, asked: Iterable[pl.DataFrame]) -> Scanned:
        """Hold the rows against the sealed texts. Memory: the indexes, one batch, and what was found.

        Args:
            sealed: texts.
            asked: row_id and text, some at a time; other columns are passed over.
        """
        runs = [_Run(one, self._timeout_s) for one in self._detectors]
        indexed = Prepared(sealed)
        for run in runs:
            run.index = _within(run, lambda run=run: run.detector.index(indexed))  # type: ignore[misc]
        for batch in asked:
            _ask(runs, batch["row_id"], Prepared(batch["text"]), len(sealed))
        found = [part for run in runs if run.cause is None for part in run.parts]
        told = [
            (run.detector.name, run.detector.version, run.detector.threshold, run.cause is None, run.seen, run.short,
             len(sealed), run.flagged, run.cause)
            for run in runs
        ]  # fmt: skip
        schema = pl.Schema(FOUND)
        return Scanned(
            pl.concat(found) if found else schema.to_frame(), pl.DataFrame(told, schema=pl.Schema(RUNS), orient="row")
        )


def _ask(runs: Sequence[_Run], row_ids: pl.Series, rows: Prepared, sealed: int) -> None:
    """One batch, by every detector that still stands."""
    import numpy as np

    clean = np.ones(len(rows), dtype=np.bool_)
    short = int((rows.word_counts < SHORTEST_JUDGED).sum())
    for run in runs:
        if run.cause is not None:
            continue
        places = np.flatnonzero(clean) if run.detector.asks_last else None
        some = rows if places is None else rows.of(places)
        found = _within(run, lambda run=run, some=some: _answer(run, some, sealed))  # type: ignore[misc]
        if found is None:
            continue
        asked = found.asked if places is None else places[found.asked]
        clean[asked] = False
        run.seen += len(rows)
        run.short += short
        run.flagged += len(asked)
        if len(asked):
            run.parts.append(_frame(run.detector.name, row_ids, asked, found))


def _answer(run: _Run, rows: Prepared, sealed: int) -> Found:
    """What the detector finds among the rows, held to what an answer is: nonsense is no verdict.

    Raises:
        StageFailed: columns of unequal length, places that no row has, a row twice, a score below the threshold.
    """
    import numpy as np

    assert run.index is not None
    found = run.index.find(rows)
    columns = (found.asked, found.sealed, found.score, found.shared, found.of, found.start, found.stop)
    if len({len(column) for column in columns}) > 1:
        raise StageFailed("it answered columns of unequal length")
    for places, most in ((found.asked, len(rows)), (found.sealed, sealed)):
        if len(places) and (places.min() < 0 or places.max() >= most):
            raise StageFailed("it answered with a row that there is not")
    if (np.diff(found.asked) <= 0).any():
        raise StageFailed("it answered out of order, or twice of one row")
    if ((found.score < run.detector.threshold) | (found.score > 1000)).any():
        raise StageFailed("it answered with a score that is none of a leak")
    return found


def _frame(name: str, row_ids: pl.Series, asked: Ints, found: Found) -> pl.DataFrame:
    columns = {
        "row_id": row_ids.gather(pl.Series(asked)), "place": found.sealed, "detector": [name] * len(found.sealed),
        "score": found.score, "shared": found.shared, "of": found.of, "start": found.start, "stop": found.stop,
    }  # fmt: skip
    return pl.DataFrame(columns, schema=pl.Schema(FOUND))


def _within(run: _Run, work: Callable[[], T]) -> T | None:
    """What the work gives within the detector's time; None, and the cause on record, where it fails or lasts longer.

    Work that hangs is left behind in its thread, which ends with the process: it can be waited for no longer.
    """
    answers: list[T] = []
    errors: list[BaseException] = []

    def try_it() -> None:
        try:
            answers.append(work())
        except BaseException as error:  # noqa: BLE001  whatever it was, the detector did not run
            errors.append(error)

    begun = time.monotonic()
    thread = threading.Thread(target=try_it, name=f"leaks:{run.detector.name}", daemon=True)
    thread.start()
    thread.join(run.left_s)
    run.left_s -= time.monotonic() - begun
    if errors:
        error = errors[0]
        # Our own errors carry no text; of any other only the kind is told.
        run.cause = str(error) if isinstance(error, CarefulError) else type(error).__name__
    elif not answers:
        run.cause = "it ran out of time"
    return answers[0] if answers else None
