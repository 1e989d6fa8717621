"""A further set is sealed beside the real rows, once, and stands as it was sealed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets_tests.warehouse.vault_fixtures import HONEST, LABELS, Place, rows, script

REAL = rows([f"this one is {word} number {n}" for n in range(12) for word in ("bad", "good")])
SET = pl.DataFrame(
    {
        "row_id": [f"set-{n}" for n in range(14)],
        "text": [f"made up and bad {n}" if n % 2 else f"made up and fine {n}" for n in range(14)],
        "label": ["praise"] * 14,
    }
)
LINEAGE = pl.DataFrame({"kind": ["generator_family", "seed"], "item": ["gemma", "7"]})


def seal_set(place: Place, name: str = "made", digest: str = "a" * 64, frame: pl.DataFrame = SET) -> str:
    return place.sealer.seal_set(name, "other", "1.0.0", digest, frame, LINEAGE)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place.at(tmp_path)
    place.seal(REAL)
    return place


def test_a_set_makes_a_new_state_once(place: Place) -> None:
    """Sealing a set moves the registry on; the same again leaves it, and the real rows' offer does, too."""
    before = place.inside("registry")["registry_state"][-1]
    state = seal_set(place)
    assert state != before
    assert seal_set(place) == state == place.seal(REAL).registry_state
    assert place.inside("registry").height == 2
    assert (place.inside("set_rows").height, place.inside("set_lineage").height) == (14, 2)


def test_a_sealed_set_stands_as_it_is(place: Place) -> None:
    """Other content under the name of a sealed set is refused by name, and changes nothing."""
    seal_set(place)
    with pytest.raises(StageFailed, match=r"made was sealed with other content.*another name"):
        seal_set(place, digest="b" * 64)
    assert place.inside("sets")["content_digest"].to_list() == ["a" * 64]
    assert seal_set(place, "made_again", "b" * 64) != ""


@pytest.mark.parametrize(
    ("name", "frame"), [("anchors", SET), ("made", SET.clear()), ("made", pl.concat([SET, SET.head(1)]))]
)
def test_what_is_no_set_is_refused(place: Place, name: str, frame: pl.DataFrame) -> None:
    """The anchors' own name, no rows, and a row given twice; nothing is written."""
    with pytest.raises(StageFailed, match=r"anchors' own rows|no rows, or repeats"):
        seal_set(place, name, frame=frame)
    assert place.inside("registry").height == 1


def test_a_set_needs_real_rows(tmp_path: Path) -> None:
    """No ruler is synthetic alone."""
    with pytest.raises(StageFailed, match="nothing sealed yet"):
        seal_set(Place.at(tmp_path))


def test_a_set_is_scored_apart(place: Place, tmp_path: Path) -> None:
    """`all` counts real rows alone, whatever sets are sealed; each set is a slice of its own."""
    command = {"honest": script(tmp_path, HONEST)}
    before = place.scorer.score(command, LABELS).counts.filter(pl.col("slice") == "all")
    seal_set(place)
    seal_set(place, "few", "c" * 64, SET.head(3).with_columns(row_id="few-" + pl.col("row_id")))
    scored = place.scorer.score(command, LABELS)
    assert scored.counts.filter(pl.col("slice") == "all").equals(before)
    made = scored.counts.filter(pl.col("slice") == "set:made")
    assert made["n"].sum() == 14
    assert made.filter(pl.col("predicted") == "praise")["n"].sum() == 7
    assert "set:few" in scored.withheld
    assert scored.registry_state == place.inside("registry")["registry_state"][-1]


def test_a_set_goes_whole(place: Place) -> None:
    """Taken out, nothing of it is left in the file, the state is that of before, and the seal holds; others stand."""
    before = place.inside("registry")["registry_state"][-1]
    seal_set(place)
    one_set = seal_set(place, "second", "b" * 64, SET.with_columns(text=pl.concat_str("text", pl.lit(" again"))))
    assert place.sealer.erase_set("made", "retired") == 14
    assert place.inside("sets")["set_name"].to_list() == ["second"]
    assert set(place.inside("set_rows")["set_name"]) == {"second"}
    assert place.inside("registry")["registry_state"][-1] not in (before, one_set)
    assert place.sealer.erase_set("second", "retired") == 14
    assert b"made up and bad" not in place.vault.read_bytes()
    assert place.inside("registry")["registry_state"][-1] == before
    assert place.seal(REAL).registry_state == before
    assert place.sealer.erase_set("second", "again") == 0
