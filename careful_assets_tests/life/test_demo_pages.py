"""The demo card's pages, as a run leaves them for the UI."""

from __future__ import annotations

import dagster as dg

from careful_assets.provenance.stages import STAGES
from careful_assets_tests.life.arrange import Life

_SHOWN_IN_PLACE = 1000  # the UI hides longer Markdown behind a link


def test_nothing_of_the_demo_is_hidden_behind_a_link(finished_life: Life) -> None:
    """No table and no picture of the ten pages is so long that the UI folds it away."""
    lengths = _lengths(finished_life)
    assert {stage for stage, _ in lengths} == set(STAGES)
    assert ("filtering", "rows left after each gate") in lengths
    assert {place: length for place, length in lengths.items() if length >= _SHOWN_IN_PLACE} == {}


def _lengths(life: Life) -> dict[tuple[str, str], int]:
    lengths = {}
    with dg.DagsterInstance.from_config(str(life.home.dagster)) as instance:
        for stage in STAGES:
            event = instance.get_latest_materialization_event(dg.AssetKey([life.dataset, stage]))
            assert event is not None
            assert event.asset_materialization is not None
            for title, value in event.asset_materialization.metadata.items():
                if isinstance(value, dg.MarkdownMetadataValue):
                    lengths[stage, title] = len(value.md_str or "")
    return lengths
