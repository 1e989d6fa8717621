"""Leaks planted into a finished life: found, struck, kept out of mixes and releases, and never taken for clean."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass

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

_VINTAGE_1, _VINTAGE_2 = "  labels: [bad, fair, good]\n", "  labels: [bad, fair, good]\n  vintage: 2\n"


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


@dataclass(frozen=True)
class Leaky:
    """The finished life, run again from evaluation to release with sealed texts in some of its candidates."""

    life: Life
    before: set[tuple[str, str]]  # what was struck
    copied: list[str]  # rows that would have gone into the mix: verbatim, in capitals, inside a longer row, cut short
    quoting: str  # another one, that quotes a sealed text
    refused: str  # a row that a gate had refused
    refused_text: str


@pytest.fixture(scope="module")
def leaky(finished_life: Life, tmp_path_factory: pytest.TempPathFactory) -> Leaky:
    """One life for all that is told of a few leaks; its vault's file is open to a group, too."""
    life = finished_life.copy(tmp_path_factory.mktemp("leaky") / "life")
    first, second, third, fourth, fifth, sixth, *_ = sealed_texts(life, 16)
    *copied, quoting = confirmed_rows(life)[:5]
    refused = life.table("filtering.decisions").filter(pl.col("passed").not_()).sort("row_id")["row_id"][0]
    shortened = " ".join(fourth.split()[: len(fourth.split()) * 3 // 4])
    buried = f"i told them this on the phone the other day and wrote it down: {third} and so it went on for an hour"
    quoted = f"as somebody once said to me in a shop , {fifth} , or so they said"
    texts = [first, f"  {second.upper()} ", buried, shortened, quoted, sixth]
    plant(life, dict(zip([*copied, quoting, refused], texts, strict=True)))
    life.home.vault(life.dataset).chmod(0o640)
    before = struck(life)
    result = life.materialize("evaluation", "training", "release")
    assert result.success, failures_of(result)
    return Leaky(life, before, copied, quoting, refused, sixth)


def test_planted_leaks_are_struck_and_used_nowhere(leaky: Leaky) -> None:
    """A sealed row verbatim, in capitals, cut short, or inside a longer row is struck, and in no mix and no release."""
    rows, found = leaky.copied, struck(leaky.life)
    assert {(rows[0], "exact"), (rows[0], "ngram_8"), (rows[1], "exact"), (rows[2], "ngram_8")} <= found
    assert {row_id for row_id, _ in found - leaky.before} == {*rows, leaky.quoting, leaky.refused}
    assert not {*rows, leaky.quoting} & set(leaky.life.table("training.mixes")["row_id"])
    newest = leaky.life.table("release.rows").filter(pl.col("version") == "2.0.0")
    assert newest.height > 0
    assert not {*rows, leaky.quoting} & set(newest["row_id"])
    folder = leaky.life.release_folder("2.0.0")
    rejects = pl.read_parquet(folder / "rejects.parquet").filter(pl.col("row_id").is_in(rows))
    assert rejects["reason"].to_list() == ["leak"] * 4
    assert rejects["text"].null_count() == 4, "a struck row's text must not travel with the release"


def test_a_finding_names_the_sealed_row_by_digest_and_masks_the_span(leaky: Leaky) -> None:
    """The set, score, threshold and place of the match stand in the table; no word of the sealed row does."""
    (leak,) = leaky.life.table("evaluation.leaks").filter(row_id=leaky.quoting, detector="ngram_8").to_dicts()
    assert (leak["set_name"], leak["score"]) == ("anchors", 1.0)
    assert leak["score"] >= leak["threshold"] > 0
    start, stop = leak["span_start"], leak["span_stop"]
    assert len("as somebody once said to me in a shop") <= start < stop
    assert not set(leak["masked"]) & set("abcdefghijklmnopqrstuvwyz012345678")
    assert len(leak["eval_row_digest"]) == 64


def test_a_refused_leak_does_not_travel_with_the_release(leaky: Leaky) -> None:
    """A sealed row's text that a gate refused for another reason is struck all the same, and its text stays behind."""
    assert leaky.refused in {row_id for row_id, _ in struck(leaky.life)}
    folder = leaky.life.release_folder("2.0.0")
    rejects = pl.read_parquet(folder / "rejects.parquet").filter(pl.col("row_id") == leaky.refused)
    assert rejects["text"].to_list() == [None]
    story = trace_row(leaky.life.home, [leaky.life.dataset], leaky.refused)
    assert leaky.refused_text not in str(story)


def test_openings_tell_the_modes_that_the_vault_has(leaky: Leaky) -> None:
    """What an opening says of the vault's file is what the file is, not what it should be."""
    openings = leaky.life.table("provenance.openings").sort("seq")
    newest = openings.filter(grant_name="VaultProbe").row(-1, named=True)
    assert newest["protections"].startswith("file 0640, folder 07")


def test_few_clean_rows_are_struck_and_every_detector_ran(finished_life: Life) -> None:
    """Of the finished life's rows, which are not the ruler's, at most one in fifty is struck; all detectors ran."""
    rows = finished_life.table("generation.candidates").height
    assert len({row_id for row_id, _ in struck(finished_life)}) <= rows // 50
    runs = finished_life.table("evaluation.detectors")
    assert set(runs["detector"]) == {*finished_life.loaded.profile.leaks.detectors, "canary"}
    assert runs["ran"].all()
    assert set(runs["rows_seen"]) == {rows}


def test_too_many_leaks_close_the_gate(copied_small_life: Life) -> None:
    """Over the card's share of leaks the check fails, training does not start, and the failure says why."""
    texts = sealed_texts(copied_small_life, 8)
    kept = copied_small_life.table("labeling.labels").sort("row_id")["row_id"].to_list()
    free = [row_id for row_id in kept if row_id not in {found for found, _ in struck(copied_small_life)}]
    rows = free[: int(copied_small_life.loaded.card.evaluation.max_leak_share * len(kept)) + 1]
    plant(copied_small_life, dict(zip(rows, texts, strict=False)))
    assert not copied_small_life.materialize("evaluation").success
    result = copied_small_life.materialize("training")
    assert not result.success
    (said,) = failures_of(result)
    assert "evaluation/leak_share" in said
    found = len({row_id for row_id, _ in struck(copied_small_life)} & set(kept))
    assert found >= len(rows)
    assert f"{found} of {len(kept)} kept rows are leaks" in said


def test_a_detector_that_dies_is_no_clean_verdict(copied_small_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors that raise, or whose model is missing, leave no clean bill: the check fails by their names."""

    def broken(self: NearDuplicateDetector, sealed: Prepared) -> None:
        raise RuntimeError("the detector died")

    def missing(*_: object) -> None:
        raise StageFailed("embedder minilm: model.onnx is missing")

    monkeypatch.setattr(NearDuplicateDetector, "index", broken)
    monkeypatch.setattr(embeddings, "open_embedder", missing)
    assert not copied_small_life.materialize("evaluation").success
    (said,) = failures_of(copied_small_life.materialize("training"))
    assert "evaluation/detectors_ran" in said
    assert "near_duplicate did not run (RuntimeError)" in said
    assert "embedding did not run (embedder minilm: model.onnx is missing)" in said
    assert not copied_small_life.materialize("release").success


def test_moving_the_split_does_not_unseal(copied_small_life: Life) -> None:
    """Dealing out otherwise is refused within a vintage; with a new one it moves no row that was dealt out before."""
    before = copied_small_life.home.vault(copied_small_life.dataset).read_bytes()
    sides = copied_small_life.table("anchors.rows").select("row_id", "split").sort("row_id")
    copied_small_life.rewrite_card("vault: 25}", "vault: 15}")
    copied_small_life.rewrite_card("train: 30,", "train: 40,")
    result = copied_small_life.materialize("anchors")
    assert not result.success
    (said,) = failures_of(result)
    assert "anchors.split changed within vintage 1: rows that were dealt out never move" in said
    assert copied_small_life.home.vault(copied_small_life.dataset).read_bytes() == before
    sealed = copied_small_life.table("anchors.vault_counts").sort("label")
    copied_small_life.rewrite_card(_VINTAGE_1, _VINTAGE_2)
    assert copied_small_life.materialize("anchors").success
    assert copied_small_life.table("anchors.vault_counts").sort("label").equals(sealed)
    assert copied_small_life.table("anchors.rows").select("row_id", "split").sort("row_id").equals(sides)


def test_a_lost_vault_is_sealed_to_the_same_rows_alone(copied_small_life: Life) -> None:
    """Without its vault a dataset may seal the same rows again, and no others: losing the file does not unseal.

    That it was sealed again is on record, and told on the page.
    """
    state = copied_small_life.table("anchors.vault_counts")["registry_state"][0]
    copied_small_life.home.vault(copied_small_life.dataset).unlink()
    copied_small_life.rewrite_card("vault: 25}", "vault: 15}")
    copied_small_life.rewrite_card("train: 30,", "train: 40,")
    copied_small_life.rewrite_card(_VINTAGE_1, _VINTAGE_2)
    (said,) = failures_of(copied_small_life.materialize("anchors"))
    assert "is gone, and the rows offered now are not those that were sealed" in said
    copied_small_life.rewrite_card("vault: 15}", "vault: 25}")
    copied_small_life.rewrite_card("train: 40,", "train: 30,")
    copied_small_life.rewrite_card(_VINTAGE_2, _VINTAGE_1)
    done = copied_small_life.materialize("anchors")
    assert done.success
    assert copied_small_life.table("anchors.vault_counts")["registry_state"][0] == state
    seals = copied_small_life.table("provenance.openings").filter(operation="seal").sort("seq")["detail"].to_list()
    assert ["again" in json.loads(detail) for detail in (seals[0], seals[-1])] == [False, True]
    (made,) = done.asset_materializations_for_node(f"{copied_small_life.dataset}__anchors")
    assert "The vault on record was gone" in str(made.metadata["sealed again"].value)


def test_a_release_without_generated_rows_is_refused(copied_small_life: Life) -> None:
    """Where nothing generated is left there is nothing to release, and the check says so."""
    copied_small_life.sql("update labeling.labels set confirmed = false")
    assert not copied_small_life.materialize("training", "release").success
    (said,) = failures_of(copied_small_life.materialize("monitoring"))
    assert "no generated row is in it" in said
