"""Every mix that a model was trained on stays on record, once."""

from __future__ import annotations

import polars as pl

from careful_assets_tests.life.arrange import Life


def test_each_trained_mix_is_recorded_once(copied_life: Life) -> None:
    """The rows of both arms are on record with the model; the same training adds nothing, other rows add theirs."""
    keys = ["mix_id", "arm", "row_id", "origin", "model_digest", "registry_state"]
    first = copied_life.table("training.runs")
    assert first.select(keys).sort(keys).equals(copied_life.table("training.mixes").select(keys).sort(keys))
    assert first["run_id"].n_unique() == 1
    copied_life.materialize("training")
    assert copied_life.table("training.runs").height == first.height
    dropped = first.filter(pl.col("origin") == "generated")["row_id"][0]
    copied_life.sql(f"update labeling.labels set confirmed = false where row_id = '{dropped}'")
    copied_life.materialize("training")
    after = copied_life.table("training.runs")
    assert after.sort("seq").head(first.height).equals(first.sort("seq"))
    added = after.filter(pl.col("seq") > first["seq"].max())
    assert set(added["arm"]) == {"mix"}
    assert dropped not in added["row_id"]
