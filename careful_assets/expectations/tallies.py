"""What one expectation has found so far: counts that add up to one answer, however the rows were cut into batches.

Belongs here: one class a way of adding up. Does not belong here: running Great Expectations (`contract`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from careful_assets.expectations.suite import Expected, Kind

MOST_FAILING = 10_000
MOST_UNIQUE_ROWS = 1_000_000


@dataclass(frozen=True)
class Finding:
    """An expectation's answer: `checked` rows or values, of which `unexpected` do not meet it."""

    passed: bool
    checked: int
    unexpected: int
    detail: str


class Tally:
    """Counts rows, missing values, failing rows and what kept the expectation from being checked."""

    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        self.most_failing = MOST_FAILING
        self.rows = 0
        self.missing = 0
        self.unexpected = 0
        self.places: list[int] = []
        self._errors: dict[str, int] = {}

    def could_not(self, why: str) -> None:
        """Note that a batch could not be checked."""
        self._errors[why] = self._errors.get(why, 0) + 1

    def take(self, rows: int, missing: int, unexpected: int, places: list[int]) -> None:
        """Add a batch's counts."""
        self.rows += rows
        self.missing += missing
        self.unexpected += unexpected
        self.places += places[: self.most_failing - len(self.places)]

    def add(self, batch: pl.DataFrame) -> None:
        """Look at a batch, where no counts of Great Expectations' are needed."""

    def finding(self) -> Finding:
        """The answer over all batches; what could not be checked has failed."""
        if self._errors:
            why = "; ".join(f"{reason} ({n} batches)" for reason, n in sorted(self._errors.items()))
            return Finding(False, self.rows - self.missing, self.unexpected, f"could not be checked: {why}")
        if not self.rows:
            return Finding(False, 0, 0, "could not be checked: there was no row")
        return self._judged()

    def _judged(self) -> Finding:
        checked = self.rows - self.missing
        # Great Expectations' own rule, to the rounding; values that are missing are not judged.
        passed = not checked or (float(checked) - float(self.unexpected)) / float(checked) >= self.expected.mostly
        share = f" ({self.unexpected / checked:.3%})" if checked else ""
        allowed = f"; at least {self.expected.mostly:.3%} must" if self.expected.mostly < 1 else ""
        absent = f"; missing and not judged: {self.missing:,}" if self.missing else ""
        detail = f"{self.unexpected:,} of {checked:,}{share} do not meet it{allowed}{absent}"
        return Finding(passed, checked, self.unexpected, detail)


class UniqueTally(Tally):
    """Values that repeat, each of their rows counted, over at most a million rows.

    Of each value 128 bits are kept: of a million distinct values, two are taken for one with a probability of 1e-27.
    """

    def __init__(self, expected: Expected) -> None:
        super().__init__(expected)
        self._seen: list[pl.DataFrame] = []

    def add(self, batch: pl.DataFrame) -> None:
        """Keep the batch's places and hashes."""
        values = batch[self.expected.columns[0]]
        self.rows += batch.height
        if self.rows > MOST_UNIQUE_ROWS:
            self._seen.clear()
            return
        present = values.is_not_null() & (values.is_not_nan() if values.dtype.is_float() else True)
        self.missing += batch.height - int(present.sum())
        kept = pl.DataFrame({"place": batch["place"], "one": values.hash(1), "two": values.hash(2)})
        self._seen.append(kept.filter(present))

    def _judged(self) -> Finding:
        if self.rows > MOST_UNIQUE_ROWS:
            detail = f"could not be checked: over {MOST_UNIQUE_ROWS:,} rows; the stage itself holds keys to be unique"
            return Finding(False, 0, 0, detail)
        repeated = pl.concat(self._seen).filter(pl.struct("one", "two").is_duplicated())
        self.unexpected = repeated.height
        self.places = repeated["place"].sort().head(self.most_failing).to_list()
        return super()._judged()


class ExtremeTally(Tally):
    """The smallest and the largest value so far."""

    def __init__(self, expected: Expected) -> None:
        super().__init__(expected)
        self._extremes: list[Any] = []

    def add(self, batch: pl.DataFrame) -> None:
        """Take in the batch's extremes."""
        values = batch[self.expected.columns[0]]
        if values.dtype.is_float():
            values = values.fill_nan(None)
        self.rows += batch.height
        self.missing += values.null_count()
        if not (values.dtype.is_numeric() or values.dtype in (pl.Date, pl.Datetime, pl.Null)):
            self.could_not(f"the column holds {values.dtype.base_type().__name__}, not numbers or dates")
            return
        if values.null_count() < len(values):
            self._extremes = [min([values.min(), *self._extremes[:1]]), max([values.max(), *self._extremes[1:]])]

    def _judged(self) -> Finding:
        checked = self.rows - self.missing
        if not self._extremes:
            return Finding(False, 0, 0, "could not be checked: all values are missing")
        value = self._extremes["_max_" in self.expected.type]
        passed = within(value, self.expected.loaded)
        if passed is None:
            return Finding(False, checked, 0, "could not be checked: the values and the bounds are of two kinds")
        said = "lies" if passed else "does not lie"
        return Finding(passed, checked, int(not passed), f"the extreme of {checked:,} values {said} within the bounds")


class RowCountTally(Tally):
    """How many rows there are."""

    def add(self, batch: pl.DataFrame) -> None:
        """Count the batch's rows."""
        self.rows += batch.height

    def finding(self) -> Finding:
        """The answer over all batches; no row is an answer, too."""
        wanted = self.expected.kwargs.get("value")
        passed = self.rows == wanted if wanted is not None else bool(within(self.rows, self.expected.loaded))
        return Finding(passed, self.rows, 0, f"there are {self.rows:,} rows")


class ExistsTally(Tally):
    """Whether the column is there in every batch; its absence is what `could_not` is told."""

    def add(self, batch: pl.DataFrame) -> None:
        """Count the batch's rows."""
        self.rows += batch.height


class WholeTally(Tally):
    """Great Expectations' own answer on all rows, which came in one batch."""

    def __init__(self, expected: Expected) -> None:
        super().__init__(expected)
        self._met = False

    def answer(self, rows: int, met: bool) -> None:
        """Take the answer on the one batch."""
        self.rows, self._met = self.rows + rows, met

    def _judged(self) -> Finding:
        said = "meet" if self._met else "do not meet"
        return Finding(self._met, self.rows, 0, f"{self.rows:,} rows as a whole {said} it")


def tally_of(expected: Expected) -> Tally:
    """The way in which the expectation's batches add up."""
    kinds: dict[Kind, type[Tally]] = {
        "rows": Tally, "unique": UniqueTally, "extreme": ExtremeTally, "row_count": RowCountTally, "whole": WholeTally,
    }  # fmt: skip
    return kinds.get(expected.kind, ExistsTally)(expected)


def within(value: Any, loaded: Any) -> bool | None:
    """Whether the value lies within the loaded expectation's bounds; None if it cannot be compared with them."""
    low, high = loaded.min_value, loaded.max_value
    try:
        above = low is None or (value > low if loaded.strict_min else value >= low)
        below = high is None or (value < high if loaded.strict_max else value <= high)
    except TypeError:
        return None
    return bool(above and below)
