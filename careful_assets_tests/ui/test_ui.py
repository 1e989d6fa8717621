"""What a person sees in Dagster's UI, clicked through in a real browser."""

from __future__ import annotations

import polars as pl
import pytest

from careful_assets.provenance.stages import STAGES, UPSTREAM
from careful_assets.provenance.verdicts import LETTERS
from careful_assets_tests.cli.projects import NAME
from careful_assets_tests.life.arrange import Life
from careful_assets_tests.ui.conftest import Browser

pytestmark = pytest.mark.browser

_LINEAGE = f"/locations/careful_assets/asset-groups/{NAME}/lineage"
_ASSETS = """
query($group: AssetGroupSelector!) {
  assetNodes(group: $group) {
    assetKey { path }
    dependencyKeys { path }
    assetMaterializations(limit: 1) {
      metadataEntries {
        label
        ... on MarkdownMetadataEntry { mdStr }
        ... on TableSchemaMetadataEntry { schema { columns { name description } } }
      }
    }
  }
}
"""
_GROUP = {
    "groupName": NAME,
    "repositoryName": "__repository__",
    "repositoryLocationName": "careful_assets",
}
_SHOWN_IN_PLACE = 1000  # the UI hides longer Markdown behind a link


def test_materialize_all_takes_the_dataset_through_its_whole_life(
    browser: Browser, materialized: str, served_life: Life
) -> None:
    """One click in the lineage graph: ten assets materialized, every check passed that can close a gate.

    Advice that failed is told, too: the graph counts what the ledger has.
    """
    from playwright.sync_api import expect

    ledger = served_life.table("provenance.ledger")
    assert set(ledger.filter(~pl.col("passed"))["severity"]) <= {"warn"}
    browser.open(_LINEAGE)
    nodes = browser.page.locator("foreignObject")
    expect(nodes).to_have_count(len(STAGES))
    for stage in STAGES:
        node = nodes.filter(has=browser.page.locator(f"[data-tooltip='{stage}']"))
        expect(node).to_contain_text("Materialized")
        judged = ledger.filter(stage=stage)["passed"]
        assert judged.sum() > 0
        expect(node).to_contain_text(f"{judged.sum()} / {judged.len()} Passed")
    browser.picture("lineage")
    assert materialized == "SUCCESS"


def test_the_ten_assets_are_one_graph(browser: Browser) -> None:
    """The graph that the UI draws has the lifecycle's ten assets and true edges, and hangs together."""
    nodes = browser.server.ask(_ASSETS, group=_GROUP)["assetNodes"]
    edges = {node["assetKey"]["path"][-1]: {key["path"][-1] for key in node["dependencyKeys"]} for node in nodes}
    assert edges == {stage: set(UPSTREAM[stage]) for stage in STAGES}
    reached, waiting = set(), ["anchors"]
    while waiting:
        stage = waiting.pop()
        reached.add(stage)
        waiting += [below for below, above in edges.items() if stage in above and below not in reached]
    assert reached == set(STAGES)


def test_the_filtering_page_shows_reasons_and_a_picture(browser: Browser, materialized: str, served_life: Life) -> None:
    """Whoever asks why rows were refused sees a table of reasons and the cascade drawn, without a further click."""
    from playwright.sync_api import expect

    browser.open(f"/assets/{NAME}/filtering")
    table = browser.page.locator("tr", has_text="rejected by reason").locator("table")
    expect(table).to_be_visible()
    shown = [tuple(row.locator("td").all_inner_texts()) for row in table.locator("tbody tr").all()]
    assert shown == _rejects_by_reason(served_life)
    picture = browser.page.get_by_role("img", name="rows left after each gate")
    expect(picture).to_be_visible()
    browser.picture("filtering")
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 100


def _rejects_by_reason(life: Life) -> list[tuple[str, str, str]]:
    rejects = life.table("filtering.decisions").filter(~pl.col("passed"))
    counted = rejects.group_by("position", "gate", "reason").len().sort("position", "reason")
    return [(gate, reason, str(count)) for _, gate, reason, count in counted.iter_rows()]


def test_the_purpose_page_answers_every_letter(browser: Browser, materialized: str) -> None:
    """All seven answers to CAREFUL stand on the page, each with its evidence."""
    from playwright.sync_api import expect

    browser.open(f"/assets/{NAME}/purpose")
    for letter, question in LETTERS.items():
        answer = browser.page.locator("tr").filter(has_text=f"{letter}: {question}")
        expect(answer).to_contain_text("Evidence: ")
    browser.picture("purpose")


def test_nothing_is_hidden_behind_a_link(browser: Browser, materialized: str) -> None:
    """No table and no picture of the ten pages is so long that the UI folds it away."""
    nodes = browser.server.ask(_ASSETS, group=_GROUP)["assetNodes"]
    lengths = {
        (node["assetKey"]["path"][-1], entry["label"]): len(entry["mdStr"])
        for node in nodes
        for entry in node["assetMaterializations"][0]["metadataEntries"]
        if "mdStr" in entry
    }
    assert ("filtering", "rows left after each gate") in lengths
    assert {place: length for place, length in lengths.items() if length >= _SHOWN_IN_PLACE} == {}


def test_every_column_is_described(browser: Browser, materialized: str) -> None:
    """Each of the ten pages says of every column of its table what it holds."""
    nodes = browser.server.ask(_ASSETS, group=_GROUP)["assetNodes"]
    described = {
        (node["assetKey"]["path"][-1], column["name"]): bool(column["description"])
        for node in nodes
        for entry in node["assetMaterializations"][0]["metadataEntries"]
        if "schema" in entry
        for column in entry["schema"]["columns"]
    }
    assert {stage for stage, _ in described} == set(STAGES)
    assert [place for place, said in described.items() if not said] == []


def test_a_faulty_card_says_what_is_wrong(browser: Browser) -> None:
    """A card that cannot be read takes no other dataset down: its page lists the faults."""
    from playwright.sync_api import expect

    browser.open("/assets/faulty/card")
    expect(browser.page.get_by_text("The card of faulty cannot be read")).to_be_visible()
    expect(browser.page.get_by_text("title: must be text")).to_be_visible()
    browser.picture("faulty-card")


def test_checks_run_again_by_hand_find_later_damage(browser: Browser, materialized: str, served_life: Life) -> None:
    """An auditor clicks Execute all on a release that was tampered with, and reads what is wrong and what to do."""
    from playwright.sync_api import expect

    (rows,) = served_life.home.releases(NAME).glob("*/rows.parquet")
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        browser.open(f"/assets/{NAME}/release?view=checks&checkDetail=folder_matches_manifest")
        assert browser.outcome_of_click("Execute all") == "FAILURE"
        expect(browser.page.get_by_text("Restore the folder from a backup")).to_be_visible()
        browser.picture("failed-check")
    finally:
        rows.write_bytes(whole)
