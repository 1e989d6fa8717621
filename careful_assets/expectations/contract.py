"""A contract: a Great Expectations suite that rows must meet, checked while they are read, or on one batch.

Belongs here: running a suite over batches and what it found. Does not belong here: reading the suite (`suite`), adding
up (`tallies`), and what follows from a failed expectation (the stage's checks). No finding repeats a value.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.errors import Fault, MalformedInput
from careful_assets.expectations.suite import Expected, load_suite, quiet
from careful_assets.expectations.tallies import Tally, WholeTally, tally_of

_RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "return_unexpected_index_query": False,
    "partial_unexpected_count": 0,
}
# The keys under which expectations name what values are compared with.
_COMPARED = ("min_value", "max_value", "value_set", "sum_total")
# These compare the lengths of texts with numbers.
_OF_LENGTHS = "expect_column_value_lengths_"
_ERROR = re.compile(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception))\b", re.MULTILINE)


class Contract:
    """A suite, loaded; `check` takes batches, `findings` and `failing` tell of all of them together.

    Great Expectations runs in memory: no project folder, no files, no progress bars, no analytics. Rows are judged
    batch by batch, counts are summed, and `mostly` is held against the sums, so that every cutting into batches gives
    one answer: the one that Great Expectations gives for the whole table.
    """

    def __init__(self, path: Path, *, one_batch: bool = False) -> None:
        """Read and load the suite.

        Args:
            path: the suite's file.
            one_batch: `check` will be called once, with all rows. Then what speaks of all rows at once (a mean, say)
                is answered, too, and `failing` names every row.

        Raises:
            MalformedInput: there is no such file, it is no suite, or it holds what cannot be checked; with all faults.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            message = f"cannot be read ({error.strerror}); mend anchors.contract in the card"
            raise MalformedInput(f"contract {path.name}", [Fault(path.name, None, "", message)]) from None
        self._file = path.name
        self.digest = hashlib.sha256(content).hexdigest()
        self._tallies = [tally_of(expected) for expected in load_suite(path, content, one_batch=one_batch)]
        if one_batch:
            for tally in self._tallies:
                tally.most_failing = sys.maxsize
        self.columns = list(dict.fromkeys(name for tally in self._tallies for name in tally.expected.columns))
        self._batches = _Batches()

    @property
    def expected(self) -> list[Expected]:
        """The suite's expectations, in the file's order."""
        return [tally.expected for tally in self._tallies]

    def need_columns(self, present: Collection[str]) -> None:
        """Refuse a source that lacks columns the suite speaks of.

        Raises:
            MalformedInput: naming each such expectation.
        """
        faults = [
            Fault(self._file, None, f"expectations[{expected.number}]", _no_column(expected.type, name))
            for expected in (tally.expected for tally in self._tallies)
            for name in expected.columns
            if name not in present
        ]
        if faults:
            raise MalformedInput(f"contract {self._file}", faults)

    def check(self, batch: pl.DataFrame) -> None:
        """Hold the rows of a batch, with their `place`, to every expectation."""
        if batch.is_empty():
            return
        judged = []
        for tally in self._tallies:
            why_not = _why_not(tally.expected, batch)
            if why_not is not None:
                tally.could_not(why_not)
            elif tally.expected.kind in ("rows", "whole"):
                judged.append(tally)
            else:
                tally.add(batch)
        if judged:
            self._judge(judged, batch)

    def findings(self) -> pl.DataFrame:
        """One row an expectation: `expectation` (its number in the file, from 1), `type`, `column`, `severity`,
        `passed`, `checked` and `unexpected` (rows), `detail`. What could not be checked has failed.
        """
        rows = []
        for tally in self._tallies:
            found, expected = tally.finding(), tally.expected
            about = (expected.number, expected.type, ", ".join(expected.columns), expected.severity)
            rows.append((*about, found.passed, found.checked, found.unexpected, found.detail))
        schema = {
            "expectation": pl.Int32, "type": pl.String, "column": pl.String, "severity": pl.String,
            "passed": pl.Boolean, "checked": pl.Int64, "unexpected": pl.Int64, "detail": pl.String,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def failing(self) -> pl.DataFrame:
        """`expectation` and `place` of rows that do not meet it: of many batches the first 10,000 an expectation."""
        self.findings()  # repeated values are known only now
        rows = [(tally.expected.number, place) for tally in self._tallies for place in tally.places]
        return pl.DataFrame(rows, schema={"expectation": pl.Int32, "place": pl.Int64}, orient="row")

    def _judge(self, tallies: list[Tally], batch: pl.DataFrame) -> None:
        results = self._batches.validated([tally.expected.loaded for tally in tallies], batch)
        for tally in tallies:
            result = results.get(tally.expected.number)
            if isinstance(tally, WholeTally):
                if result is None or _ERROR.search(_told(result)):
                    tally.could_not(_error_name(result))
                else:
                    tally.answer(batch.height, met=bool(result.success))
                continue
            counts = result.result if result is not None else {}
            if result is None or "element_count" not in counts or counts.get("unexpected_index_list") is None:
                tally.could_not(_error_name(result))
                continue
            places = [int(place) for place in counts["unexpected_index_list"]]
            missing = counts.get("missing_count") or 0
            tally.take(counts["element_count"], missing, counts["unexpected_count"], places)


class _Batches:
    """Great Expectations over frames in memory."""

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        )
        with quiet():
            context = gx.get_context(mode="ephemeral", project_config=config)
            asset = context.data_sources.add_pandas("anchors").add_dataframe_asset("batch")
            self._definition = asset.add_batch_definition_whole_dataframe("whole")

    def validated(self, expectations: list[Any], batch: pl.DataFrame) -> dict[int, Any]:
        """The results by the expectations' numbers. A row's index is its place, so that results name places."""
        import great_expectations as gx

        frame = batch.drop("place").to_pandas()
        # Without a name: the library gives a named index's labels as dicts.
        frame.index = batch["place"].to_pandas().rename(None)
        with quiet():
            suite = gx.ExpectationSuite(name="contract", expectations=expectations)
            given = self._definition.get_batch(batch_parameters={"dataframe": frame})
            results = given.validate(suite, result_format=_RESULT_FORMAT).results
        configured = [(result.expectation_config, result) for result in results]
        return {config.meta["number"]: result for config, result in configured if config is not None}


def _why_not(expected: Expected, batch: pl.DataFrame) -> str | None:
    """Why the batch cannot be held to the expectation, found before pandas would convert or skip something."""
    lacking = [name for name in expected.columns if name not in batch.columns]
    if lacking:
        return f"there is no column {lacking[0]!r}"
    compared = [expected.kwargs[key] for key in _COMPARED if expected.kwargs.get(key) is not None]
    values = [value for part in compared for value in (part if isinstance(part, list) else [part])]
    if not values or expected.kind == "whole" or expected.type.startswith(_OF_LENGTHS):
        return None
    for name in expected.columns:
        kind = batch.schema[name]
        if kind == pl.String and all(isinstance(value, int | float) for value in values):
            return f"{name!r} holds text and is compared with numbers; every column of a CSV file is text"
        if kind.is_numeric() and all(isinstance(value, str) for value in values):
            return f"{name!r} holds numbers and is compared with text"
    return None


def _no_column(name: str, column: str) -> str:
    return f"{name} speaks of the column {column!r}, which the source does not have; mend the contract"


def _error_name(result: Any) -> str:
    """The name of the error that kept an expectation from being checked; its words may repeat a value."""
    found = _ERROR.findall(_told(result)) if result is not None else []
    return f"Great Expectations ended with {found[0]}" if found else "Great Expectations gave no result"


def _told(result: Any) -> str:
    return str(result.exception_info).replace("\\n", "\n")
