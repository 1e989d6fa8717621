"""An erasure reaches every place that holds the row or what was made from it, and nothing brings any of it back."""

from __future__ import annotations

import json
import shutil

import polars as pl
import pytest

from careful_assets.errors import GateClosed, Refused, StageFailed
from careful_assets.llm.journal_lock import take_lock
from careful_assets.llm.journal_state import read_state
from careful_assets.operations import erase as erasing_module
from careful_assets.operations.erasing.receipt import erased_text
from careful_assets.operations.status import status_of
from careful_assets.operations.text import status_text
from careful_assets.release.folder import differences, read_manifest
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.tables import read
from careful_assets_tests.life.arrange import Life, failures_of
from careful_assets_tests.operations.erasing import (
    REASON,
    Victim,
    erased,
    folder_names,
    never_run_again,
    plant_everywhere,
    sealed_ids,
    shown_exemplar,
    steps,
    stores,
)
from careful_assets_tests.operations.searching import places_of

_STORES = (
    "warehouse/", "quarantine/", "journal/", "releases/phone_reviews/1.0.0/", "releases/phone_reviews/.making",
    "scratch/", "vault/scratch/",
)  # fmt: skip


def _descendants(life: Life, victim: Victim) -> set[str]:
    shown = life.table("generation.requests").filter(pl.col("parent_ids").list.contains(victim.row_id))
    return set(life.table("generation.candidates").join(shown, on="request_id", how="semi")["row_id"].to_list())


def test_a_row_is_gone_from_everywhere(copied_small_life: Life) -> None:
    """The search finds the text in every store; after the erasure, its successor made by a full run, it finds nothing;
    no descendant is a candidate again; the release is a tombstone, and the receipt says all of it without content.
    """
    life, victim = copied_small_life, shown_exemplar(copied_small_life)
    stranger = plant_everywhere(life, victim)
    descendants = _descendants(life, victim)
    before = places_of(victim.text, life.home.root)
    assert all(any(place.startswith(store) for place in before) for store in _STORES), before
    manifest = read_manifest(life.release_folder())

    report = erased(life, victim.row_id[:12])

    assert report["success"], report["problems"]
    assert places_of(victim.text, life.home.root) == set()
    assert places_of(victim.text.upper(), life.home.root) == set()
    gone = {victim.row_id, stranger, *descendants}
    for table in ("anchors.rows", "anchors.history", "generation.candidates", "filtering.decisions", "labeling.votes"):
        assert gone.isdisjoint(life.table(table)["row_id"].to_list())
    parents = life.table("generation.requests").filter(pl.col("status") != "erased")["parent_ids"].explode()
    assert victim.row_id not in parents.to_list()
    assert steps(life) == ["begun", "swept", "done"]

    assert folder_names(life.release_folder()) == {"manifest.json", "DATA_CARD.md", "TOMBSTONE.json"}
    assert differences(life.release_folder()) == []
    assert read_manifest(life.release_folder()) == manifest
    tombstone = json.loads((life.release_folder() / "TOMBSTONE.json").read_text(encoding="utf-8"))
    assert tombstone["why"] == f"erasure {report['erasure_id']}: {REASON}"
    rows = life.table("release.rows").filter(pl.col("version") == "1.0.0")
    assert rows.height == manifest["rows"]["real"] + manifest["rows"]["generated"]
    assert rows["text"].unique().to_list() == [""]
    statuses = life.table("retirement.statuses").sort("version")
    assert statuses.select("version", "status").rows() == [("1.0.0", "retired"), ("2.0.0", "active")]
    assert statuses["reason"][0] == tombstone["why"]
    assert "1.0.0" in (life.release_folder("2.0.0") / "DATA_CARD.md").read_text(encoding="utf-8")

    assert (report["releases_retired"], report["successor"]) == (["1.0.0"], "2.0.0")
    assert report["counts"]["quarantine"] == 1
    assert report["counts"]["journal"] == report["requests"] > report["requests_that_showed_it"]
    assert report["texts_that_copy_it"] >= 1
    assert [model["arm"] for model in report["models_to_retrain"]] == ["mix"]
    told = json.dumps(report) + erased_text(report)
    assert victim.text not in told
    assert life.table("provenance.erasures").sort("seq")["receipt"][-1] in json.dumps(report) or report["done_at"]

    again = erased(life, victim.row_id, "another reason")
    assert again["already_done"]
    assert (again["reason"], again["done_at"]) == (REASON, report["done_at"])
    assert steps(life) == ["begun", "swept", "done"]


class Died(BaseException):
    """What stands for a kill inside of this process."""


@pytest.fixture
def resting_life(copied_small_life: Life) -> Life:
    """A life of which no stage is run anew by an erasure."""
    return never_run_again(copied_small_life)


@pytest.mark.parametrize("place", ["sweep", "unseal", "rewrite_warehouse", "_succeeded", "busy_scratch"])
def test_cut_off_between_two_steps(resting_life: Life, place: str) -> None:
    """Cut off before any of its steps, the same command ends the erasure, for the reason that was given first."""
    life, victim = resting_life, shown_exemplar(resting_life)
    plant_everywhere(life, victim)

    def dying(*_: object, **__: object) -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasing_module, place, dying)
        with pytest.raises(Died):
            erased(life, victim.row_id)
    (unfinished,) = status_of(life.loaded, life.home)["erasures"]
    assert unfinished["row_id"] == victim.row_id
    assert f"careful erase {life.dataset} --anchor {victim.row_id}" in status_text(status_of(life.loaded, life.home))
    unswept = place in ("sweep", "unseal", "rewrite_warehouse")
    assert steps(life) == (["begun"] if unswept else ["begun", "swept"])
    if unswept:
        other = life.table("anchors.rows").filter(pl.col("row_id") != victim.row_id)["row_id"][0]
        with pytest.raises(GateClosed, match="not finished"):
            erased(life, other)
    report = erased(life, victim.row_id, "a second reason")
    assert status_of(life.loaded, life.home)["erasures"] == []
    assert (report["success"], report["reason"], steps(life)) == (True, REASON, ["begun", "swept", "done"])
    assert places_of(victim.text, life.home.root) == set()


def test_no_gate_stands_open_before_the_successor(copied_small_life: Life) -> None:
    """Where the successor cannot be made, the rows are gone, the stages that lost rows have versions that no check
    passed, and no verdict of before counts for them.
    """
    life, victim = copied_small_life, shown_exemplar(copied_small_life)
    before = life.data_versions()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("careful_assets.operations.jobs.run_life", _failing)
        report = erased(life, victim.row_id)
    assert (report["success"], report["status"], report["exit_code"]) == (False, "swept", 1)
    assert "careful run" in erased_text(report)
    assert places_of(victim.text, life.home.root) == set()
    cut = {stage for stage, made in life.versions().items() if made.run_id == report["erasure_id"]}
    assert {"anchors", "generation", "filtering", "labeling", "release"} <= cut
    passed = set(life.table("provenance.ledger").select("stage", "data_version").iter_rows())
    for stage in cut:
        assert life.data_versions()[stage] != before[stage]
        assert (stage, life.data_versions()[stage]) not in passed


def _failing(*_: object) -> object:
    from careful_assets.errors import Exit
    from careful_assets.operations.jobs import RunReport

    return RunReport("run", False, ["the generator is down"], [], Exit.DOES_NOT_HOLD)


def test_a_sealed_row(resting_life: Life) -> None:
    """A sealed row goes from the vault, whose state is another then; what it is kin of and its counts go with it."""
    life, row_id = resting_life, sealed_ids(resting_life)[0]
    before = life.table("anchors.vault_counts")
    report = erased(life, row_id)
    assert report["counts"]["vault"] == 1
    assert row_id not in sealed_ids(life)
    assert not any(place.startswith("vault/") for place in places_of(row_id, life.home.root))
    after = life.table("anchors.vault_counts")
    assert int(after["n"].sum()) == int(before["n"].sum()) - 1
    assert set(after["registry_state"]).isdisjoint(before["registry_state"])
    openings = life.table("provenance.openings").filter(pl.col("operation") == "erase")
    assert openings["rows"].to_list() == [1]
    with pytest.raises(Refused, match="no real row"):
        erased(life, sealed_ids(life)[0][:20])


@pytest.mark.soak
def test_a_vault_lost_after_an_erasure_is_sealed_again(copied_life: Life) -> None:
    """What is on record of the sealed sets is what an erasure leaves: rows, digest and state. A vault that is lost then
    is sealed to that state, without the row and with its raters, and detectors are held to the rows that are there.

    In the ordinary run `anchors/test_erased.py` holds that the row stays out of the vault.
    """
    life = never_run_again(copied_life)  # its rows were rated, those of the small project were not
    row_id = sealed_ids(life)[0]
    (before,) = life.table("anchors.evaluation_sets").to_dicts()
    report = erased(life, row_id)
    (after,) = life.table("anchors.evaluation_sets").to_dicts()
    assert report["success"]
    assert after["rows"] == before["rows"] - 1 == len(sealed_ids(life))
    assert after["set_digest"] != before["set_digest"]
    assert {after["registry_state"]} == set(life.table("anchors.vault_counts")["registry_state"])
    left = sealed_ids(life)
    life.home.vault(life.dataset).unlink()
    run = life.materialize("anchors")
    assert run.success, failures_of(run)
    assert sealed_ids(life) == left
    assert life.table("anchors.evaluation_sets").to_dicts() == [after]
    with connect(life.home.vault(life.dataset), read_only=True) as con:
        assert read(con, "sealed.ratings").height == len(left)
    open_votes = life.table("anchors.rows").filter(pl.col("votes").is_not_null())
    assert set(open_votes["row_id"]).isdisjoint(left)


def test_rows_of_others_with_the_same_text(resting_life: Life) -> None:
    """Another real row that says the same is named by its id, and stays."""
    life, victim = resting_life, shown_exemplar(resting_life)
    other = life.table("anchors.rows").filter(pl.col("row_id") != victim.row_id).sort("row_id")["row_id"][0]
    quoted = f"  {victim.text.upper()}".replace("'", "''")
    life.sql(f"update anchors.rows set text = '{quoted}' where row_id = '{other}'")
    report = erased(life, victim.row_id)
    assert report["same_text"] == [other]
    assert other in life.table("anchors.rows")["row_id"].to_list()


@pytest.mark.parametrize("split", ["holdout", "train", "aside"])
def test_a_row_that_no_prompt_showed(resting_life: Life, split: str) -> None:
    """It goes with nothing but itself; a release that holds it is retired, one that does not stands."""
    life = resting_life
    rows = life.table("anchors.rows").sort("row_id")
    if split == "aside":
        one = rows.filter(pl.col("split") == "holdout")["row_id"][0]
        life.sql(f"update anchors.rows set split = 'aside', text = '' where row_id = '{one}'")
    else:
        one = rows.filter((pl.col("split") == split) & (pl.col("text").str.len_chars() > 60))["row_id"][0]
    report = erased(life, one)
    assert (report["requests_that_showed_it"], report["counts"]["vault"]) == (0, 0)
    assert report["releases_retired"] == (["1.0.0"] if split == "train" else [])
    assert one not in life.table("anchors.rows")["row_id"].to_list()


def test_a_release_that_was_retired_before_is_named(resting_life: Life) -> None:
    """Whoever has a copy of it holds the row: the second row's receipt names the release that the first one retired."""
    rows = resting_life.table("anchors.rows").filter(pl.col("split") == "train").sort("row_id")
    first, second = rows.filter(pl.col("text").str.len_chars() > 60)["row_id"][:2]
    before = erased(resting_life, first)
    assert (before["releases_retired"], before["releases_retired_before"]) == (["1.0.0"], [])
    report = erased(resting_life, second)
    assert (report["releases_retired"], report["releases_retired_before"]) == ([], ["1.0.0"])
    assert "once held by 1.0.0, retired before" in erased_text(report)


def test_a_copy_goes_without_its_siblings(resting_life: Life) -> None:
    """A completion that says a row which no prompt showed goes from journal, warehouse and quarantine; what else the
    request gave stays, in its place. Other datasets that hold the row are named, and one that cannot be read.
    """
    life, home = resting_life, resting_life.home
    rows = life.table("anchors.rows").filter((pl.col("split") == "holdout") & (pl.col("text").str.len_chars() > 60))
    victim, text = rows.sort("row_id").select("row_id", "text").row(0)
    candidates = life.table("generation.candidates")
    request_id, index = _copied_into_the_journal(life, text)
    siblings = candidates.filter((pl.col("request_id") == request_id) & (pl.col("ordinal") != index))
    shutil.copy(home.warehouse(life.dataset), home.warehouse("twin"))
    home.warehouse("torn").write_bytes(b"no database")
    with pytest.raises(Refused, match="the reason holds the text"):
        erased(life, victim, f"she wrote: {text.upper()}"[:500])
    assert steps(life) == []

    report = erased(life, victim)
    assert (report["requests"], report["completions_of_other_requests"]) == (0, 1)
    assert siblings.height > 0
    assert set(siblings["row_id"]) <= set(life.table("generation.candidates")["row_id"])
    answer = read_state(life.journal).answers[request_id]
    assert sorted(choice.index for choice in answer.choices) == sorted(siblings["ordinal"])
    held = [(one["dataset"], one["held"].split(":")[0]) for one in report["also_held_by"]]
    assert held == [("torn", "unread"), ("twin", "the row")]
    assert f"careful erase twin --anchor {victim}" in erased_text(report)
    left = {place for place in places_of(text, home.root) if "twin" not in place}
    assert left == set()


def _copied_into_the_journal(life: Life, text: str) -> tuple[str, int]:
    """Let one completion of several of a recorded answer be a text; its request and index."""
    lines = [json.loads(line) for line in life.journal.read_text(encoding="utf-8").splitlines()]
    event = next(one for one in lines if one["event"] == "answered" and len(one["choices"]) > 1)
    event["choices"][1]["text"] = f"- I say {text.upper()}"
    life.journal.write_text("".join(f"{json.dumps(one)}\n" for one in lines), encoding="utf-8")
    return event["request_id"], event["choices"][1]["index"]


@pytest.mark.parametrize("anchor", ["no such key", "0" * 64, "abc", ""])
def test_an_unknown_row(resting_life: Life, anchor: str) -> None:
    """No such row: refused, and nothing is erased."""
    with pytest.raises(Refused, match="no real row"):
        erased(resting_life, anchor)
    assert steps(resting_life) == []
    assert resting_life.table("provenance.erased").is_empty()


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501, "a bell\a"])
def test_a_reason_is_one_line(finished_small_life: Life, reason: str) -> None:
    """Anything else is refused before anything is looked at."""
    before = stores(finished_small_life)
    with pytest.raises(Refused, match="one printable line"):
        erased(finished_small_life, "0" * 64, reason)
    assert stores(finished_small_life) == before


def test_while_the_journal_is_written(resting_life: Life) -> None:
    """Refused with the holder's pid, and nothing is recorded."""
    import os

    victim, lock = shown_exemplar(resting_life), take_lock(resting_life.journal)
    try:
        with pytest.raises(StageFailed, match=f"pid {os.getpid()}"):
            erased(resting_life, victim.row_id)
    finally:
        os.close(lock)
    assert steps(resting_life) == []


def test_without_journal_and_releases(resting_life: Life) -> None:
    """A dataset that has neither loses the row all the same."""
    life, victim = resting_life, shown_exemplar(resting_life)
    life.journal.unlink()
    shutil.rmtree(life.home.releases(life.dataset))
    life.sql("delete from release.releases", "delete from release.rows")
    report = erased(life, victim.row_id)
    assert (report["success"], report["releases_retired"], report["counts"]["journal"]) == (True, [], 0)
    assert places_of(victim.text, life.home.root) == set()
