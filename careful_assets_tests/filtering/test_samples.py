"""Rejects drawn for people: stratified, bounded, the same for the same seed."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.filtering.cascade import DECISIONS
from careful_assets.filtering.samples import EACH, MOST, reject_samples


def decisions(reasons: list[str | None]) -> pl.DataFrame:
    """One gate's decisions on rows r0, r1, ...: None passed."""
    n = len(reasons)
    return pl.DataFrame(
        {
            "row_id": [f"r{number}" for number in range(n)], "gate": ["g"] * n, "gate_version": [1] * n,
            "position": [0] * n, "passed": [reason is None for reason in reasons], "reason": reasons,
            "score": [None] * n, "threshold": [None] * n, "matched_row_id": [None] * n, "evidence": [None] * n,
        },
        schema=DECISIONS,
    )  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([None, *"abcdefghijklmnopqrstuvwxyz"]), max_size=300), st.integers(0, 5))
def test_every_reason_is_drawn_from(reasons: list[str | None], seed: int) -> None:
    """Up to five of each reason, a hundred in all, rejects alone, and no reason left out while there is room."""
    table = decisions(reasons)
    sample = reject_samples(table, seed)
    assert sample.height <= MOST
    known = dict(zip(table["row_id"], reasons, strict=True))
    assert all(known[row_id] == reason is not None for row_id, _, reason, _ in sample.iter_rows())
    assert sample["row_id"].is_unique().all()
    wanted = {reason for reason in reasons if reason is not None}
    assert set(sample["reason"]) == wanted
    for reason in wanted:
        drawn = sample.filter(reason=reason)["draw"].sort().to_list()
        assert drawn == list(range(1, len(drawn) + 1))
        assert len(drawn) <= EACH
        if sample.height < MOST:
            assert len(drawn) == min(EACH, reasons.count(reason))


def test_the_draw_hangs_on_seed_and_rows_alone() -> None:
    """The order of decisions changes nothing, the seed does; rejects added elsewhere move no other reason's sample."""
    table = decisions(["a"] * 60 + ["b"] * 3)
    sample = reject_samples(table, 1)
    assert reject_samples(table.sample(fraction=1, shuffle=True, seed=3), 1).equals(sample)
    assert set(reject_samples(table, 2)["row_id"]) != set(sample["row_id"])
    more = reject_samples(decisions(["a"] * 60 + ["b"] * 3 + ["c"] * 9), 1)
    assert set(more.filter(reason="a")["row_id"]) == set(sample.filter(reason="a")["row_id"])


def test_nothing_refused_nothing_drawn() -> None:
    """No rejects, no sample, and the columns all the same."""
    for table in (decisions([]), decisions([None, None])):
        sample = reject_samples(table, 1)
        assert sample.is_empty()
        assert sample.columns == ["row_id", "gate", "reason", "draw"]
