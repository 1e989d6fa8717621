"""`careful find` names every row, split, release and training run that holds something of an item."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from careful_assets.errors import CarefulError
from careful_assets.operations.find import find_rows
from careful_assets.operations.records.find_text import found_text
from careful_assets.warehouse.connections import connect
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
        ("anchor", planted.GRANDCHILD, {planted.GRANDCHILD}), ("seed", "30..30", {planted.OTHER}),
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
        ("generated", "kept, in no release"): 1, ("generated", "struck"): 1,
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
        ("seed", "0..0", 2, "no dataset has rows of seed"),
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


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("prompt", "plain"), ("prompt", planted.PROMPT[:10]), ("generator", "writer"), ("seed", "10..10"),
        ("request", planted.REQUEST), ("anchor", planted.SHOWN), ("anchor", planted.KEPT[:12]),
    ],
)  # fmt: skip
def test_rows_of_an_earlier_generation_are_found(tmp_path: Path, kind: str, item: str) -> None:
    """What other candidates took the place of is found with its releases and models; its descendants are, too."""
    _, home = planted.project(tmp_path)
    planted.turn_over(home)
    (found,) = find_rows(home, [DATASET], kind, item)["datasets"]
    splits = {row["row_id"]: row["split"] for row in found["rows"]}
    assert splits[planted.KEPT] == "of an earlier generation"
    assert set(splits) >= {planted.KEPT, planted.GRANDCHILD}
    assert {row["version"] for row in found["releases"]} == {"1.0.0", "2.0.0", "10.0.0"}
    assert [row["mix_id"] for row in found["training_runs"]] == ["mix1"]


@pytest.mark.parametrize("kind", ["candidate", "request"])
def test_erased_rows_are_not_found(tmp_path: Path, kind: str) -> None:
    """A record whose row or request was erased stays for the models' sake, and is not told as a living row."""
    _, home = planted.project(tmp_path)
    planted.turn_over(home)
    item = {"candidate": planted.KEPT, "request": planted.REQUEST}[kind]
    with connect(home.warehouse(DATASET)) as con:
        planted.add(con, "provenance.erased", {"erasure_id": "erasure1", "kind": kind, "item": item})
    (found,) = find_rows(home, [DATASET], "prompt", "plain")["datasets"]
    assert planted.KEPT not in {row["row_id"] for row in found["rows"]}
    assert found["releases"] == []


def test_a_row_is_told_by_what_was_decided(tmp_path: Path) -> None:
    """Before labeling has run, kept rows are no rejects; what no gate saw is not judged, and a label can fail."""
    _, home = planted.project(tmp_path)
    with connect(home.warehouse(DATASET)) as con:
        con.execute("delete from labeling.labels")
        con.execute(f"delete from filtering.decisions where row_id = '{planted.INHERITED}'")
        label = {"row_id": planted.OTHER, "label": "bad", "label_source": "judge", "confirmed": False}
        planted.add(con, "labeling.labels", label)
    stands = {}
    for item in ("writer", "author", "unknown"):
        (found,) = find_rows(home, [DATASET], "generator", item)["datasets"]
        stands |= {row["row_id"]: row["split"] for row in found["rows"]}
    assert stands == {
        planted.KEPT: "train", planted.REFUSED: "rejected", planted.STRUCK: "struck",
        planted.GRANDCHILD: "kept, not labeled yet", planted.OTHER: "label not confirmed",
        planted.INHERITED: "not judged yet",
    }  # fmt: skip


def test_a_fitted_model_descends_from_every_exemplar(tmp_path: Path) -> None:
    """Rows of family ngram are found by each row that is or was an exemplar, and by no other anchor."""
    _, home = planted.project(tmp_path)
    with connect(home.warehouse(DATASET)) as con:
        con.execute(f"update generation.requests set generator_family = 'ngram' where request_id = '{planted.THIRD}'")
    (found,) = find_rows(home, [DATASET], "anchor", planted.SHOWN)["datasets"]
    assert planted.OTHER in {row["row_id"] for row in found["rows"]}
    with connect(home.warehouse(DATASET)) as con:
        was = {"row_id": planted.GONE, "vintage": 1, "until": 2, "group_id": "g", "source_group": "g", "side": "open",
            "split": "exemplar", "label": "bad", "text_hash": 1}  # fmt: skip
        planted.add(con, "anchors.history", was)
    (found,) = find_rows(home, [DATASET], "anchor", planted.GONE)["datasets"]
    assert {row["row_id"]: row["split"] for row in found["rows"]} == {
        planted.GONE: "no anchor any more", planted.OTHER: "kept, in no release"
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_a_damaged_dataset_does_not_hide_the_others(tmp_path: Path, content: bytes) -> None:
    """It is skipped by name, on stderr and in the document; only where nothing was found is it the answer."""
    project, home = planted.project(tmp_path)
    home.warehouse("broken").write_bytes(content)
    (project / "cards" / "broken").mkdir()
    (project / "cards" / "broken" / "card.yaml").touch()
    report = find_rows(home, ["broken", DATASET], "prompt", "plain")
    assert [found["dataset"] for found in report["datasets"]] == [DATASET]
    assert "cannot read" in report["skipped"]["broken"]
    assert "written" not in report["skipped"]["broken"]
    with pytest.raises(CarefulError, match="broken could not be looked into: cannot read"):
        find_rows(home, ["broken", DATASET], "prompt", "nobody")
    done = careful("find", "--prompt", "plain", "--json", cwd=project, CAREFUL_HOME=str(home.root))
    assert done.returncode == 0
    assert "broken was not looked into" in done.stderr
