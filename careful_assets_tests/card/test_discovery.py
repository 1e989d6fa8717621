from __future__ import annotations

from pathlib import Path

import pytest

from careful_assets.card.discovery import NoProject, find_cards, find_project_root
from careful_assets.catalogue import load_dataset
from careful_assets.errors import Exit, MalformedInput
from careful_assets_tests.card.cards import CARD, write_card

DAGSTER_PROJECT = '[tool.dg.project]\nroot_module = "mine"\n'


def test_cards_are_those_of_the_package_and_of_the_project(tmp_path: Path) -> None:
    """The demo and the project's own datasets are found, by name wherever they lie, and nothing else."""
    for name in ("b", "a"):
        write_card(tmp_path / "cards", CARD, name=name)
    (tmp_path / "cards" / "empty").mkdir()
    assert [path.parent.name for path in find_cards(tmp_path)] == ["a", "b", "product_complaints"]


def test_a_project_without_cards_has_the_demo(tmp_path: Path) -> None:
    """No folder `cards` is no error."""
    assert [path.parent.name for path in find_cards(tmp_path)] == ["product_complaints"]


def test_two_datasets_of_one_name_are_refused(tmp_path: Path) -> None:
    """A card with the name of a packaged dataset is refused, naming both files; the packaged one still loads."""
    mine = write_card(tmp_path / "cards", CARD, name="product_complaints")
    packaged, *others = [path for path in find_cards(tmp_path) if path != mine]
    assert others == []
    with pytest.raises(MalformedInput) as caught:
        load_dataset(mine)
    message = str(caught.value)
    assert str(mine) in message
    assert str(packaged) in message
    assert load_dataset(packaged).card.name == "product_complaints"


def test_the_root_is_the_nearest_dagster_project(tmp_path: Path) -> None:
    """A pyproject of another kind is passed over, and a Dagster project goes before a nearer `cards` folder."""
    (tmp_path / "pyproject.toml").write_text(DAGSTER_PROJECT)
    inner = tmp_path / "inner"
    (inner / "cards" / "x").mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert find_project_root(inner / "cards" / "x") == tmp_path
    (inner / "pyproject.toml").write_text(DAGSTER_PROJECT)
    assert find_project_root(inner / "cards" / "x") == inner


def test_without_a_dagster_project_the_root_has_cards(tmp_path: Path) -> None:
    """A folder with `cards` is a project."""
    (tmp_path / "cards" / "x").mkdir(parents=True)
    assert find_project_root(tmp_path / "cards" / "x") == tmp_path


def test_no_project_says_what_to_do(tmp_path: Path) -> None:
    """Outside of any project the error is one of usage, and names a way out."""
    with pytest.raises(NoProject, match="cards/<dataset>/") as caught:
        find_project_root(tmp_path)
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("content", [b"[tool.dg", b"\xff\xfe"])
def test_an_unreadable_pyproject_is_named(tmp_path: Path, content: bytes) -> None:
    """A project whose settings are broken is not passed over silently."""
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(MalformedInput, match=r"pyproject\.toml: cannot be read"):
        find_project_root(tmp_path)
