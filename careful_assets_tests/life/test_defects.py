"""A defect in a stage: told by its place, never by a message that could quote a row."""

from __future__ import annotations

import pytest

from careful_assets.filtering import stage as filtering_stage
from careful_assets_tests.life.arrange import Life, failures_of

_ROW = "i told the shop that this remote is the worst thing they ever sold me"


def test_a_foreign_error_does_not_carry_its_message_into_the_event_log(
    copied_life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a library's error quotes a row, the failure names the kind of error and its place, and quotes nothing."""

    def broken(*_: object) -> None:
        raise ValueError(f"cannot convert {_ROW!r}")

    monkeypatch.setattr(filtering_stage, "run_cascade", broken)
    result = copied_life.materialize("filtering")
    assert not result.success
    (said,) = failures_of(result)
    assert "builtins.ValueError at" in said
    assert "in judge_candidates" in said
    assert not any(_ROW in str(event) for event in result.all_events)
