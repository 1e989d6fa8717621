"""An anchor's id: from the source's name and the row's key, or its salted text and which occurrence of it it is."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from careful_assets.card.anchors import Columns, Split
from careful_assets.errors import MalformedInput
from careful_assets_tests.anchors.readings import Readings

TEXTS = [f"text number {n} of the source {n * n}" for n in range(30)]
LABELS = ("bad", "fair", "good")
KEYS = [f"k{n}" for n in range(30)]
PLAIN = Columns(text="text", label="label")
KEYED = Columns(text="text", label="label", key="id")
SPLIT = Split(salt="s", exemplar=15, train=35, holdout=20, vault=30)


def rows(texts: list[str], **columns: list[str]) -> list[dict[str, str]]:
    """Rows with these texts, labels in turn, and further columns."""
    return [
        {"text": text, "label": LABELS[n % 3], **{name: values[n] for name, values in columns.items()}}
        for n, text in enumerate(texts)
    ]


def ids(root: Path, given: list[dict[str, str]], columns: Columns = KEYED, **anchors: object) -> dict[str, str]:
    """The ids by text."""
    readings = Readings(root, columns=columns, **anchors)
    readings.read(given)
    return ids_of(readings)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The ids of the texts by key."""
    return ids(tmp_path_factory.mktemp("keyed"), rows(TEXTS, id=KEYS))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Readings]:
    """By salt, the texts and a secret one without keys and groups. Read only."""
    made = {}
    for salt in ("s", "another"):
        root = tmp_path_factory.mktemp("plain")
        made[salt] = Readings(root, columns=PLAIN, split=SPLIT.model_copy(update={"salt": salt}))
        made[salt].read(rows([*TEXTS, "a secret text"]))
    return made


def ids_of(readings: Readings) -> dict[str, str]:
    """The ids by text."""
    return dict(readings.everything().select("text", "row_id").iter_rows())


def test_ids_hang_on_the_key_alone(keyed: dict[str, str], tmp_path: Path) -> None:
    """A row with a key keeps its id when its text changes, and rows in another order keep theirs."""
    upper = [text.upper() for text in TEXTS]
    after = ids(tmp_path / "b", rows(upper[::-1], id=KEYS[::-1]))
    assert {text.upper(): row_id for text, row_id in keyed.items()} == after
    assert len(set(keyed.values())) == 30


def test_ids_without_keys_do_not_hang_on_order(plain: dict[str, Readings], tmp_path: Path) -> None:
    """Without a key column the same texts have the same ids, whatever their order; one text more moves no other."""
    shuffled = random.Random(1).sample([*TEXTS, "a secret text"], 31)
    after = ids(tmp_path, rows(["another", *shuffled]), PLAIN, split=SPLIT)
    assert after.items() >= ids_of(plain["s"]).items()


def test_copies_of_a_text_are_numbered(tmp_path: Path) -> None:
    """Copies of a text have ids of their own, the first one that of a text that stands alone; all on one side."""
    readings = Readings(tmp_path / "a", columns=PLAIN)
    readings.read(rows([*TEXTS, "twin", "twin", "twin"]))
    twins = readings.everything().filter(text="twin")
    assert twins["row_id"].n_unique() == 3
    assert twins["split"].n_unique() == 1
    assert ids(tmp_path / "b", rows([*TEXTS, "twin"]), PLAIN)["twin"] in set(twins["row_id"].to_list())


def test_source_and_salt_make_the_ids_their_own(
    keyed: dict[str, str], plain: dict[str, Readings], tmp_path: Path
) -> None:
    """Another source's rows have other ids; so, without keys, have those under another salt."""
    salted = SPLIT.model_copy(update={"salt": "another"})
    elsewhere = ids(tmp_path / "c", rows(TEXTS, id=KEYS), name="elsewhere")
    assert set(elsewhere.values()).isdisjoint(keyed.values())
    assert set(ids_of(plain["another"]).values()).isdisjoint(ids_of(plain["s"]).values())
    assert ids(tmp_path / "e", rows(TEXTS, id=KEYS), split=salted) == keyed


def test_no_id_shows_its_text(plain: dict[str, Readings]) -> None:
    """A row without key and group has a salted digest for a group, and no text or plain digest of it."""
    groups = [plain[salt].everything().filter(text="a secret text")["group_id"][0] for salt in ("s", "another")]
    assert all(group.startswith("row:") and "secret" not in group for group in groups)
    assert groups[0] != groups[1]


def test_keys_that_repeat_are_refused(tmp_path: Path) -> None:
    """Every row whose key stands earlier is named with both rows; nothing is read."""
    keys = [*KEYS[:28], "k0", "k3"]
    with pytest.raises(MalformedInput) as caught:
        Readings(tmp_path, columns=KEYED).read(rows(TEXTS, id=keys))
    assert [(fault.line, fault.message) for fault in caught.value.faults] == [
        (29, "stands already in row 1; keys must be unique"),
        (30, "stands already in row 4; keys must be unique"),
    ]


def test_a_discovered_group_falls_on_one_side(tmp_path: Path) -> None:
    """Without a group column the customers are found, and each falls on one side; the page's table names the column."""
    customers = [f"customer {n % 40}" for n in range(200)]
    texts = [f"unlike the others: {random.Random(n).getrandbits(200):x}" for n in range(200)]
    readings = Readings(tmp_path, columns=PLAIN)
    readings.read(rows(texts, customer_id=customers, price=[f"{n % 7}" for n in range(200)]))
    found = readings.everything()
    assert readings.table("anchors.sources")["group_column"].to_list() == ["customer_id"]
    assert found["group_id"].n_unique() == 40
    assert found.group_by("group_id").agg(pl.col("split").n_unique())["split"].max() == 1
