"""A data version is the digest of what a stage made: nothing else moves it, and nothing of that leaves it alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from careful_assets.provenance.digests import data_version
from careful_assets.provenance.stages import STAGES, TABLES
from careful_assets_tests.life.arrange import Life

# Attempts, resends, tokens, cost, times, causes; what a vault's random key or a file format moves. When a release was
# retired is a time; why it was is shown to whoever holds it, so that another reason is other data.
_VOLATILE = {
    "anchors.changes": {"eval_row_digest"},
    "generation.requests": {
        "cause", "attempts", "resent", "tokens", "cost", "requested_at", "answered_at", "prompt_tokens",
        "completion_tokens", "latency_s", "answered_by", "fingerprint", "repaired",
    },
    "generation.candidates": {"text_digest"},
    "generation.forecasts": {
        "tokens", "cost", "seconds", "basis", "actual_tokens", "actual_cost", "actual_seconds",
    },
    "evaluation.leaks": {"eval_row_digest"},
    "evaluation.detectors": {"cause"},
    "evaluation.lineage_leaks": {"item"},
    "training.mixes": {"model_digest"},
    "training.slices": {"frozen_at"},
    "release.releases": {"folder_digest", "made_at", "retired_at"},
}  # fmt: skip
_ASIDE = {"evaluation.release_leaks", "evaluation.release_scans"}
_COLUMNS = [(stage, table) for stage in STAGES for table in TABLES[stage] if not table.aside]


@pytest.fixture(scope="module")
def frames(finished_small_life: Life) -> dict[str, pl.DataFrame]:
    """Every table of the finished small life."""
    return {table.name: finished_small_life.table(table.name) for _, table in _COLUMNS}


@pytest.mark.parametrize("stage", STAGES)
def test_version_is_the_digest_of_what_lies_in_the_warehouse(
    finished_small_life: Life, frames: dict[str, pl.DataFrame], stage: str
) -> None:
    """Who reads a stage's tables can compute its version anew: writing and reading change nothing."""
    assert data_version(stage, frames) == finished_small_life.data_versions()[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_order_of_rows_and_columns_does_not_count(frames: dict[str, pl.DataFrame], stage: str) -> None:
    """The same rows in another order are the same data."""
    other = {
        name: frame.sample(fraction=1, shuffle=True, seed=7).select(reversed(frame.columns))
        for name, frame in frames.items()
    }
    assert data_version(stage, other) == data_version(stage, frames)


def test_volatile_columns_are_these() -> None:
    """What is left out of a data version is left out on purpose, and told here once more."""
    assert {table.name: set(table.volatile) for _, table in _COLUMNS if table.volatile} == _VOLATILE
    assert {table.name for tables in TABLES.values() for table in tables if table.aside} == _ASIDE


@pytest.mark.parametrize(("stage", "table"), [pytest.param(*one, id=one[1].name) for one in _COLUMNS])
def test_every_column_counts_but_the_volatile_ones(frames: dict[str, pl.DataFrame], stage: str, table: Any) -> None:
    """One other value in a column is other data, unless the column tells only how the run went."""
    frame = _filled(frames[table.name])
    own = {name: frames[name] for name in (other.name for other in TABLES[stage] if not other.aside)} | {
        table.name: frame
    }
    # One small table stands for a large one: the digest treats all rows alike.
    own = {name: rows.head(3) for name, rows in own.items()}
    assert table.volatile <= set(frame.columns)
    before = data_version(stage, own)
    for column in frame.columns:
        first = own[table.name][column][0]
        changed = pl.Series(column, [_other(frame.schema[column], first)], frame.schema[column])
        rest = own[table.name]
        head = rest.head(1).with_columns(changed)
        after = data_version(stage, own | {table.name: pl.concat([head, rest.tail(-1)])})
        assert (after == before) == (column in table.volatile), column


@pytest.mark.parametrize(("stage", "table"), [pytest.param(*one, id=one[1].name) for one in _COLUMNS])
def test_every_row_counts(frames: dict[str, pl.DataFrame], stage: str, table: Any) -> None:
    """A row less or a row twice is other data."""
    frame = _filled(frames[table.name])
    own = {other.name: frames[other.name] for other in TABLES[stage] if not other.aside} | {table.name: frame}
    before = data_version(stage, own)
    assert data_version(stage, own | {table.name: frame.tail(-1)}) != before
    assert data_version(stage, own | {table.name: pl.concat([frame, frame.head(1)])}) != before


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame or, if it is empty in the finished small life, one row of nothing."""
    if not frame.is_empty():
        return frame
    return pl.DataFrame({name: [_zero(dtype)] for name, dtype in frame.schema.items()}, schema=frame.schema)


def _zero(dtype: pl.DataType) -> Any:
    return "" if dtype == pl.String else None if dtype.is_nested() else False if dtype == pl.Boolean else 0


def _other(dtype: pl.DataType, value: Any) -> Any:
    if dtype == pl.String:
        return f"{value or ''}x"
    if dtype == pl.Boolean:
        return not value
    if isinstance(dtype, pl.List):
        return [*(value if value is not None else []), "x" if dtype.inner == pl.String else 1]
    if dtype.is_temporal():
        return (value or datetime(2020, 1, 1, tzinfo=UTC)) + timedelta(days=1)
    return (value or 0) + 1
