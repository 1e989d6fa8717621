"""Fixtures that more than one folder of tests uses: the demo's anchors, fetched once, and one finished life to copy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from careful_assets.anchors.sources.vader_reviews import read_vader_reviews
from careful_assets.card.anchors import VaderReviews
from careful_assets.catalogue import load_dataset
from careful_assets_tests.life import arrange
from careful_assets_tests.life.arrange import Life

# What a developer's shell may hold and no test may depend on.
_FOREIGN = (
    "CAREFUL_HOME", "CAREFUL_LLM_URL", "CAREFUL_LLM_MODEL", "CAREFUL_LLM_API_KEY", "CAREFUL_EMBED_URL",
    "CAREFUL_EMBED_API_KEY", "DAGSTER_HOME", "OPENLINEAGE_URL", "OPENLINEAGE_ENDPOINT", "OPENLINEAGE_API_KEY",
    "OPENLINEAGE_DISABLED",
)  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in _FOREIGN:
            patch.delenv(name, raising=False)
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        yield


@pytest.fixture(scope="session")
def anchor_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `cache/` folder that holds the demo's anchors, fetched by the platform's own reader."""
    cache = tmp_path_factory.mktemp("anchors") / "cache"
    source = load_dataset(arrange.PACKAGED / "card.yaml").card.anchors.source
    assert isinstance(source, VaderReviews)
    read_vader_reviews(source, cache)
    return cache


@pytest.fixture(scope="session")
def finished_life(tmp_path_factory: pytest.TempPathFactory, anchor_cache: Path) -> Life:
    """One whole life of the demo card with the n-gram generator, as `careful run` leaves it. Read it, never write."""
    life = arrange.new_life(tmp_path_factory.mktemp("finished"), anchor_cache)
    begun = time.monotonic()
    report = life.run()
    assert report.success, report.problems
    return replace(life, seconds=time.monotonic() - begun)


@pytest.fixture
def copied_life(finished_life: Life, tmp_path: Path) -> Life:
    """The finished life's project and home, to break; without Dagster's own records."""
    return finished_life.copy(tmp_path / "life")
