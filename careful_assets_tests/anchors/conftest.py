"""First readings of the small source, made once a way of finding near copies, to read on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from careful_assets.text import near_texts
from careful_assets_tests.anchors.changing import small
from careful_assets_tests.anchors.readings import Readings

# Up to how many texts near copies are found exactly.
LIMITS = {"exactly": 100_000, "by bands": 0}


@pytest.fixture(scope="session")
def first_readings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Readings]:
    """By way of finding near copies, the small source as its first vintage left it. Read only."""
    made: dict[str, Readings] = {}

    def reading(way: str) -> Readings:
        if way not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(near_texts, "EXACT_TEXTS", LIMITS[way])
                made[way] = Readings(tmp_path_factory.mktemp("first"))
                made[way].read(small())
        return made[way]

    return reading


@pytest.fixture
def small_readings(first_readings: Callable[[str], Readings], tmp_path: Path) -> Readings:
    """The small source after its first vintage, to read on."""
    return first_readings("exactly").copy(tmp_path / "read")
