"""Leaks by lineage, planted with no text in common: each kind is found by name, and what was not asked is not clean."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import polars as pl
import pytest

from careful_assets.evaluation.lineage import lineage_leaks
from careful_assets.evaluation.lineage_checks import lineage_is_disjoint
from careful_assets.provenance.stage import Inputs
from careful_assets.provenance.verdicts import CheckView, Verdict
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.tables import read
from careful_assets_tests.operations.planted import WHEN, add
from careful_assets_tests.warehouse.vault_fixtures import Place, rows

CLEAN = {"generator_family": "qwen", "generator": "weights-q", "prompt": "prompt-q", "parent": "far-1", "row": "far-2"}


class World:
    """A vault of four real rows, two candidates of the family ngram and one that came in a file, and synthetic sets."""

    def __init__(self, place: Place, state: str) -> None:
        self.place, self.state = place, state

    @classmethod
    def at(cls, root: Path) -> World:
        place = Place.at(root)
        world = cls(
            place, place.seal(rows(["it is bad", "it is good", "so bad a day", "so good a day"])).registry_state
        )
        with world.open() as con:
            add(con, "anchors.vault_counts", {"label": "praise", "n": 4, "groups": 2, "registry_state": world.state})
            add(con, "anchors.rows", world.anchor("shown", "exemplar"), world.anchor("unshown", "exemplar"))
            add(con, "anchors.evaluation_sets", world.set("anchors", "real"))
            add(con, "generation.requests", world.request("r1", "ngram", ["shown"]), world.request("r0", "unknown", []))
            add(
                con,
                "generation.candidates",
                *(world.candidate(*one) for one in (("c1", "r1"), ("c2", "r1"), ("c3", "r0"))),
            )
        return world

    def copy(self, root: Path) -> World:
        shutil.copytree(self.place.root, root)
        return World(Place(root), self.state)

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with connect(self.place.warehouse) as con:
            yield con

    def anchor(self, row_id: str, split: str) -> dict[str, Any]:
        text = {"text": "t", "label": "praise", "group_id": "g", "source": "s", "vintage": 1}
        return text | {"row_id": row_id, "split": split}

    def set(self, name: str, origin: str) -> dict[str, Any]:
        return {"set_name": name, "origin": origin, "rows": 4, "set_digest": "d", "registry_state": self.state}

    def request(self, request_id: str, family: str, parents: Sequence[str], prompt: str = "prompt-n") -> dict[str, Any]:
        made = {"round": 1, "stratum": "s", "prompt_id": "p", "rendered_prompt": "", "params": "{}", "seed": 7}
        ran = {"completions": 1, "status": "answered", "attempts": 1, "resent": False, "generator_id": "g"}
        by = {"generator_family": family, "generator_digest": f"weights-{family}", "prompt_sha256": prompt}
        return made | ran | by | {"request_id": request_id, "parent_ids": list(parents)}

    def candidate(self, row_id: str, request_id: str) -> dict[str, Any]:
        told = {"ordinal": 0, "text": "t", "requested_label": "praise", "artifact_type": "rare_class", "depth": 1}
        return told | {"row_id": row_id, "request_id": request_id}

    def with_set(self, name: str, lineage: dict[str, str]) -> World:
        with self.open() as con:
            add(con, "anchors.evaluation_sets", self.set(name, "synthetic"))
            for kind, item in lineage.items():
                add(con, "anchors.set_lineage", {"set_name": name, "kind": kind, "item": item})
        return self

    def found(self) -> list[tuple[str, str, str, int]]:
        """What the stage finds, and would write; it is written, with the version of the run that asked."""
        leaks = lineage_leaks(cast(Inputs, self), self.place.probe)
        with self.open() as con:
            if leaks.height:
                add(con, "evaluation.lineage_leaks", *leaks.to_dicts())
            add(con, "provenance.versions", {"seq": 1, "stage": "evaluation", "data_version": "e", "upstream": "{}",
                "card_digest": "c", "run_id": "run-2", "made_at": WHEN})  # fmt: skip
        return list(leaks.iter_rows())

    def verdict(self, *named: str) -> Verdict:
        card = SimpleNamespace(evaluation=SimpleNamespace(sets=[SimpleNamespace(name=name) for name in named]))
        with self.open() as con:
            return lineage_is_disjoint(CheckView(con, cast(Any, SimpleNamespace(card=card)), cast(Any, None)))

    def table(self, name: str) -> pl.DataFrame:
        with self.open() as con:
            return read(con, name)

    def model(self, name: str) -> pl.DataFrame:
        with self.open() as con:
            return run_model(con, name)


@pytest.fixture(scope="module")
def first_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Copied for each test, and read only: sealing takes longer than copying."""
    return World.at(tmp_path_factory.mktemp("world") / "home")


@pytest.fixture
def world(first_world: World, tmp_path: Path) -> World:
    return first_world.copy(tmp_path / "home")


def test_a_set_of_another_origin_is_clean(world: World) -> None:
    """Other family, generator, prompt and parents: nothing is found, and the check passes; equal seeds are no leak."""
    world.with_set("field", CLEAN | {"seed": "7"})
    assert world.found() == []
    assert world.verdict("field").passed


@pytest.mark.parametrize(
    ("shared", "found", "told"),
    [
        ({"generator_family": "ngram"}, ("generator_family", "ngram", 2),
         "set field: generator family ngram is also that of 2 candidates"),
        ({"generator_family": "unknown"}, ("generator_family", "unknown", 1), "family unknown is also that of 1 cand"),
        ({"generator": "weights-ngram"}, ("generator", "weights-ngram", 2), "generator weights-ngram also made 2"),
        ({"prompt": "prompt-n"}, ("prompt", "prompt-n", 2), "prompt prompt-n also asked for 2 candidates"),
        ({"parent": "shown"}, ("parent", "shown", 2), "parent shown is also one of 2 candidates"),
        ({"parent": "unshown"}, ("parent", "unshown", 2), "parent unshown is also one of 2"),
        ({"parent": "c1"}, ("parent", "c1", 1), "parent c1"),
        ({"row": "c3"}, ("row", "c3", 1), "its row c3 is one of the candidates"),
        ({"row": "shown"}, ("row", "shown", 2), "its row shown is one of the candidates, or was shown for 2"),
    ],
)  # fmt: skip
def test_what_a_set_shares_is_refused_by_name(
    world: World, shared: dict[str, str], found: tuple[str, str, int], told: str
) -> None:
    """Family, generator, prompt, parent or row in common, with no text in common: found, and the check says which."""
    world.with_set("field", CLEAN | shared).with_set("other", CLEAN)
    assert world.found() == [("field", *found)]
    verdict = world.verdict("field", "other")
    assert not verdict.passed
    assert told in verdict.summary
    assert "Take the set out of evaluation.sets" in verdict.summary


def test_a_set_without_a_record_of_its_makers_is_refused(world: World) -> None:
    """Nobody can tell what such a set shares: each missing kind is named."""
    world.with_set("field", {"seed": "7", "generator": "weights-q"})
    assert [one[1:3] for one in world.found()] == [("unrecorded", "generator_family"), ("unrecorded", "prompt")]
    assert "its generator_family is not on record" in world.verdict("field").summary


def test_rows_admitted_earlier_are_held_to_it(world: World) -> None:
    """A row that is no candidate any more was trained on all the same: its family counts."""
    with world.open() as con:
        add(con, "training.records", {
            "seq": 1, "row_id": "c9", "request_id": "r9", "ordinal": 0, "round": 1, "prompt_id": "p",
            "prompt_sha256": "prompt-9", "generator_id": "g", "generator_family": "qwen", "generator_digest": "w9",
            "params": "{}", "seed": 1, "parent_ids": ["old"], "requested_label": "praise", "label": "praise",
            "label_source": "judge", "depth": 1, "run_id": "r", "recorded_at": WHEN})  # fmt: skip
    world.with_set("field", CLEAN | {"parent": "old"})
    assert world.found() == [("field", "generator_family", "qwen", 1), ("field", "parent", "old", 1)]


def test_a_sealed_parent_and_a_sealed_exemplar_are_found_by_keyed_digest(world: World) -> None:
    """A sealed row that was a parent, an exemplar or a set's parent is told by kind, and its id is told nowhere."""
    with world.open() as con:
        add(con, "generation.requests", world.request("r2", "qwen-like", ["row-0"]))
        add(con, "generation.candidates", world.candidate("c4", "r2"))
        add(con, "anchors.rows", world.anchor("row-1", "exemplar"))
    world.with_set("field", CLEAN | {"parent": "row-2"})
    found = world.found()
    assert sorted(one[1] for one in found) == ["sealed_exemplar", "sealed_parent", "sealed_set_parent"]
    assert {one[0] for one in found} == {"anchors"}
    assert {one[1]: one[3] for one in found} == {"sealed_parent": 1, "sealed_exemplar": 2, "sealed_set_parent": 0}
    assert not any("row-" in one[2] for one in found)
    summary = world.verdict("field").summary
    assert "the real rows: sealed row" in summary
    assert "row-0" not in summary
    assert "careful exclude" in summary


def test_a_set_that_the_card_names_no_longer_closes_nothing(world: World) -> None:
    """It stays sealed, and no score counts on it: what it shares is told in a word."""
    world.with_set("field", CLEAN | {"generator_family": "ngram"})
    world.found()
    verdict = world.verdict()
    assert verdict.passed
    assert "1 that the card names no longer would" in verdict.summary


def test_the_check_believes_tables_and_not_the_stage_alone(world: World) -> None:
    """An emptied record of findings, a record that is missing, and a vault that was never asked all fail the check."""
    world.with_set("field", CLEAN | {"generator_family": "ngram"})
    assert "is not on record that the vault" in world.verdict("field").summary
    world.found()
    with world.open() as con:
        con.execute("delete from evaluation.lineage_leaks")
    assert "generator family ngram" in world.verdict("field").summary
    with world.open() as con:
        con.execute("update provenance.openings set detail = replace(detail, 'done', 'failed')")
    assert "is not on record that the vault" in world.verdict("field").summary
    with world.open() as con:
        con.execute("delete from anchors.evaluation_sets")
    assert "no sealed set is on record" in world.verdict("field").summary


def test_parents_of_now_must_have_been_asked_about(world: World) -> None:
    """A parent that came after the vault was asked is no clean parent."""
    world.with_set("field", CLEAN)
    world.found()
    assert world.verdict("field").passed
    with world.open() as con:
        add(con, "generation.requests", world.request("r3", "other", ["new"]))
        add(con, "generation.candidates", world.candidate("c5", "r3"))
    assert not world.verdict("field").passed
