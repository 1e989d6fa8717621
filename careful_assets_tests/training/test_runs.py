"""Every mix that a model was trained on stays on record, once, and every generated row that training might use."""

from __future__ import annotations

import polars as pl
import pytest

from careful_assets.operations.find import find_rows
from careful_assets.operations.trace import trace_row
from careful_assets_tests.life.arrange import Life


def test_each_trained_mix_is_recorded_once(copied_small_life: Life) -> None:
    """The rows of both arms are on record with the model; the same training adds nothing, other rows add theirs.

    The same means the same model, to the byte: another process may write other bytes of it, and is on record by itself.
    """
    keys = ["mix_id", "arm", "row_id", "origin", "model_digest", "registry_state"]
    copied_small_life.sql("delete from training.runs")
    copied_small_life.materialize("training")
    first = copied_small_life.table("training.runs")
    assert first.select(keys).sort(keys).equals(copied_small_life.table("training.mixes").select(keys).sort(keys))
    assert first["run_id"].n_unique() == 1
    copied_small_life.materialize("training")
    assert copied_small_life.table("training.runs").height == first.height
    dropped = first.filter(pl.col("origin") == "generated")["row_id"][0]
    copied_small_life.sql(f"update labeling.labels set confirmed = false where row_id = '{dropped}'")
    copied_small_life.materialize("training")
    after = copied_small_life.table("training.runs")
    assert after.sort("seq").head(first.height).equals(first.sort("seq"))
    added = after.filter(pl.col("seq") > first["seq"].max())
    assert set(added["arm"]) == {"mix"}
    assert dropped not in added["row_id"]


@pytest.mark.soak
def test_admitted_rows_stay_on_record_when_others_are_made(copied_small_life: Life) -> None:
    """After a card asks for other rows, those of the release are still found and traced, whole, beside the new ones.

    In the ordinary run `test_each_trained_mix_is_recorded_once` holds that what was recorded stays.
    """
    first = copied_small_life.table("training.records")
    labels = copied_small_life.table("labeling.labels").filter("confirmed")
    struck = copied_small_life.table("evaluation.leaks")["row_id"].to_list()
    assert set(first["row_id"]) == set(labels["row_id"]) - set(struck)
    assert "text" not in first.columns
    copied_small_life.rewrite_card("kind: ngram", "kind: ngram, order: 2")
    for stage in ("anchors", "purpose", "generation", "filtering", "labeling", "evaluation", "training"):
        copied_small_life.materialize(stage)
    copied_small_life.materialize("training")
    after = copied_small_life.table("training.records")
    assert after.sort("seq").head(first.height).equals(first.sort("seq"))
    assert after["row_id"].n_unique() == after.height > first.height
    now = set(copied_small_life.table("generation.candidates")["row_id"])
    gone = next(row_id for row_id in first["row_id"] if row_id not in now)
    before = copied_small_life.table("release.rows").filter(row_id=gone)
    story = trace_row(copied_small_life.home, [copied_small_life.dataset], gone)
    assert story["earlier"] is not None
    assert story["candidate"]["text"] == before["text"][0]
    assert story["request"]["rendered_prompt"]
    assert story["votes"]
    digest = first.filter(row_id=gone)["generator_digest"][0]
    (found,) = find_rows(copied_small_life.home, [copied_small_life.dataset], "generator", digest)["datasets"]
    stands = {row["row_id"]: row["split"] for row in found["rows"]}
    assert stands[gone] == "of an earlier generation"
    assert set(first["row_id"]) - now == set(stands) - now
