"""`careful find` names every row, split, release and training run that holds something of an item."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from careful_assets.errors import CarefulError
from careful_assets.operations.find import find_rows
from careful_assets.operations.records.find_text import found_text
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import careful
from careful_assets_tests.operations import planted
from careful_assets_tests.operations.planted import DATASET

FIRST = {planted.KEPT, planted.REFUSED}
SECOND = {planted.GRANDCHILD, planted.STRUCK}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Home]:
    """The planted project and home. Read them, never write."""
    return planted.project(tmp_path_factory.mktemp("found"))


@pytest.mark.parametrize(
    ("kind", "item", "rows"),
    [
        ("prompt", "plain", FIRST | SECOND), ("prompt", planted.PROMPT[:10], FIRST | SECOND),
        ("prompt", "older", {planted.OTHER}), ("generator", "writer", FIRST | SECOND),
        ("generator", planted.WRITER, FIRST | SECOND), ("generator", "unknown", {planted.INHERITED}),
        ("request", planted.REQUEST[:12], FIRST | SECOND), ("request", planted.SECOND, SECOND),
        ("seed", "10..10", {planted.KEPT} | SECOND), ("seed", "11..20", {planted.REFUSED, planted.GRANDCHILD}),
        ("anchor", planted.SHOWN[:16], FIRST | SECOND | {planted.SHOWN}),
        ("anchor", planted.UNSHOWN, {planted.OTHER, planted.UNSHOWN}),
        ("anchor", planted.GRANDCHILD, {planted.GRANDCHILD}),
    ],
)  # fmt: skip
def test_rows_and_their_descendants_are_found(
    place: tuple[Path, Home], kind: str, item: str, rows: set[str]
) -> None:  # fmt: skip
    """Exactly the rows of the item and those made from them, each once, and no others."""
    (found,) = find_rows(place[1], [DATASET], kind, item)["datasets"]
    assert sorted(row["row_id"] for row in found["rows"]) == sorted(rows)
    assert found["count"] == len(rows)


def test_what_holds_them_is_counted(place: tuple[Path, Home]) -> None:
    """Splits, releases with their status, and training runs, each with how many of the rows it holds."""
    report = find_rows(place[1], [DATASET], "anchor", planted.SHOWN)
    (found,) = report["datasets"]
    assert {(row["origin"], row["split"]): row["rows"] for row in found["splits"]} == {
        ("real", "exemplar"): 1, ("generated", "train"): 1, ("generated", "rejected"): 1,
        ("generated", "kept, in no release"): 2,
    }  # fmt: skip
    assert [(row["version"], row["status"], row["rows"]) for row in found["releases"]] == [
        ("1.0.0", "retired", 1), ("2.0.0", "active", 1), ("10.0.0", "active", 1)
    ]  # fmt: skip
    assert [(row["mix_id"], row["rows"]) for row in found["training_runs"]] == [("mix1", 1)]
    told = found_text(report)
    assert "5 rows of anchor" in told
    assert "1.0.0, retired 2026-03-04 05:06:07+00:00: A person asked." in told


@pytest.mark.parametrize(
    ("kind", "item", "code", "said"),
    [
        ("prompt", "nobody", 2, "known: older ("), ("generator", "nobody", 2, "writer ("),
        ("request", "0" * 64, 2, "no dataset has rows of request"), ("anchor", "0" * 64, 2, "no dataset has rows of"),
        ("anchor", "'; drop table x", 2, "no dataset has rows of"), ("anchor", planted.ERASED, 2, "erasure1"),
        ("seed", "900..901", 2, "no dataset has rows of seed"), ("seed", "20..10", 64, "no range"),
        ("seed", "ten", 64, "no range"), ("request", planted.REQUEST[:7], 2, "no dataset has rows of request"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused(place: tuple[Path, Home], kind: str, item: str, code: int, said: str) -> None:
    """What no dataset has is refused with what is known of its kind; an erased row is told as erased."""
    with pytest.raises(CarefulError, match=r".") as refused:
        find_rows(place[1], [DATASET], kind, item)
    assert refused.value.exit_code == code
    assert said in str(refused.value)


def test_the_command_takes_exactly_one_item(place: tuple[Path, Home]) -> None:
    """One option gives a document; none and two are wrong usage, and so is a dataset that is not there."""
    project, home = place
    environment = {"cwd": project, "CAREFUL_HOME": str(home.root)}
    done = careful("find", DATASET, "--prompt", "plain", "--json", **environment)  # type: ignore[arg-type]
    assert [found["count"] for found in json.loads(done.stdout)["datasets"]] == [4]
    for wrong in ([], ["--prompt", "plain", "--seed", "1..2"], ["nobody", "--prompt", "plain"]):
        assert careful("find", *wrong, **environment).returncode == 64  # type: ignore[arg-type]
