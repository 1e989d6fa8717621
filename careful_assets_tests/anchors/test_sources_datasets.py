"""Folders that the `datasets` library saved: read as that library reads them, without it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

from careful_assets.anchors.sources.opening import open_source
from careful_assets.card.anchors import DatasetsSource
from careful_assets.errors import MalformedInput
from careful_assets_tests.anchors.sources import COLUMNS, LABELS, ROWS, WANTED, anchors_of, plain

datasets.disable_progress_bars()


def classes() -> datasets.Features:
    text = datasets.Value("string")
    return datasets.Features({"id": text, "review": text, "text": text, "label": datasets.ClassLabel(names=LABELS)})


def declared(folder: Path, part: str | None = None) -> DatasetsSource:
    """The folder as a card names it, with its digest made as the docstring says."""
    inside = folder / (part or "")
    paths = [*inside.glob("*.arrow"), inside / "dataset_info.json"]
    lines = sorted(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths if path.exists())
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return DatasetsSource(kind="datasets", path=folder.name, part=part, sha256=digest, columns=COLUMNS)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """ROWS as a dataset in three files, labels as text."""
    datasets.Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved", num_shards=3)
    return tmp_path / "saved"


def refused(source: DatasetsSource, folder: Path) -> str:
    with pytest.raises(MalformedInput) as caught:
        anchors_of(source, folder)
    return str(caught.value)


def test_a_saved_dataset_gives_its_rows(saved: Path) -> None:
    """The rows of all files come in the dataset's order."""
    assert plain(anchors_of(declared(saved), saved.parent)) == WANTED


def test_class_labels_come_by_their_names(tmp_path: Path) -> None:
    """Labels saved as class numbers are given as the classes' names, -1 as none."""
    made = datasets.Dataset.from_list(ROWS, features=classes())
    made.save_to_disk(tmp_path / "saved")
    assert plain(anchors_of(declared(tmp_path / "saved"), tmp_path)) == WANTED
    unlabeled = made.map(lambda row: {"label": -1 if row["id"] == "r4" else row["label"]})
    unlabeled.save_to_disk(tmp_path / "unlabeled")
    assert "unlabeled:5: label: is missing" in refused(declared(tmp_path / "unlabeled"), tmp_path)


def test_a_part_of_several_is_named(tmp_path: Path) -> None:
    """Of a DatasetDict the named part is read; without a name, or with a wrong one, the parts are listed."""
    whole = datasets.Dataset.from_list(ROWS)
    both = datasets.DatasetDict({"train": whole, "test": whole.select(range(3))})
    both.save_to_disk(tmp_path / "saved")
    assert plain(anchors_of(declared(tmp_path / "saved", "train"), tmp_path)) == WANTED
    for part, words in ((None, "name one in the card"), ("dev", "there is no part 'dev'"), ("../train", "no part")):
        message = refused(declared(tmp_path / "saved").model_copy(update={"part": part}), tmp_path)
        assert "part: the folder holds the parts train, test" in message
        assert words in message


def test_a_part_of_a_single_dataset_is_refused(saved: Path) -> None:
    """A card that names a part of a folder without parts is told so."""
    source = declared(saved).model_copy(update={"part": "train"})
    assert "holds one dataset without parts" in refused(source, saved.parent)


def test_other_columns_may_be_nested(tmp_path: Path) -> None:
    """Lists and structs beside the card's columns do no harm."""
    rows = [{**row, "spans": [1, 2], "about": {"stars": 5}} for row in ROWS]
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "saved")
    assert plain(anchors_of(declared(tmp_path / "saved"), tmp_path)) == WANTED


def test_a_selection_is_read_as_selected(tmp_path: Path) -> None:
    """A dataset that was filtered and sorted before it was saved is read in its own order."""
    made = datasets.Dataset.from_list(ROWS).sort("id", reverse=True)
    made.save_to_disk(tmp_path / "saved")
    assert plain(anchors_of(declared(tmp_path / "saved"), tmp_path)) == WANTED[::-1]


def _write_state(folder: Path, names: list[str]) -> None:
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "there is no such folder"),
    "no state": (lambda folder: (folder / "state.json").unlink(), "is no folder that `datasets` saved"),
    "state that is no JSON": (lambda folder: (folder / "state.json").write_text("{"), "state.json is missing or no"),
    "no info": (lambda folder: (folder / "dataset_info.json").unlink(), "dataset_info.json is missing"),
    "a missing file": (lambda folder: next(folder.glob("*1-of*.arrow")).unlink(), "lacks its data files data-00001"),
    "no files": (lambda folder: _write_state(folder, []), "lacks its data files"),
    "a file elsewhere": (lambda folder: _write_state(folder, ["../x.arrow"]), "outside of the folder"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_folders_are_told(saved: Path, case: str) -> None:
    """A folder that is not what save_to_disk leaves is refused in words."""
    damage, words = DAMAGES[case]
    source = declared(saved)
    damage(saved)
    assert words in refused(source, saved.parent)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_truncated_files_are_told(saved: Path, number: int) -> None:
    """A data file that ends too early is refused, not read as a shorter one."""
    path = sorted(saved.glob("*.arrow"))[number]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = refused(declared(saved), saved.parent)
    assert "is truncated or damaged" in message
    assert path.name in message


def test_another_dataset_is_refused(saved: Path) -> None:
    """A file's content, and its name, count for the digest; what the library notes beside them does not."""
    source = declared(saved)
    state = json.loads((saved / "state.json").read_text())
    (saved / "state.json").write_text(json.dumps({**state, "_fingerprint": "another"}))
    assert open_source(source, saved.parent, saved.parent).digest == source.sha256
    info = json.loads((saved / "dataset_info.json").read_text())
    (saved / "dataset_info.json").write_text(json.dumps({**info, "description": "another"}))
    assert f"the card says {source.sha256}" in refused(source, saved.parent)
