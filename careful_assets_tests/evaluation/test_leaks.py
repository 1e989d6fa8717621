"""Leaks planted into a finished life: found, struck, kept out of mixes and releases, and never taken for clean."""

from __future__ import annotations

import shutil
from contextlib import closing

import duckdb
import polars as pl
import pytest

from careful_assets.errors import StageFailed
from careful_assets.llm import embeddings
from careful_assets.operations.trace import trace_row
from careful_assets.text.leaks.near import NearDuplicateDetector
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.normalize import tokens
from careful_assets_tests.life.arrange import Life, failures_of


def sealed_texts(life: Life, at_least_tokens: int) -> list[str]:
    """Sealed sentences, read past every grant, as only a test may."""
    with closing(duckdb.connect(str(life.home.vault(life.dataset)), read_only=True)) as con:
        texts = con.table("sealed.rows").pl().sort("row_id")["text"].to_list()
    return [text for text in texts if len(tokens(text)) >= at_least_tokens]


def confirmed_rows(life: Life) -> list[str]:
    """Ids of generated rows that would go into the mix."""
    return life.table("labeling.labels").filter(pl.col("confirmed")).sort("row_id")["row_id"].to_list()


def plant(life: Life, texts: dict[str, str]) -> None:
    """Give candidates other texts, behind every stage's back."""
    with closing(duckdb.connect(str(life.home.warehouse(life.dataset)))) as con:
        for row_id, text in texts.items():
            con.execute(
                "update generation.candidates set text = $text where row_id = $row_id", {"row_id": row_id, "text": text}
            )


def struck(life: Life) -> set[tuple[str, str]]:
    """(row_id, detector) of every leak on record."""
    return set(life.table("evaluation.leaks").select("row_id", "detector").iter_rows())


def test_planted_leaks_are_struck_and_used_nowhere(copied_life: Life) -> None:
    """A sealed row verbatim, in capitals, cut short, or inside a longer row is struck, and in no mix and no release."""
    first, second, third, fourth, *_ = sealed_texts(copied_life, 16)
    rows = confirmed_rows(copied_life)[:4]
    shortened = " ".join(fourth.split()[: len(fourth.split()) * 3 // 4])
    buried = f"i told them this on the phone the other day and wrote it down: {third} and so it went on for an hour"
    plant(copied_life, dict(zip(rows, [first, f"  {second.upper()} ", buried, shortened], strict=True)))
    before = struck(copied_life)
    result = copied_life.materialize("evaluation", "training", "release")
    assert result.success, failures_of(result)
    found = struck(copied_life)
    assert {(rows[0], "exact"), (rows[0], "ngram_8"), (rows[1], "exact"), (rows[2], "ngram_8")} <= found
    assert {row_id for row_id, _ in found - before} == set(rows)
    assert not set(rows) & set(copied_life.table("training.mixes")["row_id"])
    newest = copied_life.table("release.rows").filter(pl.col("version") == "2.0.0")
    assert newest.height > 0
    assert not set(rows) & set(newest["row_id"])
    folder = copied_life.release_folder("2.0.0")
    rejects = pl.read_parquet(folder / "rejects.parquet").filter(pl.col("row_id").is_in(rows))
    assert rejects["reason"].to_list() == ["leak"] * 4
    assert rejects["text"].null_count() == 4, "a struck row's text must not travel with the release"


def test_a_finding_names_the_sealed_row_by_digest_and_masks_the_span(copied_life: Life) -> None:
    """The set, score, threshold and place of the match stand in the table; no word of the sealed row does."""
    text = sealed_texts(copied_life, 16)[0]
    (row_id,) = confirmed_rows(copied_life)[:1]
    plant(copied_life, {row_id: f"as somebody once said to me in a shop , {text} , or so they said"})
    assert copied_life.materialize("evaluation").success
    (leak,) = copied_life.table("evaluation.leaks").filter(row_id=row_id, detector="ngram_8").to_dicts()
    assert (leak["set_name"], leak["score"]) == ("anchors", 1.0)
    assert leak["score"] >= leak["threshold"] > 0
    start, stop = leak["span_start"], leak["span_stop"]
    assert len("as somebody once said to me in a shop") <= start < stop
    assert not set(leak["masked"]) & set("abcdefghijklmnopqrstuvwyz012345678")
    assert len(leak["eval_row_digest"]) == 64


def test_few_clean_rows_are_struck_and_every_detector_ran(finished_life: Life) -> None:
    """Of the finished life's rows, which are not the ruler's, at most one in fifty is struck; all detectors ran."""
    rows = finished_life.table("generation.candidates").height
    assert len({row_id for row_id, _ in struck(finished_life)}) <= rows // 50
    runs = finished_life.table("evaluation.detectors")
    assert set(runs["detector"]) == {*finished_life.loaded.profile.leaks.detectors, "canary"}
    assert runs["ran"].all()
    assert set(runs["rows_seen"]) == {rows}


def test_too_many_leaks_close_the_gate(copied_life: Life) -> None:
    """Over the card's share of leaks the check fails, training does not start, and the failure says why."""
    texts = sealed_texts(copied_life, 8)
    kept = copied_life.table("labeling.labels").sort("row_id")["row_id"].to_list()
    free = [row_id for row_id in kept if row_id not in {found for found, _ in struck(copied_life)}]
    rows = free[: int(0.05 * len(kept)) + 1]
    plant(copied_life, dict(zip(rows, texts, strict=False)))
    assert not copied_life.materialize("evaluation").success
    result = copied_life.materialize("training")
    assert not result.success
    (said,) = failures_of(result)
    assert "evaluation/leak_share" in said
    found = len({row_id for row_id, _ in struck(copied_life)} & set(kept))
    assert found >= len(rows)
    assert f"{found} of {len(kept)} kept rows are leaks" in said


def test_a_detector_that_dies_is_no_clean_verdict(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors that raise, or whose model is missing, leave no clean bill: the check fails by their names."""

    def broken(self: NearDuplicateDetector, sealed: Prepared) -> None:
        raise RuntimeError("the detector died")

    def missing(*_: object) -> None:
        raise StageFailed("embedder minilm: model.onnx is missing")

    monkeypatch.setattr(NearDuplicateDetector, "index", broken)
    monkeypatch.setattr(embeddings, "open_embedder", missing)
    assert not copied_life.materialize("evaluation").success
    (said,) = failures_of(copied_life.materialize("training"))
    assert "evaluation/detectors_ran" in said
    assert "near_duplicate did not run (RuntimeError)" in said
    assert "embedding did not run (embedder minilm: model.onnx is missing)" in said
    assert not copied_life.materialize("release").success


def test_moving_the_split_does_not_unseal(copied_life: Life) -> None:
    """Dealing out otherwise is refused within a vintage; with a new one it moves no row that was dealt out before."""
    before = copied_life.home.vault(copied_life.dataset).read_bytes()
    sides = copied_life.table("anchors.rows").select("row_id", "split").sort("row_id")
    copied_life.rewrite_card("    vault: 30", "    vault: 20")
    copied_life.rewrite_card("    train: 35", "    train: 45")
    result = copied_life.materialize("anchors")
    assert not result.success
    (said,) = failures_of(result)
    assert "anchors.split changed within vintage 1: rows that were dealt out never move" in said
    assert copied_life.home.vault(copied_life.dataset).read_bytes() == before
    sealed = copied_life.table("anchors.vault_counts").sort("label")
    copied_life.rewrite_card("  vintage: 1", "  vintage: 2")
    assert copied_life.materialize("anchors").success
    assert copied_life.table("anchors.vault_counts").sort("label").equals(sealed)
    assert copied_life.table("anchors.rows").select("row_id", "split").sort("row_id").equals(sides)


def test_a_lost_vault_is_sealed_to_the_same_rows_alone(copied_life: Life) -> None:
    """Without its vault a dataset may seal the same rows again, and no others: losing the file does not unseal."""
    state = copied_life.table("anchors.vault_counts")["registry_state"][0]
    copied_life.home.vault(copied_life.dataset).unlink()
    copied_life.rewrite_card("    vault: 30", "    vault: 20")
    copied_life.rewrite_card("    train: 35", "    train: 45")
    copied_life.rewrite_card("  vintage: 1", "  vintage: 2")
    (said,) = failures_of(copied_life.materialize("anchors"))
    assert "is gone, and the rows offered now are not those that were sealed" in said
    copied_life.rewrite_card("    vault: 20", "    vault: 30")
    copied_life.rewrite_card("    train: 45", "    train: 35")
    copied_life.rewrite_card("  vintage: 2", "  vintage: 1")
    assert copied_life.materialize("anchors").success
    assert copied_life.table("anchors.vault_counts")["registry_state"][0] == state


def test_a_refused_leak_does_not_travel_with_the_release(copied_life: Life) -> None:
    """A sealed row's text that a gate refused for another reason is struck all the same, and its text stays behind."""
    (text, *_) = sealed_texts(copied_life, 12)
    refused = copied_life.table("filtering.decisions").filter(pl.col("passed").not_()).sort("row_id")["row_id"][0]
    plant(copied_life, {refused: text})
    copied_life.forget("release", "monitoring", "retirement")
    shutil.rmtree(copied_life.release_folder())
    assert copied_life.materialize("evaluation", "training", "release").success
    assert refused in {row_id for row_id, _ in struck(copied_life)}
    rejects = pl.read_parquet(copied_life.release_folder() / "rejects.parquet").filter(pl.col("row_id") == refused)
    assert rejects["text"].to_list() == [None]
    story = trace_row(copied_life.home, [copied_life.dataset], refused)
    assert text not in str(story)


def test_a_release_without_generated_rows_is_refused(copied_life: Life) -> None:
    """Where nothing generated is left there is nothing to release, and the check says so."""
    copied_life.sql("update labeling.labels set confirmed = false")
    assert not copied_life.materialize("training", "release").success
    (said,) = failures_of(copied_life.materialize("monitoring"))
    assert "no generated row is in it" in said


def test_openings_tell_the_modes_that_the_vault_has(copied_life: Life) -> None:
    """What an opening says of the vault's file is what the file is, not what it should be."""
    copied_life.home.vault(copied_life.dataset).chmod(0o640)
    assert copied_life.materialize("evaluation").success
    newest = copied_life.table("provenance.openings").sort("seq").row(-1, named=True)
    assert newest["grant_name"] == "VaultProbe"
    assert newest["protections"].startswith("file 0640, folder 07")
