"""The grant on canaries: one for each place and name, kept in the vault, and its sets' sentences never leave it."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path

import polars as pl
import pytest

from careful_assets.errors import Refused, StageFailed
from careful_assets.text import canaries as workshop
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.tables import append
from careful_assets_tests.warehouse.vault_fixtures import Place, rows

TEXTS = [f"sealed text number {n} bad" for n in range(12)]
_REGISTERS = """
import sys
from pathlib import Path
from careful_assets.text import canaries
from careful_assets.warehouse.canary_registry import CanaryRegistry
registry = CanaryRegistry(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], "release")
digests = [registry.register("release", f"1.{number}.0", canaries).digest for number in range(6)]
Path(sys.argv[4]).write_text(" ".join(digests))
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place.at(tmp_path)
    place.seal(rows(TEXTS))
    return place


def registry(place: Place) -> CanaryRegistry:
    return CanaryRegistry(place.vault, place.warehouse, "run-4", "release")


def asked(*texts: str) -> list[pl.DataFrame]:
    return [pl.DataFrame({"row_id": [f"c{number}"], "text": [text]}) for number, text in enumerate(texts)]


def kept(place: Place, name: str) -> str:
    """The text on record, which for a sealed set no method of the grant but `lent` tells."""
    return str(place.inside("canaries").filter(name=name)["text"][0])


def add_open(place: Place, text: str) -> None:
    """An open anchor with this text."""
    with connect(place.warehouse) as con, transaction(con):
        empty = con.table("anchors.rows").limit(0).pl()
        row = {name: "x" for name, kind in empty.schema.items() if kind == pl.String} | {"row_id": "open", "text": text}
        frame = pl.DataFrame([row]).select([pl.col(name) for name in empty.columns if name in row])
        missing = [pl.lit(None, kind).alias(name) for name, kind in empty.schema.items() if name not in row]
        filled = [one.fill_null(1) if empty.schema[one.meta.output_name()].is_numeric() else one for one in missing]
        append(con, "anchors.rows", frame.with_columns(filled).select(empty.columns))


def test_the_same_place_and_name_give_the_same_one(place: Place) -> None:
    """Made once, under this vault's key; other names, places and vaults have others; the registry's state stands."""
    before = place.probe.sealed_rows(), place.inside("registry")
    first = registry(place).register("release", "1.0.0", workshop)
    assert registry(place).register("release", "1.0.0", workshop) == first
    others = [
        registry(place).register("release", "1.1.0", workshop),
        registry(place).register("sealed_set", "anchors", workshop),
    ]
    assert len({one.digest for one in (first, *others)}) == 3
    assert first.text == kept(place, "1.0.0")
    assert others[1].text is None
    assert [(one.place, one.name) for one in registry(place).registered()] == [
        ("release", "1.0.0"), ("release", "1.1.0"), ("sealed_set", "anchors"),
    ]  # fmt: skip
    assert (place.probe.sealed_rows(), place.inside("registry").to_dicts()) == (before[0], before[1].to_dicts())


def test_vaults_have_canaries_of_their_own(place: Place, tmp_path: Path) -> None:
    """Another vault's canary of the same name is another sentence, found in neither's search."""
    other = Place.at(tmp_path / "other")
    other.seal(rows(TEXTS))
    one, strange = (registry(each).register("release", "1.0.0", workshop) for each in (place, other))
    assert one.text != strange.text
    assert registry(place).search(asked(str(strange.text)), workshop).is_empty()


def test_rows_that_hold_one_are_told_by_digest(place: Place) -> None:
    """Whole, in longer text and broken over lines; by row, place and name, each once; a clean row is not."""
    release = registry(place).register("release", "1.0.0", workshop)
    sealed = registry(place).register("sealed_set", "anchors", workshop)
    inner = kept(place, "anchors")
    texts = (
        "clean",
        inner,
        f"{release.text} {release.text}",
        str(release.text).replace(" ", "\n"),
        f"{inner}; {release.text}",
    )
    found = registry(place).search(asked(*texts), workshop)
    assert set(found.select("row_id", "canary_digest").rows()) == {
        ("c1", sealed.digest), ("c2", release.digest), ("c3", release.digest), ("c4", release.digest),
        ("c4", sealed.digest),
    }  # fmt: skip
    assert found.height == 5
    assert inner not in found.write_ndjson()


def test_nothing_registered_and_nothing_asked(place: Place) -> None:
    """A vault without canaries finds none; neither does a search of no rows."""
    assert registry(place).search(asked("anything"), workshop).is_empty()
    registry(place).register("release", "1.0.0", workshop)
    assert registry(place).search([], workshop).columns == ["row_id", "canary_digest", "place", "name"]


def test_a_vault_of_before_there_were_canaries(place: Place) -> None:
    """It lacks the table: nothing is found in it, and the first registering makes it."""
    with connect(place.vault) as con:
        con.execute("drop table sealed.canaries")
    assert registry(place).search(asked("anything"), workshop).is_empty()
    assert registry(place).registered() == []
    assert registry(place).register("release", "1.0.0", workshop).text


@pytest.mark.parametrize("sealed", [True, False])
def test_a_sentence_that_stands_somewhere_is_made_anew(place: Place, tmp_path: Path, sealed: bool) -> None:
    """Where a sealed row or an open anchor holds it already, the next number's sentence is planted."""
    first = registry(place).register("release", "1.0.0", workshop)
    with connect(place.vault) as con:
        con.execute("delete from sealed.canaries")
        if sealed:
            con.execute("update sealed.rows set text = $text where row_id = 'row-1'", {"text": str(first.text).upper()})
            con.execute("update sealed.registry set seal = null")  # as a vault of before there were seals
    if not sealed:
        add_open(place, f"so: {first.text}")
    again = registry(place).register("release", "1.0.0", workshop)
    assert again.text != first.text
    assert registry(place).register("release", "1.0.0", workshop) == again


def test_an_empty_vault_has_no_canaries(tmp_path: Path) -> None:
    """Without a sealed row there is no key: every question is refused, and no vault is made."""
    place = Place.at(tmp_path)
    for ask in (
        lambda: registry(place).register("release", "1.0.0", workshop),
        lambda: registry(place).search(asked("a"), workshop),
        lambda: registry(place).registered(),
        lambda: registry(place).lent("p", ["p"]),
    ):
        with pytest.raises(StageFailed, match="nothing sealed yet"):
            ask()
    assert not place.vault.exists()


def test_two_processes_that_register_at_once_get_the_same(place: Place, tmp_path: Path) -> None:
    """Each of six names has one canary, the same one for both, and both openings are on record."""
    command = [sys.executable, "-c", _REGISTERS, str(place.vault), str(place.warehouse)]
    files = [tmp_path / f"told-{n}" for n in range(2)]
    both = [subprocess.Popen([*command, file.name, str(file)]) for file in files]
    assert [one.wait() for one in both] == [0, 0]
    told = [file.read_text().split() for file in files]
    assert told[0] == told[1]
    assert len(set(told[0])) == 6
    assert place.inside("canaries").height == 6


def test_a_sets_sentence_goes_to_named_providers_alone(place: Place) -> None:
    """Lending is refused by name of the card's key; what is lent is a set's alone, and who got it is on record."""
    registry(place).register("sealed_set", "anchors", workshop)
    registry(place).register("release", "1.0.0", workshop)
    with pytest.raises(Refused, match=r"vault\.may_be_sent_to"):
        registry(place).lent("acme", ["other"])
    lent = registry(place).lent("acme", ["acme"])
    assert [(one.name, one.text) for one in lent] == [("anchors", kept(place, "anchors"))]
    assert '"sent_to": "acme"' in place.openings()["detail"][-1]


def test_openings_are_on_record_and_name_no_sentence(place: Place) -> None:
    """Every use is told with stage, grant and counts, one that failed as failed; no canary stands there."""
    registry(place).register("sealed_set", "anchors", workshop)
    registry(place).search(asked("a", "b"), workshop)
    with pytest.raises(StageFailed):
        registry(place).search([pl.DataFrame({"row_id": ["a"]})], workshop)
    told = place.openings().filter(grant_name="CanaryRegistry")
    assert set(told["stage"]) == {"release"}
    assert told["operation"].to_list()[-2:] == ["search", "search"]
    assert '"searched": 2' in told["detail"][-2]
    assert '"outcome": "failed"' in told["detail"][-1]
    assert kept(place, "anchors") not in told.write_ndjson()


def test_no_other_module_is_shown_a_canary(place: Place) -> None:
    """Whatever poses as the workshop is refused before it sees anything."""
    poser = types.ModuleType("careful_assets.text.canaries_of_mine")
    for ask in (
        lambda: registry(place).register("release", "1.0.0", poser),  # type: ignore[arg-type]
        lambda: registry(place).search(asked("a"), poser),  # type: ignore[arg-type]
    ):
        with pytest.raises(StageFailed, match="hand that in"):
            ask()
