"""A synthetic evaluation set's way: released by one card, sealed by another's anchors, scored apart; or refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from careful_assets.errors import Refused
from careful_assets.operations.erase_set import erase_set, erased_set_text
from careful_assets.operations.erasing.elsewhere import other_holders
from careful_assets.operations.erasing.reach import reach_of
from careful_assets.operations.erasing.row import real_row
from careful_assets.provenance.release_content import content_digest
from careful_assets.provenance.release_files import MANIFEST, RECORDS, ROWS, file_sha256, read_document
from careful_assets.provenance.released import released
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.endpoints import Writer, serving
from careful_assets_tests.cli.projects import NAME, as_csv, make_project, review_rows
from careful_assets_tests.life.arrange import Life, failures_of
from careful_assets_tests.life.round_lives import fresh
from careful_assets_tests.operations.searching import places_of

RULER, SET = "phone_ruler", "made_up"
_GENERATOR = "{kind: llm, mode: completion}"
_LIMITS = """\
  allowed: [training]
  forbidden: [{use: evaluation, reason: They measure the generator.}]
"""
_MEASURE_ONLY = """\
  allowed: [evaluation]
  forbidden: [{use: training, reason: What a model was trained on cannot measure it.}]
"""


@dataclass(frozen=True)
class Cards:
    """A released evaluation set, and a dataset of another family and other prompts that may name it."""

    ruler: Life
    user: Life
    digest: str

    @property
    def released_rows(self) -> int:
        """How many generated rows the set has."""
        release = released(self.ruler.home.releases(RULER) / "1.0.0", self.digest)
        return release.rows.filter(origin="generated").height

    @classmethod
    def at(cls, root: Path, digest: str = "") -> Cards:
        project, home = root / "project", Home(root / "home")
        return cls(Life(project, home, RULER), Life(project, home, NAME), digest)

    def copied(self, to: Path) -> Cards:
        """Both cards and the release, the user's own life not begun."""
        for part in ("project", "home"):
            shutil.copytree(self.ruler.project.parent / part, to / part)
        return Cards.at(to, self.digest)

    def name_set(self, *, dataset: str = RULER, version: str = "1.0.0", digest: str = "") -> None:
        """Enter the set in the user's card."""
        one = f"{{name: {SET}, dataset: {dataset}, version: {version}, content_digest: {digest or self.digest}}}"
        self.user.rewrite_card("evaluation: {max_leak_share", f"evaluation: {{sets: [{one}], max_leak_share")


def lives(life: Life, to_stage: str, model: str, writer: Writer = fresh) -> None:
    """Run to this stage with an endpoint that serves this model."""
    with serving(writer=writer) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAREFUL_LLM_URL", endpoint.url)
        patch.setenv("CAREFUL_LLM_MODEL", model)
        report = life.run(to_stage)
    if not report.success:
        raise AssertionError(report.problems)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    """The ruler's card has lived to its release, on anchors of its own."""
    root = tmp_path_factory.mktemp("sets")
    made = Cards.at(root)
    make_project(root / "project", name=RULER, generator=_GENERATOR)
    make_project(root / "project", generator=_GENERATOR)
    card = made.ruler.card_path
    before = (card.parent / "anchors.csv").read_bytes()
    anchors = as_csv(review_rows(seed=4))
    (card.parent / "anchors.csv").write_bytes(anchors)
    prompt = "Say {{ label }}:{% for text in exemplars %} {{ text }}{% endfor %}"
    (card.parent / "prompts" / "plain.jinja").write_text(prompt, "utf-8")
    made.ruler.rewrite_card(hashlib.sha256(before).hexdigest(), hashlib.sha256(anchors).hexdigest())
    made.ruler.rewrite_card("  name: reviews\n", "  name: shop_reviews\n")
    made.ruler.rewrite_card("  use: training\n", "  use: evaluation\n")
    made.ruler.rewrite_card(_LIMITS, _MEASURE_ONLY)
    lives(made.ruler, "release", "mistral-7b", lambda seed: fresh(seed + 10**6))
    return Cards.at(root, str(read_document(made.ruler.home.releases(RULER) / "1.0.0" / MANIFEST)["content_digest"]))


@pytest.fixture
def cards(finished: Cards, tmp_path: Path) -> Cards:
    return finished.copied(tmp_path / "copy")


@pytest.fixture(scope="module")
def sealed(finished: Cards, tmp_path_factory: pytest.TempPathFactory) -> Cards:
    """The user's card named the set after its anchors were sealed, and sealed it, too."""
    cards = finished.copied(tmp_path_factory.mktemp("sealed"))
    assert cards.user.materialize("anchors").success
    cards.name_set()
    assert cards.user.materialize("anchors").success
    return cards


def test_no_model_is_trained_on_the_set(finished: Cards) -> None:
    """The card's own training takes none of its generated rows, though it confirmed some."""
    assert finished.released_rows
    assert set(finished.ruler.table("training.mixes")["origin"]) == {"real"}


def test_a_set_is_sealed_beside_the_real_rows(sealed: Cards) -> None:
    """Its rows make another state of the registry, not another vintage; what made them is on record."""
    user = sealed.user
    sets = {row["set_name"]: row for row in user.table("anchors.evaluation_sets").to_dicts()}
    assert (sets["anchors"]["origin"], sets[SET]["origin"]) == ("real", "synthetic")
    assert sets[SET]["rows"] == sealed.released_rows
    versions = user.table("provenance.versions").filter(stage="anchors").sort("seq")["registry_state"].to_list()
    assert len(set(versions)) == 2
    assert versions[-1] == sets[SET]["registry_state"] == user.table("anchors.vault_counts")["registry_state"][0]
    assert user.table("anchors.sources").height == 1
    lineage = user.table("anchors.set_lineage").filter(set_name=SET)
    assert lineage.filter(kind="generator_family")["item"].to_list() == ["mistral"]
    assert {"prompt", "seed", "generator", "row"} <= set(lineage["kind"])


@pytest.mark.soak
def test_a_set_is_scored_apart(sealed: Cards) -> None:
    """Its rows have a slice of their own, and stand in none of the real rows.

    In the ordinary run `training/test_sets_scored.py` holds this of planted rows.
    """
    lives(sealed.user, "training", "qwen2-7b")
    results = sealed.user.table("training.results").filter(name="accuracy")
    real = sealed.user.table("anchors.evaluation_sets").filter(origin="real")["rows"][0]
    assert set(results.filter(slice="all")["n"]) == {real}
    assert set(results.filter(slice=f"set:{SET}")["n"]) == {sealed.released_rows}


@pytest.mark.soak
def test_a_family_that_only_the_endpoint_tells_is_refused_by_evaluation(cards: Cards) -> None:
    """The card declares no family, and its model is of the set's: evaluation names it; no text is shared.

    In the ordinary run `test_lineage.py` holds this of planted records, and the tests below of declared families.
    """
    cards.name_set()
    named = f"lineage_is_disjoint.*set {SET}: generator family mistral is also that of"
    with pytest.raises(AssertionError, match=named):
        lives(cards.user, "training", "mistral-nemo")
    assert cards.user.table("evaluation.leaks").filter(set_name=SET).is_empty()
    assert cards.user.table("training.mixes").is_empty()


def refusal(cards: Cards) -> str:
    """What the anchors stage says; nothing was sealed."""
    (said,) = failures_of(cards.user.materialize("anchors"))
    assert not cards.user.home.vault(NAME).exists()
    return said


def test_a_shared_family_is_refused_by_name(cards: Cards) -> None:
    """The card generates with a model of the set's family: refused before a row is sealed, though no text is shared."""
    cards.user.rewrite_card(f"generator: {_GENERATOR}", "generator: {kind: llm, mode: completion, family: mistral}")
    cards.name_set()
    assert f"{SET} ({RULER} 1.0.0): its generator family, mistral, is that of generation.generator" in refusal(cards)


def test_a_shared_prompt_is_refused_by_name(cards: Cards) -> None:
    """One prompt file of both cards has the same bytes."""
    prompts = [life.card_path.parent / "prompts" / "plain.jinja" for life in (cards.ruler, cards.user)]
    prompts[1].write_bytes(prompts[0].read_bytes())
    cards.name_set()
    assert "is plain, too" in refusal(cards)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"version": "3.0.0"}, "there is no such folder"),
        ({"digest": "a" * 64}, "not aaaaaaaaaaaaaaaa..."),
    ],
)
def test_what_is_no_such_set_is_refused(cards: Cards, named: dict[str, str], said: str) -> None:
    """Another version, another content: each by name, with nothing sealed."""
    cards.name_set(**named)
    assert said in refusal(cards)


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        (["training"], "its allowed uses do not name evaluation"),
        (["evaluation", "training"], "it may be trained on, too"),
    ],
)
def test_what_was_not_made_to_measure_is_refused(cards: Cards, allowed: list[str], said: str) -> None:
    """Only a release whose one use is to measure becomes a ruler."""
    path = cards.ruler.home.releases(RULER) / "1.0.0" / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["use_limits"]["allowed"] = allowed
    path.write_text(json.dumps(manifest), encoding="utf-8")
    cards.name_set()
    assert said in refusal(cards)


@pytest.mark.parametrize("split", ["train", "exemplar", "holdout", "vault"])
def test_a_set_that_holds_real_rows_is_refused(cards: Cards, split: str) -> None:
    """One real row of the user's among the set's texts, in capitals, wherever it falls: nothing is sealed."""
    assert cards.user.materialize("anchors").success
    if split == "vault":
        with connect(cards.user.home.vault(NAME), read_only=True) as con:
            copied = str(con.execute("select min(text) from sealed.rows").fetchall()[0][0])
    else:
        copied = str(cards.user.table("anchors.rows").filter(split=split)["text"].sort()[0])
    cards.user.home.vault(NAME).unlink()
    folder = cards.ruler.home.releases(RULER) / "1.0.0"
    rows = pl.read_parquet(folder / ROWS)
    first = rows.filter(origin="generated")["row_id"].min()
    told = pl.when(pl.col("row_id") == first).then(pl.lit(copied.upper())).otherwise("text").alias("text")
    rows.with_columns(told).write_parquet(folder / ROWS)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"][ROWS] = file_sha256(folder / ROWS)
    manifest["content_digest"] = content_digest(rows.with_columns(told), pl.read_parquet(folder / RECORDS))
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    cards.name_set(digest=manifest["content_digest"])
    assert f"the evaluation set {SET}: 1 of its texts are those of this dataset's real rows" in refusal(cards)


def test_labels_of_other_classes_are_refused(cards: Cards) -> None:
    """A set whose rows carry a label that the card's anchors do not have."""
    before = (cards.user.card_path.parent / "anchors.csv").read_bytes()
    anchors = before.replace(b",bad\n", b",poor\n")
    (cards.user.card_path.parent / "anchors.csv").write_bytes(anchors)
    text = cards.user.card_path.read_text(encoding="utf-8").replace("label: bad", "label: poor")
    text = text.replace("labels: [bad]", "labels: [poor]").replace("[bad, fair, good]", "[poor, fair, good]")
    text = text.replace(hashlib.sha256(before).hexdigest(), hashlib.sha256(anchors).hexdigest())
    cards.user.card_path.write_text(text, encoding="utf-8")
    cards.name_set()
    assert "rows carry labels that are none of anchors.labels: poor, fair, good" in refusal(cards)


def test_a_set_that_descends_from_an_erased_row_is_named(sealed: Cards) -> None:
    """Where the ruler's card erases a row that its prompts showed, who sealed the set is told, and how it goes."""
    parent = sealed.user.table("anchors.set_lineage").filter(kind="parent")["item"].sort()[0]
    home, loaded = sealed.ruler.home, sealed.ruler.loaded
    with connect(home.warehouse(RULER), read_only=True) as con:
        reach = reach_of(con, loaded, home, real_row(con, loaded, home, parent))
    command = f"careful erase {NAME} --set {SET} --reason ..."
    assert other_holders(home, RULER, reach) == [{"dataset": NAME, "held": f"the set {SET}", "next": command}]


def test_a_set_is_taken_out_whole(sealed: Cards, tmp_path: Path) -> None:
    """Not while the card names it, nor one that is not sealed. Then no text of it is left in the user's vault, the
    record of anchors is that of before, the openings log says why; and the same again tells that nothing is there.
    """
    shutil.copytree(sealed.user.project.parent, tmp_path / "sealed")
    user = Cards.at(tmp_path / "sealed").user
    home, named = user.home, user.card_path.read_text(encoding="utf-8")
    text = released(home.releases(RULER) / "1.0.0", sealed.digest).rows.filter(origin="generated")["text"].sort()[0]
    assert any(place.startswith(f"{NAME}.duckdb") for place in places_of(text, home.vault(NAME).parent))

    def taken_out(name: str = SET) -> dict[str, object]:
        return erase_set(user.project, user.loaded, home, name, "its parent was erased", lambda line: None)

    with pytest.raises(Refused, match=f"evaluation.sets names {SET}"):
        taken_out()
    user.card_path.write_text(re.sub(r"sets: \[.*?\], ", "", named), encoding="utf-8")
    with pytest.raises(Refused, match=f"no set elsewhere is sealed; sealed are {SET}"):
        taken_out("elsewhere")
    report = taken_out()
    assert (report["success"], report["rows"]) == (True, sealed.released_rows)
    assert f"{SET} is out of the vault; {sealed.released_rows} rows went" in erased_set_text(report)
    assert places_of(text, home.vault(NAME).parent) == set()
    assert user.table("anchors.evaluation_sets")["set_name"].to_list() == ["anchors"]
    assert user.table("anchors.set_lineage").is_empty()
    opening = user.table("provenance.openings").filter(operation="erase_set")["detail"][0]
    assert json.loads(opening)["reason"] == "its parent was erased"
    with pytest.raises(Refused, match="no set is sealed beside its real rows"):
        taken_out()
