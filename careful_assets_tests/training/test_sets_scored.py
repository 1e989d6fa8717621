"""A synthetic set is scored beside the real rows, apart from them, and by the state of the ruler that it belongs to."""

from __future__ import annotations

import polars as pl

from careful_assets.catalogue import CHECKS
from careful_assets.provenance.verdicts import run_checks
from careful_assets.warehouse.vault import VaultSealer
from careful_assets_tests.life.arrange import Life

LINEAGE = pl.DataFrame({"kind": ["generator_family"], "item": ["gemma"]})


def _seal_a_set(life: Life) -> str:
    """Seal a set of which every label is wrong, and put its state on record as anchors does."""
    rows = life.table("anchors.rows").filter(pl.col("split") == "holdout").sort("row_id").head(60)
    labels = life.loaded.card.anchors.labels
    wrong = [labels[(labels.index(label) + 1) % len(labels)] for label in rows["label"].to_list()]
    made = rows.select("row_id", "text", label=pl.Series(wrong))
    sealer = VaultSealer(life.home.vault(life.dataset), life.home.warehouse(life.dataset), "run")
    state = sealer.seal_set("field", "other", "1.0.0", "a" * 64, made, LINEAGE)
    life.sql(
        f"update anchors.vault_counts set registry_state = '{state}'",
        f"update anchors.evaluation_sets set registry_state = '{state}'",
        f"insert into anchors.evaluation_sets values"
        f" ('field', 'synthetic', 60, 'd', 'other', '1.0.0', '{'a' * 64}', '{state}')",
    )
    return state


def _verdicts(life: Life) -> dict[str, tuple[bool, str]]:
    with life.view() as view:
        found = run_checks(view, [*CHECKS["training"], *CHECKS["monitoring"]])
    return {check.name: (verdict.passed, verdict.summary) for check, verdict in found}


def test_a_set_is_scored_apart(copied_small_life: Life) -> None:
    """Real scores stay what they were; the set's stand apart with their gap, on the page too; an alarm tells that it
    measures otherwise; and the slices that were observed of the earlier ruler are not all of this one's.
    """
    life = copied_small_life
    before = life.table("training.results")
    state = _seal_a_set(life)
    assert not _verdicts(life)["slices_frozen_first"][0]
    run = life.materialize("training")
    after = life.table("training.results")
    assert set(after["registry_state"]) == set(life.table("training.slices")["registry_state"]) == {state}
    keys, values = ["arm", "slice", "name"], ["value", "low", "high", "n"]
    real = after.join(before, on=keys, how="semi").select(keys + values).sort(keys)
    assert real.equals(before.select(keys + values).sort(keys))
    further = after.join(before, on=keys, how="anti")
    assert set(further["slice"]) == {"set:field"}
    gaps = further.filter(name="gap to field")
    assert set(gaps["arm"]) == {"real only", "mix"}
    assert gaps["low"].min() > 0.05

    (shown,) = run.asset_materializations_for_node(f"{life.dataset}__training")
    page = str(shown.metadata["synthetic sets, apart from the real rows"].value)
    assert "field (60)" in page
    assert "set:field" not in str(shown.metadata["accuracy by slice"].value)

    said = _verdicts(life)
    assert said["scored_by_vault"][0]
    passed, words = said["synthetic_ruler_agrees"]
    assert not passed
    assert "field, mix: +" in words
    assert not said["frozen_slices_read"][0]


def test_scores_of_two_states_are_on_no_axis(copied_life: Life) -> None:
    """A score that was made against another state of the ruler is no observation of a slice frozen for this one."""
    life = copied_life
    params = {"version": "1.0.0", "arm": "mix"}
    with life.view() as view:
        before = view.model("monitoring/observations", params)
    life.sql("update training.results set registry_state = 'before' where slice = 'terse'")
    with life.view() as view:
        after = view.model("monitoring/observations", params)
    assert before.filter(slice="terse")["value"].null_count() == 0
    assert after.filter(slice="terse")["value"].null_count() == after.filter(slice="terse").height
    assert after.filter(pl.col("slice") != "terse").equals(before.filter(pl.col("slice") != "terse"))
