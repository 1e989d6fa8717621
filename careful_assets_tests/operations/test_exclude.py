"""Excluding: what leaves the next version, what stands beside it, what is recorded, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from careful_assets.catalogue import CHECKS
from careful_assets.errors import CarefulError, GateClosed, Refused
from careful_assets.filtering.exclusions import KINDS, MalformedRange
from careful_assets.llm.requests import SEEDS
from careful_assets.operations.exclude import apply_exclusion, exclude, excluded_text
from careful_assets.provenance.verdicts import run_checks
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.endpoints import serving
from careful_assets_tests.cli.projects import NAME, careful, make_project
from careful_assets_tests.life.arrange import Life, failures_of, only_gates
from careful_assets_tests.life.round_lives import life_in_rounds, sentence

REASON = "the batch is not to be trusted"
SIX = ("format", "minimum_length", "maximum_length", "truncation", "exact_duplicate", "near_duplicate")
SEED, ROWS, EACH = 11, 48, 4  # as the small card asks


@pytest.fixture(scope="module", autouse=True)
def _six_gates() -> Iterator[None]:
    """A short profile: what gates think of the rest is not the matter here."""
    with only_gates(*SIX):
        yield


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A small life as far as filtering; the first completion of each request is copied by the second. Read only."""
    root = tmp_path_factory.mktemp("filtered")
    life = Life(make_project(root), Home(root / ".careful"), NAME)
    made = life.materialize("anchors", "purpose", "generation")
    assert made.success, failures_of(made)
    rows = life.table("generation.candidates").sort("request_id", "ordinal").iter_rows(named=True)
    texts = {row["row_id"]: sentence(number - (row["ordinal"] == 1)) for number, row in enumerate(rows)}
    life.sql(
        *(f"update generation.candidates set text = '{text}' where row_id = '{key}'" for key, text in texts.items())
    )
    assert life.materialize("filtering").success
    assert life.table("provenance.rounds")["kept"].to_list() == [ROWS - ROWS // EACH]
    return life


@pytest.fixture
def life(filtered: Life, tmp_path: Path) -> Life:
    """The same, to change."""
    shutil.copytree(filtered.project, tmp_path, dirs_exist_ok=True)
    return Life(tmp_path, Home(tmp_path / ".careful"), NAME)


def applied(life: Life, kind: str, item: str, reason: str = REASON, *, withdraw: bool = False) -> dict[str, Any]:
    return apply_exclusion(
        life.project, life.loaded, life.home, kind, item, reason, lambda line: None, withdraw=withdraw
    )


def rows_of(life: Life) -> pl.DataFrame:
    """Each candidate with its request's columns and its own seed."""
    requests = life.table("generation.requests").drop("cause")
    joined = life.table("generation.candidates").join(requests, on="request_id")
    return joined.with_columns(own_seed=pl.col("seed") + pl.col("ordinal"))


def refused_as_excluded(life: Life) -> dict[str, tuple[str, str]]:
    """By row the reason and the evidence of the gate."""
    found = life.table("filtering.decisions").filter(pl.col("gate") == "excluded", ~pl.col("passed"))
    return {row["row_id"]: (row["reason"], row["evidence"]) for row in found.iter_rows(named=True)}


def kept(life: Life) -> set[str]:
    decisions = life.table("filtering.decisions")
    return set(decisions["row_id"]) - set(decisions.filter(~pl.col("passed"))["row_id"])


def named(life: Life, kind: str) -> tuple[str, set[str]]:
    """Something of each kind, and by hand the rows that it takes out."""
    rows = rows_of(life).sort("row_id")
    first = rows.row(0, named=True)
    parent = first["parent_ids"][0]
    items = {
        "generator": (first["generator_digest"], pl.col("generator_digest") == first["generator_digest"]),
        "prompt": (first["prompt_sha256"], pl.col("prompt_sha256") == first["prompt_sha256"]),
        "request": (first["request_id"], pl.col("request_id") == first["request_id"]),
        "seed": (f"{SEED + 2}..{SEED + 7}", pl.col("own_seed").is_between(SEED + 2, SEED + 7)),
        "anchor": (parent, pl.lit(True)),  # the n-gram model was fitted to every exemplar
    }
    item, condition = items[kind]
    return item, set(rows.filter(condition)["row_id"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_shows_what_would_leave_and_changes_nothing(filtered: Life, kind: str) -> None:
    """Rows counted by hand leave, and no other; warehouse and journal stay as they are, byte for byte."""
    item, expected = named(filtered, kind)
    paths = (filtered.home.warehouse(NAME), filtered.journal)
    before = [path.read_bytes() for path in paths]
    report = exclude(filtered.loaded, filtered.home, kind, item if kind in ("seed", "prompt") else item[:12])
    assert [path.read_bytes() for path in paths] == before
    assert (report["item"], report["rows"], report["rows_kept"]) == (
        item,
        len(expected),
        len(expected & kept(filtered)),
    )
    assert expected
    assert "nothing was changed" in excluded_text(report)
    gone = [group for group in [*report["newly_refused"], *report["other_reason"]] if group["gate_after"] == "excluded"]
    assert sum(group["rows"] for group in gone) == len(expected)
    assert {group["reason_after"] for group in gone} == {f"excluded_by_{kind}"}


def test_what_is_excluded_goes_before_all_gates_and_comes_back_as_it_was(life: Life) -> None:
    """Decisions, rounds, checks and log; what was a copy of an excluded row is kept; withdrawn, all is as before."""
    before, version = life.table("filtering.decisions").sort("position", "row_id"), life.data_versions()["filtering"]
    rates = life.table("filtering.reason_rates")
    # The first completion of each request, which the second one copies.
    rows = rows_of(life)
    (seed,) = rows.filter(ordinal=0).sort("seed").head(1)["own_seed"]
    (gone,) = rows.filter(own_seed=seed)["row_id"]
    (copy,) = rows.filter(own_seed=seed + 1)["row_id"]
    # Which of two equal rows stands is decided by their ids.
    one, other = (gone, copy) if gone in kept(life) else (copy, gone)
    (seed,) = rows.filter(row_id=one)["own_seed"]

    done = applied(life, "seed", f"{seed}..{seed}")
    assert (done["success"], done["recorded"]) == (True, True), done["problems"]
    assert done["data_version_before"] == version != done["data_version"]
    assert done["out_of_date"] == []  # nothing was made after filtering
    assert refused_as_excluded(life) == {one: ("excluded_by_seed", "exclusion 1")}
    assert other in kept(life)
    assert (done["kept_before"], done["kept"]) == (36, 36)
    decisions = life.table("filtering.decisions")
    assert set(decisions.filter(row_id=one)["gate"]) == {"excluded"}
    assert decisions.filter(gate="excluded").height == ROWS
    with life.view() as view:
        assert all(verdict.passed for check, verdict in run_checks(view, CHECKS["filtering"]))
    # The rest of such a batch says nothing of its reasons: neither on record nor held against other batches.
    assert life.table("filtering.reason_rates").equals(rates)
    assert one not in life.table("filtering.reject_samples")["row_id"]

    again = applied(life, "seed", f"{seed}..{seed}", "another reason")
    assert (again["success"], again["recorded"]) == (True, False)
    assert f"seed {seed}..{seed} is excluded already; nothing was recorded" in excluded_text(again)

    # A run of the stage by itself keeps to it.
    made = life.data_versions()["filtering"]
    assert life.materialize("filtering").success
    assert life.data_versions()["filtering"] == made

    back = applied(life, "seed", f"{seed}..{seed}", "looked at again", withdraw=True)
    assert back["data_version"] == version
    assert life.table("filtering.decisions").sort("position", "row_id").equals(before)
    assert "is not excluded; nothing was recorded" in excluded_text(
        applied(life, "seed", f"{seed}..{seed}", withdraw=True)
    )
    log = life.table("filtering.exclusions").sort("seq")
    assert log.select("seq", "kind", "item", "reason", "withdrawn").rows() == [
        (1, "seed", f"{seed}..{seed}", REASON, False),
        (2, "seed", f"{seed}..{seed}", "looked at again", True),
    ]
    assert log["run_id"].to_list() == [done["run_id"], back["run_id"]]


def test_kept_counts_drop_and_the_first_exclusion_is_named(life: Life) -> None:
    """Two exclusions that overlap: each row is refused once, by the first; the round's kept count is what is left."""
    (request, own), (seeds, drawn) = named(life, "request"), named(life, "seed")
    applied(life, "request", request)
    applied(life, "seed", seeds)
    refused = refused_as_excluded(life)
    assert set(refused) == own | drawn
    assert all(refused[row_id] == ("excluded_by_request", "exclusion 1") for row_id in own)
    assert all(refused[row_id] == ("excluded_by_seed", "exclusion 2") for row_id in drawn - own)
    assert life.table("provenance.rounds")["kept"].to_list() == [len(kept(life))]


def test_descendants_of_descendants_leave_with_their_ancestor(life: Life) -> None:
    """A row made from a generated row leaves with the anchor behind both, and with that row, which may be named too."""
    life.sql("update generation.requests set generator_family = 'writers'")
    rows = rows_of(life)
    anchor = rows.sort("row_id")["parent_ids"][0][0]
    children = set(rows.filter(pl.col("parent_ids").list.contains(anchor))["row_id"])
    rows = rows.filter(~pl.col("row_id").is_in(list(children))).sort("request_id")
    request, childless = rows["request_id"][0], rows["row_id"][-1]
    life.sql(f"update generation.requests set parent_ids = ['{min(children)}'] where request_id = '{request}'")
    made = rows.filter(request_id=request).height
    assert exclude(life.loaded, life.home, "anchor", anchor)["rows"] == len(children) + made
    assert exclude(life.loaded, life.home, "anchor", min(children))["rows"] == made
    with pytest.raises(Refused, match=r"no row was made from the generated row \w+; .* exclude the seed \d+\.\."):
        exclude(life.loaded, life.home, "anchor", childless)
    life.sql(f"insert into provenance.erased values ('e1', 'anchor', '{anchor}')")
    with pytest.raises(Refused, match=f"the anchor {anchor[:16]} was erased, with all rows made from it"):
        exclude(life.loaded, life.home, "anchor", anchor[:12])


def test_rows_of_a_fitted_model_descend_from_every_exemplar(filtered: Life) -> None:
    """The n-gram model learned from exemplars that no prompt showed; from train rows it did not."""
    anchors = filtered.table("anchors.rows")
    shown = set(rows_of(filtered)["parent_ids"].explode())
    unshown = set(anchors.filter(split="exemplar")["row_id"]) - shown
    assert unshown
    assert exclude(filtered.loaded, filtered.home, "anchor", min(unshown))["rows"] == ROWS
    train = anchors.filter(split="train")["row_id"].min()
    assert exclude(filtered.loaded, filtered.home, "anchor", str(train))["rows"] == 0


def test_after_the_last_seed_comes_the_first(life: Life) -> None:
    """A row's seed is its request's and its place, modulo the number of seeds; there is none beyond."""
    request, _ = named(life, "request")
    life.sql(f"update generation.requests set seed = {SEEDS - 1} where request_id = '{request}'")
    assert exclude(life.loaded, life.home, "seed", f"{SEEDS - 1}..{SEEDS - 1}")["rows"] == 1
    assert exclude(life.loaded, life.home, "seed", "0..2")["rows"] == EACH - 1
    with pytest.raises(Refused, match=f"no row has a seed of {SEEDS}"):
        exclude(life.loaded, life.home, "seed", f"{SEEDS}..{SEEDS + 9}")


def test_a_prompts_id_and_its_digest_are_one_prompt(life: Life) -> None:
    """What is recorded is the digest: named the other way it is excluded already, and taken back either way."""
    digest = life.table("generation.requests")["prompt_sha256"][0]
    trial = exclude(life.loaded, life.home, "prompt", "plain")
    assert (trial["item"], trial["items"]) == ("plain", (digest,))
    assert applied(life, "prompt", "plain")["recorded"]
    again = applied(life, "prompt", digest[:12])
    assert (again["recorded"], "is excluded already" in excluded_text(again)) == (False, True)
    assert life.table("filtering.exclusions").select("kind", "item").rows() == [("prompt", digest)]
    life.sql("insert into filtering.exclusions values (2, 'prompt', 'plain', 'as before', false, now(), 'r')")
    both = exclude(life.loaded, life.home, "prompt", "plain", withdraw=True)
    assert both["items"] == (digest, "plain")


def test_a_prompt_that_changed_is_named_by_all_its_digests(life: Life) -> None:
    """An id under which several texts are on record stands for each of them."""
    request, rows = named(life, "request")
    life.sql(f"update generation.requests set prompt_sha256 = '{'0' * 64}' where request_id = '{request}'")
    report = exclude(life.loaded, life.home, "prompt", "plain")
    assert ("0" * 64 in report["items"], len(report["items"]), report["rows"]) == (True, 2, ROWS)
    assert exclude(life.loaded, life.home, "prompt", "0" * 64)["rows"] == len(rows)


def test_releases_and_models_that_hold_such_rows_are_named(life: Life) -> None:
    """Versions with their status, models with their run, each with how many of the rows it holds."""
    request, own = named(life, "request")
    other = min(set(rows_of(life)["row_id"]) - own)
    for version, held in (("1.0.0", sorted(own)), ("2.0.0", [min(own), other]), ("3.0.0", [other])):
        values = ", ".join(f"('{row_id}', 'x', 'bad', 'generated', 'train', '{version}')" for row_id in held)
        life.sql(
            f"insert into release.rows values {values}",
            "insert into release.releases (version, content_digest, folder_digest, status, rows, generated, made_at)"
            f" values ('{version}', 'c', 'f', 'active', 2, 2, '2026-01-0{version[0]}')",
        )
    life.sql(
        f"insert into training.runs values (1, 'mix1', 'mix', '{min(own)}', 'generated', 'model1', 's', 'run1', now()),"
        f" (2, 'mix1', 'mix', '{other}', 'generated', 'model1', 's', 'run1', now())"
    )
    report = exclude(life.loaded, life.home, "request", request)
    assert report["releases"] == [
        {"version": "1.0.0", "status": "active", "rows": len(own)},
        {"version": "2.0.0", "status": "active", "rows": 1},
    ]
    assert report["training_runs"] == [
        {"run_id": "run1", "mix_id": "mix1", "arm": "mix", "model_digest": "model1", "rows": 1}
    ]
    told = excluded_text(report)
    assert "release 2.0.0 (active): 1 rows" in told
    assert "model model1 (mix), trained by run run1: 1 rows" in told


@pytest.mark.parametrize(
    ("kind", "item", "error", "said"),
    [
        ("generator", "nobody", Refused, r"no row has the generator 'nobody'; known are ngram \("),
        ("prompt", "pla", Refused, r"no row has the prompt 'pla'; known are plain \("),
        ("request", "0" * 64, Refused, r"known are 12: "),
        ("anchor", "0" * 64, Refused, r"no row has the anchor"),
        ("seed", "9000..9001", Refused, "no row has a seed of 9000..9001; known are those from 11 to 58"),
        ("seed", "12", MalformedRange, "FROM..TO"),
        ("seed", "20..12", MalformedRange, "FROM..TO"),
        ("seed", "-1..12", MalformedRange, "FROM..TO"),
        ("colour", "red", Refused, "rows are excluded by generator, prompt, request, seed, anchor"),
    ],
)
def test_what_nothing_bears_is_refused(
    filtered: Life, kind: str, item: str, error: type[CarefulError], said: str
) -> None:
    """The message names what is known; an exclusion of nothing would be a false comfort."""
    with pytest.raises(error, match=said):
        exclude(filtered.loaded, filtered.home, kind, item)


def test_a_prefix_of_several_is_refused(life: Life) -> None:
    """Eight digits that two requests share name neither."""
    first, second = life.table("generation.requests").sort("request_id")["request_id"].to_list()[:2]
    for key, new in ((first, "0123456789" + first[10:]), (second, "0123456789" + second[10:])):
        for table in ("requests", "candidates"):
            life.sql(f"update generation.{table} set request_id = '{new}' where request_id = '{key}'")
    with pytest.raises(Refused, match="fits 2 of kind request; give more digits"):
        exclude(life.loaded, life.home, "request", "01234567")


@pytest.mark.soak
def test_a_run_that_cannot_finish_records_nothing(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record and decisions are one transaction: a run that dies before its end leaves both as they were.

    In the ordinary run `life/test_kill.py` holds that a stage's tables, version and record are one transaction.
    """
    from careful_assets.provenance import stage

    versions = life.versions()

    def killed(*arguments: object) -> None:
        raise SystemExit(9)

    monkeypatch.setattr(stage, "record_version", killed)
    request, _ = named(life, "request")
    with pytest.raises(BaseException):  # noqa: B017, PT011  as a kill would be, it is nobody's error
        raise SystemExit if not applied(life, "request", request)["success"] else AssertionError
    monkeypatch.undo()
    assert life.versions() == versions
    assert life.table("filtering.exclusions").is_empty()
    assert applied(life, "request", request)["recorded"]


def test_everything_excluded_leaves_nothing_to_label(life: Life) -> None:
    """It is recorded and says what to change; labeling names it; it is taken back although the card changed since."""
    done = applied(life, "generator", "ngram")
    assert (done["recorded"], done["kept"]) == (True, 0)
    assert "no version can be made until a new round fills the gap: name another generator" in excluded_text(done)
    assert "makes the next version" not in excluded_text(done)
    (told,) = failures_of(life.materialize("labeling"))
    assert f"labeling has nothing to label: filtering kept no candidate. Nothing was lost or broken: {ROWS}" in told
    assert "out by what people excluded (generator ngram). First name another generator" in told

    life.rewrite_card("title: Phone reviews, topped up", "title: Phones")
    with pytest.raises(GateClosed, match="the card changed"):
        exclude(life.loaded, life.home, "generator", "ngram")
    trial = exclude(life.loaded, life.home, "generator", "ngram", withdraw=True)
    assert (trial["rows"], "the card changed" in trial["not_judged"]) == (ROWS, True)
    assert life.table("filtering.exclusions").height == 1
    back = applied(life, "generator", "ngram", withdraw=True)
    assert back["recorded"]
    assert f"it is recorded; `careful run {NAME}`" in excluded_text(back)
    assert not applied(life, "generator", "ngram", withdraw=True)["recorded"]

    # Set back, the card fits the decisions of before, which refuse what nobody excludes: they let nothing through.
    life.rewrite_card("title: Phones", "title: Phone reviews, topped up")
    (closed,) = failures_of(life.materialize("labeling"))
    assert "exclusions_hold" in closed
    assert life.materialize("filtering").success
    assert (refused_as_excluded(life), bool(kept(life))) == ({}, True)


def test_the_command_needs_a_name_and_a_reason(filtered: Life) -> None:
    """Wrong calls are usage errors, told before anything is read."""
    request, _ = named(filtered, "request")
    for arguments, code, said in (
        (["--reason", REASON], 64, "name one of --generator"),
        (["--request", request, "--reason", " "], 64, "--reason is needed"),
        (["--seed", "1-2", "--reason", REASON], 64, "FROM..TO"),
    ):
        done = careful("exclude", NAME, *arguments, cwd=filtered.project)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr


def test_without_filtering_there_is_nothing_to_exclude(tmp_path: Path) -> None:
    """A dataset that was never filtered is told what to run first."""
    done = careful("exclude", NAME, "--prompt", "plain", "--reason", REASON, cwd=make_project(tmp_path))
    assert done.returncode == 1
    assert f"run `careful run {NAME} --to filtering`, then exclude" in done.stderr


@pytest.mark.soak
def test_no_round_asks_for_what_is_excluded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round that is due is refused by name; the card settles it, or the exclusion is withdrawn.

    In the ordinary run `test_what_is_excluded_goes_before_all_gates_and_comes_back_as_it_was` excludes and withdraws.
    """
    with serving(writer=lambda seed: (f" {sentence(seed)}", "stop")) as endpoint:
        monkeypatch.setenv("CAREFUL_LLM_URL", endpoint.url)
        monkeypatch.setenv("CAREFUL_LLM_MODEL", "stub-model")
        life = life_in_rounds(tmp_path, max_rounds=2)
        prompts = life.card_path.parent / "prompts"
        (prompts / "other.jinja").write_text((prompts / "plain.jinja").read_text() + " ", encoding="utf-8")
        life.rewrite_card("[prompts/plain.jinja]", "[prompts/plain.jinja, prompts/other.jinja]")
        assert life.materialize("anchors", "purpose", "generation", "filtering").success
        asked = endpoint.asked
        applied(life, "prompt", "plain")
        report = life.run("filtering")
        assert not report.success
        (problem,) = report.problems
        assert f"round 2 would ask for what people excluded: prompt plain (exclusion 1: {REASON})" in problem
        assert "Name another one in the card" in problem
        assert "set generation.max_rounds to 1" in problem
        assert int(report.exit_code) == 2
        assert endpoint.asked == asked
        life.rewrite_card("max_rounds: 2", "max_rounds: 1")
        assert life.materialize("anchors", "purpose", "generation", "filtering").success
        assert len(kept(life)) == ROWS // 2
