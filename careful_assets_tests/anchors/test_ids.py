"""An anchor's id: from the source's name and the row's key, or its salted text and which occurrence of it it is."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from careful_assets.anchors.sources.raw import RawAnchor
from careful_assets.anchors.stage import dealt_out
from careful_assets.card.reader import LoadedCard
from careful_assets.catalogue import requirements_of
from careful_assets.operations.datasets import dataset_named
from careful_assets.provenance.stage import StageContext
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import NAME, make_project

TEXTS = [f"text number {n}" for n in range(30)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedCard:
    return dataset_named(make_project(tmp_path_factory.mktemp("project")), NAME)


def ids(loaded: LoadedCard, raw: list[RawAnchor], **changed: object) -> pl.DataFrame:
    """What the anchors stage makes of raw rows; `changed`: values of the card's anchors."""
    anchors = loaded.card.anchors.model_copy(update=changed)
    card = loaded.card.model_copy(update={"anchors": anchors})
    other = LoadedCard(card, loaded.profile, loaded.folder, loaded.path, loaded.prompts, loaded.digest)
    frame, _ = dealt_out(raw, StageContext(other, Home(Path("unused")), "run", requirements_of(loaded), print))
    return frame


def raw(texts: list[str], keys: list[str] | None = None, groups: list[str] | None = None) -> list[RawAnchor]:
    return [
        RawAnchor(n + 1, text, "bad", keys[n] if keys else None, groups[n] if groups else None)
        for n, text in enumerate(texts)
    ]


def test_ids_hang_on_the_key_alone(loaded: LoadedCard) -> None:
    """A row with a key keeps its id when its text changes, and rows in another order keep theirs."""
    keys = [f"k{n}" for n in range(30)]
    before = dict(zip(keys, ids(loaded, raw(TEXTS, keys))["row_id"], strict=True))
    after = ids(loaded, raw([text.upper() for text in TEXTS[::-1]], keys[::-1]))
    assert dict(zip(keys[::-1], after["row_id"], strict=True)) == before
    assert len(set(before.values())) == 30


def test_ids_without_keys_do_not_hang_on_order(loaded: LoadedCard) -> None:
    """Without a key column the same texts have the same ids, whatever their order; one text more moves no other."""
    before = dict(ids(loaded, raw(TEXTS)).select("text", "row_id").iter_rows())
    shuffled = random.Random(1).sample(TEXTS, 30)
    assert dict(ids(loaded, raw(["another", *shuffled])).select("text", "row_id").iter_rows()).items() >= before.items()


def test_copies_of_a_text_are_numbered(loaded: LoadedCard) -> None:
    """Copies of a text have ids of their own, the first one that of a text that stands alone; all on one side."""
    frame = ids(loaded, raw(["twin", "alone", "twin", "twin"]))
    twins = frame.filter(text="twin")
    assert twins["row_id"].n_unique() == 3
    assert twins["split"].n_unique() == 1
    assert ids(loaded, raw(["twin"]))["row_id"][0] in set(twins["row_id"].to_list())


def test_source_and_salt_make_the_ids_their_own(loaded: LoadedCard) -> None:
    """Another source's rows have other ids; so, without keys, have those under another salt."""
    keys = [f"k{n}" for n in range(30)]
    keyed, plain = ids(loaded, raw(TEXTS, keys))["row_id"], ids(loaded, raw(TEXTS))["row_id"]
    salted = loaded.card.anchors.split.model_copy(update={"salt": "another"})
    assert set(ids(loaded, raw(TEXTS, keys), name="elsewhere")["row_id"]).isdisjoint(keyed)
    assert set(ids(loaded, raw(TEXTS), name="elsewhere")["row_id"]).isdisjoint(plain)
    assert set(ids(loaded, raw(TEXTS), split=salted)["row_id"]).isdisjoint(plain)
    assert list(ids(loaded, raw(TEXTS, keys), split=salted)["row_id"]) == list(keyed)


def test_no_id_shows_its_text(loaded: LoadedCard) -> None:
    """A row without key and group has its salted digest for a group, and no text or plain digest of it."""
    (group,) = ids(loaded, raw(["a secret text"]))["group_id"]
    assert group.startswith("row:")
    assert "secret" not in group
    other = loaded.card.anchors.split.model_copy(update={"salt": "another"})
    assert ids(loaded, raw(["a secret text"]), split=other)["group_id"][0] != group


def test_groups_that_share_a_text_fall_on_one_side(loaded: LoadedCard) -> None:
    """Rows whose texts differ in writing alone carry their groups to one side, whatever the groups' own digests say."""
    texts = [text for n in range(100) for text in (f"Broken Phone {n} !", f"broken phone {n}!", f"other {n}")]
    groups = [group for n in range(100) for group in (f"a{n}", f"b{n}", f"c{n}")]
    frame = ids(loaded, raw(texts, groups=groups))
    side = dict(frame.select("group_id", "split").iter_rows())
    assert all(side[f"a{n}"] == side[f"b{n}"] for n in range(100))
    assert any(side[f"a{n}"] != side[f"c{n}"] for n in range(100))
