"""A Great Expectations suite as a card names it: read, loaded, and held to what its file says.

Belongs here: which expectations can be checked, batch by batch or as a whole, and what is wrong with a suite. Does not
belong here: checking rows (`contract`).
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from careful_assets.errors import Fault, MalformedInput

Kind = Literal["rows", "unique", "extreme", "row_count", "exists", "whole"]

# Judged row by row, these would hang on how the rows are cut into batches.
_AS_A_WHOLE = frozenset(
    {
        "expect_column_value_z_scores_to_be_less_than", "expect_column_values_to_not_be_outliers",
        "expect_column_values_to_be_increasing", "expect_column_values_to_be_decreasing",
        "expect_compound_columns_to_be_unique", "expect_multicolumn_values_to_be_unique",
    }
)  # fmt: skip
# Answered from pandas' own types, which are not the source's: a whole number beside a missing value is a float there.
_ON_TYPES = frozenset({"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"})
_COLUMN_KEYS = ("column", "column_A", "column_B")
_COMBINED: dict[str, Kind] = {
    "expect_column_values_to_be_unique": "unique",
    "expect_column_min_to_be_between": "extreme",
    "expect_column_max_to_be_between": "extreme",
    "expect_table_row_count_to_be_between": "row_count",
    "expect_table_row_count_to_equal": "row_count",
    "expect_column_to_exist": "exists",
}


@dataclass(frozen=True)
class Expected:
    """One expectation: its number in the file from 1, what it speaks of, and the loaded object."""

    number: int
    type: str
    kind: Kind
    columns: tuple[str, ...]
    severity: str
    mostly: float
    kwargs: dict[str, Any]
    loaded: Any


def load_suite(path: Path, content: bytes, *, one_batch: bool = False) -> list[Expected]:
    """The suite's expectations, in the file's order. `one_batch`: all rows will come in one batch.

    Raises:
        MalformedInput: the file is no suite, or holds expectations that are unknown, malformed or, unless all rows
            come in one batch, cannot be checked batch by batch; with all of them.
    """
    entries = _entries(path, content)
    faults: list[Fault] = []
    expected = []
    with quiet():
        for number, entry in enumerate(entries, start=1):
            try:
                expected.append(_expected(number, entry, one_batch=one_batch))
            except _Unusable as error:
                faults.append(Fault(path.name, None, f"expectations[{number}]", str(error)))
    if faults:
        raise MalformedInput(f"contract {path.name}", faults)
    return expected


@contextmanager
def quiet() -> Iterator[None]:
    """Great Expectations without its log records and warnings: what matters of them is reported."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


class _Unusable(Exception):
    """Why an expectation cannot be part of a contract."""


def _entries(path: Path, content: bytes) -> list[Any]:
    def refuse(line: int | None, key: str, message: str) -> MalformedInput:
        return MalformedInput(f"contract {path.name}", [Fault(path.name, line, key, message)])

    try:
        suite = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_without_repeats)
    except json.JSONDecodeError as error:
        raise refuse(error.lineno, "", f"is no JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise refuse(None, "", f"is no JSON: {error}") from None
    if not isinstance(suite, dict) or not isinstance(suite.get("expectations"), list):
        raise refuse(None, "expectations", "is missing; save a Great Expectations suite (1.x) as JSON")
    if not suite["expectations"]:
        raise refuse(None, "expectations", "is empty, and would be met by anything; add some, or name no contract")
    return list(suite["expectations"])


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object repeats a key")
    return made


def _expected(number: int, entry: Any, *, one_batch: bool) -> Expected:
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError, GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        raise _Unusable("has no `type`; write it as Great Expectations 1.x does")
    if not isinstance(entry.get("kwargs"), dict):
        raise _Unusable("has no `kwargs`; write it as Great Expectations 1.x does")
    name, kwargs = entry["type"], entry["kwargs"]
    if "$PARAMETER" in json.dumps(kwargs):
        raise _Unusable("takes a parameter, which a contract has no value for; write the value")
    if kwargs.get("row_condition") is not None:
        raise _Unusable("has a row_condition, which a contract does not evaluate; leave the rows out at the source")
    try:
        # `meta` carries the number through a validation, whose results come in another order.
        loaded = ExpectationConfiguration(**{**entry, "id": None, "meta": {"number": number}}).to_domain_obj()
    except ExpectationNotFoundError:
        raise _Unusable(f"is of the type {name[:80]!r}, which Great Expectations does not know") from None
    except (GreatExpectationsError, TypeError, ValueError) as error:
        # Pydantic's first line only counts its errors.
        said = " ".join(line.strip() for line in str(error).splitlines())
        raise _Unusable(f"{name} cannot be loaded: {said[:300]}") from None
    _hold_to_file(name, kwargs, loaded)
    named = [kwargs[key] for key in _COLUMN_KEYS if key in kwargs]
    columns = tuple(dict.fromkeys([*named, *kwargs.get("column_list", [])]))
    mostly = float(getattr(loaded, "mostly", 1))
    if mostly <= 0 or kwargs.get("value_set") == []:
        raise _Unusable(f"{name} would be met by anything: its `mostly` is 0, or its value_set empty")
    bound = any(value is not None for key, value in kwargs.items() if key not in _COLUMN_KEYS)
    kind = _kind(name, loaded, bound=bound, one_batch=one_batch)
    return Expected(number, name, kind, columns, loaded.severity.value, mostly, kwargs, loaded)


def _hold_to_file(name: str, kwargs: dict[str, Any], loaded: Any) -> None:
    """Refuse what was loaded as something other than the file says."""
    if loaded.expectation_type != name:
        raise _Unusable(f"is of the type {name}, but was loaded as {loaded.expectation_type}")
    taken = loaded.dict()
    for key, value in kwargs.items():
        if key not in taken:
            raise _Unusable(f"{name}: Great Expectations drops {key!r}; remove it")
        if isinstance(value, str) and isinstance(taken[key], int | float):
            raise _Unusable(f"{name}: {key} is text, which Great Expectations reads as a number; write it as one")


def _kind(name: str, loaded: Any, *, bound: bool, one_batch: bool) -> Kind:
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )

    if name == "expect_column_to_exist" and loaded.column_index is not None:
        raise _Unusable(f"{name} with column_index hangs on columns that are not read; leave column_index out")
    if name in _COMBINED:
        return _COMBINED[name]
    if name in _ON_TYPES:
        raise _Unusable(f"{name} judges pandas' types, not the source's; say what values must be, not their type")
    by_row = isinstance(loaded, ColumnMapExpectation | ColumnPairMapExpectation | MulticolumnMapExpectation)
    if by_row and name not in _AS_A_WHOLE:
        return "rows"
    if one_batch:
        if not by_row and not bound:
            raise _Unusable(f"{name} would be met by anything: it names no bound")
        return "whole"
    raise _Unusable(
        f"{name} cannot be checked batch by batch, as anchors are read; use one that judges rows one by one, or "
        f"one of {', '.join(_COMBINED)}"
    )
