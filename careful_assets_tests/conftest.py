"""Fixtures that more than one folder of tests uses: the demo's anchors, fetched once, and finished lives to copy."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from careful_assets.anchors.sources.vader_reviews import read_vader_reviews
from careful_assets.card.anchors import VaderReviews
from careful_assets.catalogue import load_dataset
from careful_assets.warehouse.home import Home
from careful_assets_tests.life import arrange
from careful_assets_tests.life.arrange import Life

# What a developer's shell may hold and no test may depend on.
_FOREIGN = (
    "CAREFUL_HOME", "CAREFUL_LLM_URL", "CAREFUL_LLM_MODEL", "CAREFUL_LLM_API_KEY", "CAREFUL_EMBED_URL",
    "CAREFUL_EMBED_API_KEY", "CAREFUL_JUDGE_URL", "CAREFUL_JUDGE_API_KEY", "DAGSTER_HOME", "OPENLINEAGE_URL",
    "OPENLINEAGE_ENDPOINT", "OPENLINEAGE_API_KEY", "OPENLINEAGE_DISABLED",
)  # fmt: skip

# Folders whose tests run for long: begun first, so that no worker is left alone with one in the end.
_LONG = ("ui", "life", "generation", "operations", "cli")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long folders first; whole files and their order stay as they are."""
    items.sort(key=lambda item: item.path.parent.name not in _LONG)


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in _FOREIGN:
            patch.delenv(name, raising=False)
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        patch.setenv(arrange.SHARED, str(_shared(tmp_path_factory)))
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
    """One whole life of the demo card with the n-gram generator, as `careful run` leaves it. Read it, never write.

    Workers that run tests side by side share it: whichever needs it first makes it.
    """
    return _finished(tmp_path_factory, "finished", lambda root: arrange.new_life(root, anchor_cache))


@pytest.fixture(scope="session")
def finished_small_life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """One whole life of the small project, shared by workers like `finished_life`. Read it, never write."""
    return _finished(tmp_path_factory, "finished_small", arrange.new_small_life)


def _finished(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Life]) -> Life:
    root = _shared(tmp_path_factory) / name
    with _alone(root):
        took = root / "seconds"
        if not took.exists():
            life, begun = make(root), time.monotonic()
            report = life.run()
            assert report.success, report.problems
            took.write_text(f"{time.monotonic() - begun} {life.dataset}", encoding="utf-8")
        seconds, dataset = took.read_text(encoding="utf-8").split()
    return Life(root / "project", Home(root / "home"), dataset, float(seconds))


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other workers out; what one left that failed is made anew."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "seconds").exists():
            for part in ("project", "home"):
                shutil.rmtree(root / part, ignore_errors=True)
        yield


@pytest.fixture
def copied_life(finished_life: Life, tmp_path: Path) -> Life:
    """The finished life's project and home, to break; without Dagster's own records."""
    return finished_life.copy(tmp_path / "life")


@pytest.fixture
def copied_small_life(finished_small_life: Life, tmp_path: Path) -> Life:
    """The finished small life's project and home, to break; without Dagster's own records."""
    return finished_small_life.copy(tmp_path / "small_life")
