"""What goes into a release, from planted fates: each candidate once, under its right, with who reviewed it last."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.catalogue import requirements_of
from careful_assets.provenance.release_content import content_digest
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.release.data_card import data_card
from careful_assets.release.manifest import manifest_of
from careful_assets.release.rows import gather
from careful_assets.warehouse.models import run_model_over
from careful_assets_tests.life.arrange import Life

TEXT = pl.String
SPLITS = ("train", "holdout", "exemplar", "aside")


@dataclass(frozen=True)
class Fate:
    """What becomes of a candidate: do the gates keep it, do the judges confirm it, how many detectors strike it."""

    kept: bool
    confirmed: bool
    detectors: int


fates = st.lists(st.builds(Fate, st.booleans(), st.booleans(), st.integers(0, 2)), max_size=8)


def planted(candidates: list[Fate], anchors: list[str]) -> dict[str, pl.DataFrame]:
    """Warehouse tables in which these fates stand; candidates are g0, g1, ..., anchors a0, a1, ..."""
    rows = [(f"g{place}", fate) for place, fate in enumerate(candidates)]

    def frame(data: list[tuple[object, ...]], **schema: pl.DataType | type[pl.DataType]) -> pl.DataFrame:
        return pl.DataFrame(data, schema=schema, orient="row")

    return {
        "generation.candidates": frame(
            [(name, f"text of {name}", "asked") for name, _ in rows], row_id=TEXT, text=TEXT, requested_label=TEXT
        ),
        "filtering.decisions": frame(
            [(name, "gate", fate.kept, None if fate.kept else "why", 0.5, 0.7, None) for name, fate in rows],
            row_id=TEXT, gate=TEXT, passed=pl.Boolean, reason=TEXT, score=pl.Float64, threshold=pl.Float64,
            matched_row_id=TEXT,
        ),
        "labeling.labels": frame(
            [(name, "given", fate.confirmed) for name, fate in rows if fate.kept],
            row_id=TEXT, label=TEXT, confirmed=pl.Boolean,
        ),
        "evaluation.leaks": frame([(name,) for name, fate in rows for _ in range(fate.detectors)], row_id=TEXT),
        "anchors.rows": frame(
            [(f"a{place}", "real", "known", split) for place, split in enumerate(anchors)],
            row_id=TEXT, text=TEXT, label=TEXT, split=TEXT,
        ),
    }  # fmt: skip


@settings(deadline=None, max_examples=25)
@given(fates, st.lists(st.sampled_from(SPLITS), max_size=5), st.booleans())
def test_every_row_of_a_release_has_its_right(candidates: list[Fate], anchors: list[str], include: bool) -> None:
    """Released are kept, confirmed, unstruck candidates under the label given, and train anchors where wanted."""
    found = run_model_over(planted(candidates, anchors), "release/contents", {"include_anchors": include})
    expected = [
        (f"g{place}", f"text of g{place}", "given", "train", "generated")
        for place, fate in enumerate(candidates)
        if fate.kept and fate.confirmed and not fate.detectors
    ]
    if include:
        expected += [(f"a{n}", "real", "known", "train", "real") for n, split in enumerate(anchors) if split == "train"]
    assert found.rows() == sorted(expected)


@settings(deadline=None, max_examples=25)
@given(fates)
def test_every_other_candidate_is_told_with_its_reason(candidates: list[Fate]) -> None:
    """Refused, struck and unconfirmed rows are each told once; the text of a struck one is not, whoever refused it."""
    found = run_model_over(planted(candidates, []), "release/rejects")
    expected = {}
    for place, fate in enumerate(candidates):
        text = None if fate.detectors else f"text of g{place}"
        if not fate.kept:
            expected[f"g{place}"] = (text, "asked", "filtering", "gate", "why", 0.5, 0.7, None)
        elif fate.detectors:
            expected[f"g{place}"] = (None, "asked", "evaluation", None, "leak", None, None, None)
        elif not fate.confirmed:
            expected[f"g{place}"] = (text, "asked", "labeling", None, "label not confirmed", None, None, None)
    assert [(row[0], row[1:]) for row in found.rows()] == sorted(expected.items())


def context_of(life: Life) -> StageContext:
    """The release stage's."""
    return StageContext(life.loaded, life.home, "run", requirements_of(life.loaded), print)


def review(life: Life, row_id: str, reviewer: str, decision: str, day: int) -> None:
    """Record what a person decided on a row."""
    number = life.table("labeling.reviews").height + 1
    values = f"{number}, '{row_id}', '{reviewer}', '{decision}', null, '2026-01-0{day} 12:00:00+00'"
    life.sql(f"insert into labeling.reviews values ({values})")


def test_the_newest_review_stands_on_the_record(copied_life: Life) -> None:
    """A row reviewed twice bears what was recorded last, its time in UTC; others have no reviewer."""
    context = context_of(copied_life)
    inputs = Inputs(context, "release", {})
    before = gather(context, inputs)
    chosen = before.records["row_id"][0]
    review(copied_life, chosen, "first", "reject", 3)
    review(copied_life, chosen, "second", "accept", 2)
    contents = gather(context, inputs)
    (record,) = contents.records.filter(row_id=chosen).to_dicts()
    assert (record["reviewer"], record["review"]) == ("second", "accept")
    assert record["reviewed_at"].isoformat() == "2026-01-02T12:00:00+00:00"
    assert contents.records.schema["reviewed_at"] == pl.Datetime("us", "UTC")
    assert contents.records.filter(pl.col("row_id") != chosen)["reviewer"].null_count() == contents.records.height - 1
    assert content_digest(contents.rows, contents.records) == content_digest(before.rows, before.records)


def test_labels_count_as_checked_when_all_are(copied_life: Life) -> None:
    """Manifest and card say how many generated rows people reviewed, and that labels were checked only if all were."""
    context = context_of(copied_life)
    inputs = Inputs(context, "release", {})
    rows = gather(context, inputs).records["row_id"].to_list()

    def told() -> tuple[int, bool, str]:
        manifest = manifest_of(context, inputs, gather(context, inputs), "9.9.9", None, "digest")
        text = data_card(context.card, manifest, inputs.table("training.results"))
        (gold,) = [line for line in text.splitlines() if line.startswith("- **label gold**")]
        return manifest["reviewed_rows"], manifest["labels_checked_by_people"], gold

    assert told()[:2] == (0, False)
    assert "no person has checked" in told()[2]
    review(copied_life, rows[0], "one", "accept", 1)
    review(copied_life, "a row of no release", "one", "accept", 1)
    assert told()[:2] == (1, False)
    assert f"people have checked the labels of 1 of the {len(rows)} generated rows" in told()[2]
    values = ", ".join(f"({n}, '{row}', 'one', 'accept', null, now())" for n, row in enumerate(rows[1:], start=10))
    copied_life.sql(f"insert into labeling.reviews values {values}")
    assert told()[:2] == (len(rows), True)
    assert "no person" not in told()[2]


def test_a_release_without_generated_rows_was_checked_by_nobody(copied_life: Life) -> None:
    """Nothing to check is not something checked."""
    context = context_of(copied_life)
    inputs = Inputs(context, "release", {})
    copied_life.sql("update labeling.labels set confirmed = false")
    manifest = manifest_of(context, inputs, gather(context, inputs), "9.9.9", None, "digest")
    assert (manifest["reviewed_rows"], manifest["labels_checked_by_people"]) == (0, False)
