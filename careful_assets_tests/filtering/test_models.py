"""The SQL models over filtering.decisions."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings

from careful_assets.filtering.cascade import DECISIONS, run_cascade
from careful_assets.filtering.gates.excluded import Excluded
from careful_assets.filtering.settings import SetGate
from careful_assets.warehouse.models import run_model_over
from careful_assets_tests.filtering.frames import RARE_CLASS, anchors_of, candidates_of
from careful_assets_tests.filtering.test_cascade import ANCHORS, FINISHED, ROWS, TEXTS

CANDIDATES = candidates_of(TEXTS, FINISHED)
DECIDED = run_cascade(CANDIDATES, ANCHORS, RARE_CLASS)


def model(name: str, decisions: pl.DataFrame, candidates: pl.DataFrame = CANDIDATES, **params: int) -> list[tuple]:
    tables = {"filtering.decisions": decisions, "generation.candidates": candidates}
    return run_model_over(tables, f"filtering/{name}", params or None).rows()


def test_kept_are_the_rows_that_passed_every_gate():
    """Neither rejects nor rows that a gate never saw, nor rows judged once too often."""
    assert model("kept", DECIDED, gates=6) == [("c0",)]
    assert model("kept", DECIDED, gates=7) == []
    unseen = DECIDED.filter((pl.col("gate") != "truncation") | (pl.col("row_id") != "c0"))
    assert model("kept", unseen, gates=6) == []
    assert model("kept", pl.concat([DECIDED, DECIDED.filter(pl.col("row_id") == "c0").head(1)]), gates=6) == []


def test_what_people_excluded_stands_before_the_gates():
    """It is decided on every candidate and conserved; the rest is judged as if it had never been there."""
    excluded = [SetGate(Excluded({"c0": ("seed", 4), "c1": ("prompt", 2)}), None)]
    decisions = run_cascade(CANDIDATES, ANCHORS, RARE_CLASS, excluded)
    first = decisions.filter(pl.col("position") == -1)
    assert first["row_id"].to_list() == sorted(CANDIDATES["row_id"])
    assert first.filter(~pl.col("passed")).select("row_id", "gate", "gate_version", "reason", "evidence").rows() == [
        ("c0", "excluded", 1, "excluded_by_seed", "exclusion 4"),
        ("c1", "excluded", 1, "excluded_by_prompt", "exclusion 2"),
    ]
    rest = run_cascade(CANDIDATES.filter(~pl.col("row_id").is_in(["c0", "c1"])), ANCHORS, RARE_CLASS)
    assert decisions.filter(pl.col("position") >= 0).equals(rest)
    # c2 resembled c0, which is not there to be resembled any more.
    assert model("kept", decisions, gates=6) == [("c2",)]
    assert model("conservation", decisions) == []
    lost = decisions.filter(~((pl.col("position") == -1) & (pl.col("row_id") == "c4")))
    assert model("conservation", lost) == [(-1, "excluded", 8, 7, 1, 0, 0), (0, "format", 5, 6, 0, 1, 0)]


def test_gate_flow_counts_in_order():
    """Seen, passed and rejected of every gate."""
    assert model("gate_flow", DECIDED) == [
        (0, "format", 8, 7, 1),
        (1, "minimum_length", 7, 5, 2),
        (2, "maximum_length", 5, 5, 0),
        (3, "truncation", 5, 4, 1),
        (4, "exact_duplicate", 4, 3, 1),
        (5, "near_duplicate", 3, 1, 2),
    ]


def test_rejects_by_reason_counts_refusals_only():
    """In the gates' order, by reason."""
    assert model("rejects_by_reason", DECIDED) == [
        ("format", "empty", 1),
        ("minimum_length", "too_short", 2),
        ("truncation", "cut_off", 1),
        ("exact_duplicate", "copies_candidate", 1),
        ("near_duplicate", "resembles_anchor", 1),
        ("near_duplicate", "resembles_candidate", 1),
    ]


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_every_cascade_is_conserved(rows):
    """Whatever the candidates, the model finds nothing to complain of."""
    candidates = candidates_of([text for text, _ in rows], [reason for _, reason in rows])
    assert model("conservation", run_cascade(candidates, ANCHORS, RARE_CLASS), candidates) == []


def at(position: int, row_id: str) -> pl.Expr:
    return (pl.col("position") == position) & (pl.col("row_id") == row_id)


SPOILED = {
    "a decision lost at the first gate": (DECIDED.filter(~at(0, "c4")), [(0, "format", 8, 7, 1, 0, 0)]),
    "a decision lost midway": (DECIDED.filter(~at(5, "c2")), [(5, "near_duplicate", 3, 2, 1, 0, 0)]),
    "a row judged twice": (
        pl.concat([DECIDED, DECIDED.filter(at(3, "c6"))]),
        [(3, "truncation", 5, 5, 0, 0, 1)],
    ),
    "a reject that went on": (
        pl.concat([DECIDED, DECIDED.filter(at(5, "c0")).with_columns(pl.lit("c6").alias("row_id"))]),
        [(5, "near_duplicate", 3, 4, 0, 1, 0)],
    ),
    "a row that nobody generated": (
        pl.concat([DECIDED, DECIDED.filter(at(0, "c4")).with_columns(pl.lit("stranger").alias("row_id"))]),
        [(0, "format", 8, 9, 0, 1, 0)],
    ),
    "one row lost, another judged instead": (
        DECIDED.with_columns(pl.when(at(2, "c7")).then(pl.lit("c3")).otherwise("row_id").alias("row_id")),
        # c3 passes in c7's stead, so that c3 is missing at the next gate, and c7 a stranger there.
        [(2, "maximum_length", 5, 5, 1, 1, 0), (3, "truncation", 5, 5, 1, 1, 0)],
    ),
    "a gate that never ran": (
        DECIDED.filter(pl.col("gate") != "truncation"),
        [(3, "none", 5, 0, 5, 0, 0), (4, "exact_duplicate", 0, 4, 0, 4, 0)],
    ),
    "no gate at all": (DECISIONS.to_frame(), [(0, "none", 8, 0, 8, 0, 0)]),
}


@pytest.mark.parametrize("how", SPOILED)
def test_conservation_finds_what_was_spoiled(how):
    """A loss, a double or a stranger is found at its gate, even where the counts add up."""
    decisions, expected = SPOILED[how]
    assert model("conservation", decisions) == expected


def test_conservation_of_two_gates_at_one_place():
    """Two gates that share a position did not run one after the other."""
    decisions = DECIDED.with_columns(pl.when(at(0, "c0")).then(pl.lit("other")).otherwise("gate").alias("gate"))
    assert model("conservation", decisions) == [(0, "format", 8, 8, 0, 0, 0)]


def test_models_of_nothing():
    """No candidates and no decisions: every model is empty."""
    empty, nobody = DECISIONS.to_frame(), candidates_of([])
    assert model("kept", empty, nobody, gates=6) == []
    for name in ("gate_flow", "rejects_by_reason", "conservation"):
        assert model(name, empty, nobody) == []
    assert run_cascade(nobody, anchors_of([]), RARE_CLASS).is_empty()
