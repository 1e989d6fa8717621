"""What a release of a whole life holds: the data card's warnings first, and no text of a struck row."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import polars as pl
import pytest

from careful_assets.catalogue import requirements_of
from careful_assets.errors import Refused
from careful_assets.provenance.release_content import content_digest
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.release.data_card import data_card
from careful_assets.release.folder import differences, read_manifest
from careful_assets.release.rows import Contents, gather
from careful_assets.release.stage import make_release
from careful_assets.warehouse.canary_registry import CanaryRegistry
from careful_assets_tests.life.arrange import Life
from careful_assets_tests.life.damage import LEAK_COLUMNS

RECORD = {
    "request_id",
    "prompt_sha256",
    "rendered_prompt",
    "generator_id",
    "generator_digest",
    "params",
    "seed",
    "parent_ids",
}


def gathered(life: Life) -> Contents:
    """What the release stage would put into a release now."""
    loaded = life.loaded
    context = StageContext(loaded, life.home, "run", requirements_of(loaded), print)
    return gather(context, Inputs(context, "release", {}))


def struck(life: Life, count: int = 3) -> list[str]:
    """Strike some released rows, as the evaluation stage does with leaks."""
    labels = life.table("labeling.labels").filter(pl.col("confirmed")).sort("row_id")
    chosen = labels["row_id"].head(count).to_list()
    for row_id in chosen:
        life.sql(f"insert into {LEAK_COLUMNS} values ('{row_id}', 'digest', 'exact', 1000, 1000, 'planted')")
    return chosen


def test_the_data_card_opens_with_what_it_is_not_good_for(finished_life: Life) -> None:
    """Before anything else the card tells every forbidden use with its reason, and the three that always hold."""
    text = (finished_life.release_folder() / "DATA_CARD.md").read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings[0] == "## NOT good for"
    first = text[text.index("## NOT good for") : text.index("## Good for")]
    for entry in finished_life.loaded.card.use_limits.forbidden:
        assert f"**{entry.use}**: {' '.join(entry.reason.split())}" in first
    assert "any measurement" in first
    assert "label gold" in first
    assert "more than 50% generated rows in a class" in first


def test_the_data_card_gives_the_figures_of_the_release(finished_life: Life) -> None:
    """Row counts, digests, owner, dates and triggers on the card are those of manifest and card."""
    folder, card = finished_life.release_folder(), finished_life.loaded.card
    text, manifest = (folder / "DATA_CARD.md").read_text(encoding="utf-8"), read_manifest(folder)
    assert f"{manifest['rows']['real']} real rows and {manifest['rows']['generated']} generated ones" in text
    for said in (
        manifest["content_digest"], manifest["card_digest"], card.owner.email, str(card.lifecycle.retire_by),
        *(" ".join(trigger.split()) for trigger in card.lifecycle.retirement_triggers), manifest["anchors"]["sha256"],
    ):  # fmt: skip
        assert said in text


@pytest.mark.parametrize(("family", "told"), [("gemma", True), ("ngram", False)])
def test_gemmas_terms_travel_with_its_rows(finished_life: Life, family: str, told: bool) -> None:
    """Where a generator is of the Gemma family its terms of use stand on the card, and nowhere else."""
    manifest = read_manifest(finished_life.release_folder())
    manifest["generators"] = [{**manifest["generators"][0], "generator_family": family}]
    text = data_card(finished_life.loaded.card, manifest, finished_life.table("training.results"))
    assert ("Gemma Terms of Use" in text) == told


def test_a_whole_life_leaves_a_whole_release(finished_life: Life) -> None:
    """The folder is as its manifest says, its digest that of rows and records; every generated row has its record."""
    folder = finished_life.release_folder()
    assert differences(folder) == []
    rows, records = pl.read_parquet(folder / "rows.parquet"), pl.read_parquet(folder / "provenance.parquet")
    assert content_digest(rows, records) == read_manifest(folder)["content_digest"]
    generated = rows.filter(pl.col("origin") == "generated")
    assert generated["row_id"].to_list() == records["row_id"].to_list()
    assert generated.height > 0
    assert records.select(sorted(RECORD)).null_count().sum_horizontal()[0] == 0


def test_every_candidate_is_released_or_turned_away_once(finished_life: Life) -> None:
    """Generated rows and rejects together are all candidates, each once."""
    folder = finished_life.release_folder()
    rows, rejects = pl.read_parquet(folder / "rows.parquet"), pl.read_parquet(folder / "rejects.parquet")
    told = rows.filter(pl.col("origin") == "generated")["row_id"].to_list() + rejects["row_id"].to_list()
    assert sorted(told) == sorted(finished_life.table("generation.candidates")["row_id"].to_list())
    assert rejects["reason"].null_count() == 0


def test_struck_rows_are_told_without_their_text(copied_life: Life) -> None:
    """A struck row is in neither rows nor records; among the rejects it stands as a leak, without its text."""
    chosen = struck(copied_life)
    contents = gathered(copied_life)
    texts = copied_life.table("generation.candidates").filter(pl.col("row_id").is_in(chosen))["text"].to_list()
    leaks = contents.rejects.filter(pl.col("row_id").is_in(chosen))
    assert leaks.select("stage", "reason").unique().rows() == [("evaluation", "leak")]
    assert leaks.height == len(chosen)
    assert leaks["text"].null_count() == len(chosen)
    for frame in (contents.rows, contents.records):
        assert set(chosen).isdisjoint(frame["row_id"])
    assert not set(texts) & set(contents.rejects["text"].drop_nulls())


def test_a_row_struck_twice_is_told_once(copied_life: Life) -> None:
    """A row that two detectors struck is one reject."""
    (chosen,) = struck(copied_life, 1)
    copied_life.sql(f"insert into {LEAK_COLUMNS} values ('{chosen}', 'other', 'ngram', 900, 500, 'planted')")
    assert gathered(copied_life).rejects.filter(row_id=chosen).height == 1


def test_a_row_struck_and_refused_by_nobody_else_keeps_conservation(copied_life: Life) -> None:
    """With rows struck, rows and rejects are still all candidates, each once."""
    struck(copied_life, 5)
    contents = gathered(copied_life)
    told = contents.rows.filter(origin="generated")["row_id"].to_list() + contents.rejects["row_id"].to_list()
    assert sorted(told) == sorted(copied_life.table("generation.candidates")["row_id"].to_list())


def test_no_sealed_text_is_in_the_release(finished_life: Life) -> None:
    """The real rows of a release are train anchors alone."""
    rows = pl.read_parquet(finished_life.release_folder() / "rows.parquet").filter(origin="real")
    train = finished_life.table("anchors.rows").filter(split="train")
    assert sorted(rows["row_id"]) == sorted(train["row_id"])
    assert read_manifest(finished_life.release_folder())["ruler"]["rows"] > 0


def test_times_in_the_warehouse_have_a_zone(finished_life: Life) -> None:
    """The release's time is in UTC and lies in the past."""
    (made_at,) = finished_life.table("release.releases")["made_at"]
    assert made_at <= datetime.now(UTC)


def test_a_release_carries_its_canary_and_nothing_counts_it(finished_life: Life) -> None:
    """Manifest, data card and a file of its own tell it; it is no row; its registering is on record as an opening."""
    folder = finished_life.release_folder()
    (canary,) = read_manifest(folder)["canaries"]
    told = pl.read_parquet(folder / "canaries.parquet")
    assert told.select("row_id", "text").rows() == [(canary["digest"], canary["text"])]
    assert told.columns == pl.read_parquet(folder / "rows.parquet").columns
    assert "canaries.parquet" in (folder / "DATA_CARD.md").read_text(encoding="utf-8")
    assert canary["text"] not in finished_life.table("release.rows")["text"].to_list()
    openings = finished_life.table("provenance.openings").filter(stage="release", grant_name="CanaryRegistry")
    assert openings["operation"].unique().to_list() == ["register"]


def test_a_folder_that_is_written_again_has_the_same_canary(copied_life: Life) -> None:
    """A folder that was gone comes back with the sentence that it had."""
    before = read_manifest(copied_life.release_folder())["canaries"]
    shutil.rmtree(copied_life.release_folder())
    assert copied_life.materialize("release").success
    assert read_manifest(copied_life.release_folder())["canaries"] == before


def test_more_rows_of_unknown_origin_than_allowed_are_not_written(copied_life: Life) -> None:
    """The stage refuses before any folder, with counts and both remedies."""
    life = copied_life
    life.sql(
        "update generation.requests set generator_family = 'unknown' where request_id = (select min(c.request_id) from"
        " generation.candidates c join release.rows r on r.row_id = c.row_id)",
        "delete from release.releases",
        "delete from release.rows",
    )
    shutil.rmtree(life.home.releases(life.dataset))
    loaded = life.loaded
    context = StageContext(loaded, life.home, "run", requirements_of(loaded), print)
    registry = CanaryRegistry(life.home.vault(life.dataset), life.home.warehouse(life.dataset), "run")
    with pytest.raises(
        Refused, match=r"nobody knows who made [1-9].*no file on record.*--generator unknown"
    ) as refused:
        make_release(context, Inputs(context, "release", {}), registry)
    assert "max_unknown_share" in str(refused.value)
    assert not life.home.releases(life.dataset).exists()
