"""What filtering tells generation of a round: counts by stratum, coverage of real, and decisions that stay."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings

from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.coverage import with_coverage
from careful_assets.warehouse.models import run_model_over
from careful_assets_tests.filtering.frames import RARE_CLASS, candidates_of, sentences
from careful_assets_tests.filtering.test_cascade import ANCHORS, ROWS

REAL = sentences(40, 1)
OTHERS = sentences(40, 2)
ROUND = {"round": pl.Int32, "stratum": pl.String}


def anchors(**splits: list[str]) -> pl.DataFrame:
    rows = [(text, "bad", split) for split, texts in splits.items() for text in texts]
    return pl.DataFrame(rows, schema=["text", "label", "split"], orient="row")


def measured(kept: dict[tuple[int, str], list[str]], real: pl.DataFrame) -> dict[tuple[int, str], float | None]:
    """Coverage by round and stratum."""
    rounds = pl.DataFrame(list(kept), schema=ROUND, orient="row")
    rows = [(*key, text) for key, texts in kept.items() for text in texts]
    found, told = with_coverage(rounds, pl.DataFrame(rows, schema={**ROUND, "text": pl.String}, orient="row"), real)
    assert found.select("round", "stratum").equals(rounds)
    assert len(told) == len({stratum for _, stratum in kept})
    return {(number, stratum): value for number, stratum, value, _ in found.iter_rows()}


def test_coverage_is_that_of_the_union_so_far():
    """Round by round it is what all rows up to then reach, and a round of which nothing was kept adds nothing."""
    found = measured({(1, "bad"): REAL[:10], (2, "bad"): [], (3, "bad"): REAL}, anchors(train=REAL))
    assert 0.25 <= found[1, "bad"] == found[2, "bad"] < found[3, "bad"] == 1


def test_train_anchors_of_the_label_alone_are_compared_with():
    """Holdout rows, exemplars and rows of other labels neither fit the space nor count as covered."""
    real = anchors(train=REAL, holdout=OTHERS, exemplar=OTHERS, aside=OTHERS)
    strange = real.with_columns(label=pl.lit("good"))
    kept = {(1, "bad"): sentences(30, 3)}
    assert measured(kept, pl.concat([real, strange])) == measured(kept, anchors(train=REAL))


def test_strata_are_measured_apart_and_small_ones_not():
    """A stratum of fewer than ten train anchors has nulls; its neighbour has figures."""
    real = pl.concat([anchors(train=REAL), anchors(train=OTHERS[:9]).with_columns(label=pl.lit("sad"))])
    found = measured({(1, "bad"): REAL, (1, "sad"): OTHERS}, real)
    assert found == {(1, "bad"): 1, (1, "sad"): None}


@settings(max_examples=30, deadline=None)
@given(ROWS, ROWS)
def test_a_later_round_changes_no_decision_on_an_earlier_one(first, second):
    """Whatever comes later, and whatever its ids: of two copies it is the later one that goes."""
    early = candidates_of([text for text, _ in first], [why for _, why in first]).with_columns("row_id")
    early = early.with_columns(row_id="x" + pl.col("row_id"))
    late = candidates_of([text for text, _ in second], [why for _, why in second]).with_columns(
        round=pl.lit(2, pl.Int32)
    )
    alone = run_cascade(early, ANCHORS, RARE_CLASS)
    union = run_cascade(pl.concat([early, late]), ANCHORS, RARE_CLASS)
    assert union.filter(pl.col("row_id").is_in(early["row_id"].implode())).equals(alone)


def test_rounds_count_what_was_asked_held_back_and_kept():
    """By round and stratum; held back was asked for and not answered, and what people excluded is not kept."""
    requests = pl.DataFrame(
        [
            ("r1", 1, "bad", 4, "answered"),
            ("r2", 1, "bad", 3, "held_back"),
            ("r3", 2, "bad", 2, "failed"),
            ("r4", 1, "sad", 1, "answered"),
        ],
        schema=["request_id", "round", "stratum", "completions", "status"],
        orient="row",
    )
    candidates = pl.DataFrame({"row_id": ["a", "b", "c", "d", "e"], "request_id": ["r1", "r1", "r1", "r4", "r1"]})
    decisions = pl.DataFrame(
        [
            *(("a", place, True) for place in (-1, 0, 1)),
            *(("b", place, place < 1) for place in (-1, 0, 1)),
            *(("c", place, True) for place in (-1, 0)),
            *(("d", place, True) for place in (-1, 0, 1)),
            ("e", -1, False),
        ],
        schema=["row_id", "position", "passed"],
        orient="row",
    )
    tables = {"generation.requests": requests, "generation.candidates": candidates, "filtering.decisions": decisions}
    columns = ["round", "stratum", "asked", "held_back", "answered", "kept"]
    counted = run_model_over(tables, "filtering/rounds", {"gates": 2})
    assert counted.select(columns).rows() == [(1, "bad", 7, 3, 4, 1), (1, "sad", 1, 0, 1, 1), (2, "bad", 2, 0, 0, 0)]
    assert run_model_over(tables, "filtering/kept_by_round", {"gates": 2}).rows() == [(1, "bad", "a"), (1, "sad", "d")]
