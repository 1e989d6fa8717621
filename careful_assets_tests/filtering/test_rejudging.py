"""Rejudging: stored candidates before a moved threshold; what is shown, what is recorded, and when it lapses."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.build import build_defs, job_name
from careful_assets.card.overrides import gates_now
from careful_assets.card.profiles import GateSetting, base_profile
from careful_assets.catalogue import CHECKS, requirements_of
from careful_assets.errors import GateClosed, Refused, StageFailed
from careful_assets.filtering import stage
from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.gates import GATES
from careful_assets.filtering.overrides import override_of, trial_of
from careful_assets.filtering.rejudging import difference
from careful_assets.filtering.settings import set_gates
from careful_assets.operations.jobs import run_life
from careful_assets.operations.rejudge import apply_rejudging, rejudge, rejudged_text
from careful_assets.provenance.stage import Inputs, StageContext
from careful_assets.provenance.verdicts import run_checks
from careful_assets.release.manifest import manifest_of
from careful_assets.release.rows import gather
from careful_assets.warehouse.home import Home
from careful_assets_tests.cli.projects import NAME, make_project
from careful_assets_tests.filtering.frames import Setting, candidates_of
from careful_assets_tests.filtering.test_cascade import ANCHORS, ROWS, outcome
from careful_assets_tests.life.arrange import Life, failures_of, only_gates

GATE, REASON = "near_duplicate", "near copies are wanted here"
SIX = ("format", "minimum_length", "maximum_length", "truncation", "exact_duplicate", GATE)


@pytest.fixture(scope="module", autouse=True)
def _six_gates() -> Iterator[None]:
    """A short profile: what another gate would say of a readmitted row is not the matter here."""
    with only_gates(*SIX):
        yield


@pytest.fixture(scope="module")
def labeled(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """A small life as far as labeling. Read it, never write."""
    root = tmp_path_factory.mktemp("labeled")
    life = Life(make_project(root), Home(root / ".careful"), NAME)
    report = life.run("labeling")
    assert report.success, report.problems
    return life


@pytest.fixture
def life(labeled: Life, tmp_path: Path) -> Life:
    """The same, to rejudge."""
    shutil.copytree(labeled.project, tmp_path, dirs_exist_ok=True)
    return Life(tmp_path, Home(tmp_path / ".careful"), NAME)


def applied(life: Life, threshold: float, reason: str = REASON) -> dict[str, Any]:
    return apply_rejudging(life.project, life.loaded, life.home, GATE, threshold, reason, lambda line: None)


def in_the_ui(life: Life, config: dict[str, Any] | None) -> dg.ExecuteInProcessResult:
    """Materialize filtering with a config, as the launchpad does."""
    job = build_defs(life.project, home=life.home).resolve_job_def(job_name(life.dataset))
    run_config = {} if config is None else {"ops": {f"{life.dataset}__filtering": {"config": config}}}
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey([life.dataset, "filtering"])], run_config=run_config,
            raise_on_error=False,
        )  # fmt: skip


def decisions(life: Life) -> pl.DataFrame:
    return life.table("filtering.decisions").sort("position", "row_id")


def readmitted(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """The rows that were refused and are not any more, counted by hand."""
    refused = [set(one.filter(~pl.col("passed"))["row_id"]) for one in (before, after)]
    return sorted(refused[0] - refused[1])


def test_a_trial_changes_nothing_and_lists_the_rows(labeled: Life) -> None:
    """Warehouse and journal stay as they are, byte for byte; each row that changes sides is counted, once."""
    paths = (labeled.home.warehouse(labeled.dataset), labeled.journal)
    before = [path.read_bytes() for path in paths]
    report = rejudge(labeled.loaded, labeled.home, GATE, 0.4)
    assert [path.read_bytes() for path in paths] == before
    assert (report["threshold_before"], report["threshold"], report["card_threshold"]) == (0.7, 0.4, 0.7)
    refused, back = (sum(group["rows"] for group in report[side]) for side in ("newly_refused", "readmitted"))
    assert refused > 0
    assert report["kept"] == report["kept_before"] - refused + back
    assert {group["gate_after"] for group in report["newly_refused"]} == {GATE}
    assert all(group["gate_before"] is None and len(group["row_ids"]) <= 5 for group in report["newly_refused"])


def test_moving_the_threshold_and_back_restores_the_very_same_data(life: Life) -> None:
    """0.8 sends nothing, lists the readmitted rows and puts all below out of date; 0.7 again takes it all back."""
    before, version, journal = decisions(life), life.data_versions()["filtering"], life.journal.read_bytes()
    moved = applied(life, 0.8)
    after = decisions(life)
    assert moved["success"]
    assert moved["data_version_before"] == version != moved["data_version"] == life.data_versions()["filtering"]
    assert moved["out_of_date"] == ["labeling"]
    assert readmitted(before, after)
    listed = [row_id for group in moved["readmitted"] for row_id in group["row_ids"]]
    assert sum(group["rows"] for group in moved["readmitted"]) == len(readmitted(before, after))
    assert set(listed) <= set(readmitted(before, after))
    with life.view() as view:
        verdicts = run_checks(view, [check for check in CHECKS["filtering"] if check.severity == "error"])
    assert [check.name for check, verdict in verdicts if not verdict.passed] == []

    back = applied(life, 0.7, "it was better before")
    assert back["data_version"] == version
    assert back["out_of_date"] == []
    assert decisions(life).equals(before)
    assert life.journal.read_bytes() == journal
    recorded = life.table("filtering.overrides").sort("seq")
    assert recorded.select("seq", "gate", "threshold", "card_threshold", "reason").rows() == [
        (1, GATE, 0.8, 0.7, REASON),
        (2, GATE, 0.7, 0.7, "it was better before"),
    ]
    assert recorded["run_id"].to_list() == [moved["run_id"], back["run_id"]]


def test_the_launchpad_does_the_same_and_later_runs_keep_to_it(life: Life) -> None:
    """A config records the override and shows the difference; an empty one is an ordinary run, which keeps to it."""
    trial = rejudge(life.loaded, life.home, GATE, 0.8)
    result = in_the_ui(life, {"gate": GATE, "threshold": 0.8, "reason": REASON})
    assert result.success
    (made,) = result.asset_materializations_for_node(f"{life.dataset}__filtering")
    assert made.metadata["rows readmitted"].value == sum(group["rows"] for group in trial["readmitted"]) > 0
    assert GATE in str(made.metadata["rejudged"].value)
    assert REASON in str(made.metadata["overrides"].value)
    version = life.data_versions()["filtering"]
    for config in (None, {"gate": None, "threshold": None, "reason": None}):
        result = in_the_ui(life, config)
        assert result.success
        (made,) = result.asset_materializations_for_node(f"{life.dataset}__filtering")
        assert "rejudged" not in made.metadata
        assert life.data_versions()["filtering"] == version
    assert life.table("filtering.overrides").height == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"gate": GATE, "threshold": 0.8}, "all three"),
        ({"gate": GATE, "threshold": 0.8, "reason": "  "}, "all three"),
        ({"gate": GATE, "threshold": 0.8, "reason": "two\nlines"}, "one printable line"),
        ({"gate": GATE, "threshold": 7.0, "reason": REASON}, "from 0.1 to 1"),
        ({"gate": "format", "threshold": 0.8, "reason": REASON}, "no gate of rare_class.training with a threshold"),
    ],
)
def test_a_config_that_cannot_be_had_records_nothing(life: Life, config: dict[str, Any], said: str) -> None:
    """The run fails with the words of the refusal, and data and overrides are as they were."""
    versions = life.versions()
    (failure,) = failures_of(in_the_ui(life, config))
    assert said in failure
    assert life.versions() == versions
    assert life.table("filtering.overrides").is_empty()


@pytest.mark.soak
def test_a_rejudged_life_equals_a_fresh_one_and_the_card_has_the_last_word(life: Life) -> None:
    """The card with that threshold makes the same decisions; then the override has lapsed, and the run says so.

    In the ordinary run `test_moving_the_threshold_and_back_restores_the_very_same_data` holds the decisions.
    """
    applied(life, 0.8)
    rejudged = decisions(life)
    override = f"filtering: {{overrides: [{{gate: {GATE}, threshold: 0.8, reason: A test.}}]}}\n"
    life.rewrite_card("labeling: {", f"{override}labeling: {{")
    said = list[str]()
    assert run_life(life.project, life.home, life.dataset, "filtering", said.append).success
    assert decisions(life).equals(rejudged)
    assert any("near_duplicate to 0.8 has lapsed" in line and "the card now says 0.8" in line for line in said)
    assert rejudge(life.loaded, life.home, GATE, 0.7)["threshold_before"] == 0.8

    # Set back, the card has its word still, and what lapsed is not told again.
    life.rewrite_card(override, "")
    said.clear()
    assert run_life(life.project, life.home, life.dataset, "filtering", said.append).success
    assert not any("lapsed" in line for line in said)
    assert rejudge(life.loaded, life.home, GATE, 0.8)["threshold_before"] == 0.7
    assert life.table("filtering.overrides").sort("seq")["reason"].to_list() == [
        REASON, "lapsed: the card changed from 0.7 to 0.8",
    ]  # fmt: skip


def test_a_threshold_in_force_is_told_and_not_recorded(life: Life) -> None:
    """Neither by the command nor by the launchpad: there is no run, or no row, to hold the reason."""
    versions = life.versions()
    report = applied(life, 0.7)
    assert (report["success"], report["recorded"]) == (True, False)
    assert "near_duplicate judges by 0.7 already; nothing was recorded" in rejudged_text(report)
    assert life.versions() == versions
    assert in_the_ui(life, {"gate": GATE, "threshold": 0.7, "reason": REASON}).success
    assert life.table("filtering.overrides").is_empty()


def test_a_failed_run_has_no_difference_to_show(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints has no figures, and says that nothing was recorded; the exit code is the run's."""

    def fail(*given: object) -> None:
        raise StageFailed("no gate could be run")

    monkeypatch.setattr(stage, "decide", fail)
    report = applied(life, 0.8)
    assert (report["success"], report["recorded"]) == (False, False)
    assert report["exit_code"] != 0
    assert not {"kept", "candidates", "readmitted"} & report.keys()
    assert "nothing was recorded" in rejudged_text(report)
    assert "readmitted" not in rejudged_text(report)
    assert life.table("filtering.overrides").is_empty()


def test_the_manifest_names_threshold_and_reason(life: Life) -> None:
    """A release made after rejudging says by which threshold its rows were let in, and why."""
    applied(life, 0.8)
    context = StageContext(life.loaded, life.home, "run", requirements_of(life.loaded), lambda line: None)
    inputs = Inputs(context, "release", {})
    manifest = manifest_of(context, inputs, gather(context, inputs), "9.9.9", None, "digest")
    (gate,) = [one for one in manifest["gates"] if one["gate"] == GATE]
    assert gate == {"gate": GATE, "threshold": 0.8, "override_reason": REASON}


def test_what_no_longer_stands_is_not_judged_again(life: Life) -> None:
    """Never run, made from other candidates, or under another card: refused, with what to run first."""
    with pytest.raises(GateClosed, match=r"never run.*careful run phone_reviews --to filtering"):
        rejudge(life.loaded, Home(life.home.root / "elsewhere"), GATE, 0.8)
    life.sql(
        "insert into provenance.versions select 99, stage, 'newer', upstream, card_digest, run_id, made_at,"
        " registry_state from provenance.versions where stage = 'generation'"
        ,
        "insert into provenance.ledger select seq + 999, stage, 'newer', check_name, check_version, profile_digest,"
        " letters, passed, severity, summary, run_id, checked_at from provenance.ledger where stage = 'generation'",
    )  # fmt: skip
    with pytest.raises(GateClosed, match=r"generation changed since filtering was run.*--to filtering"):
        applied(life, 0.8)
    life.rewrite_card("max_leak_share: 0.1", "max_leak_share: 0.05")
    with pytest.raises(GateClosed, match="the card changed"):
        rejudge(life.loaded, life.home, GATE, 0.8)
    life.forget("filtering")
    with pytest.raises(GateClosed, match="never run"):
        rejudge(life.loaded, life.home, GATE, 0.8)
    assert life.table("filtering.overrides").is_empty()


def test_decisions_on_other_candidates_are_not_compared(life: Life) -> None:
    """In the UI, too: rows that the last decisions do not know close the gate."""
    life.sql(
        "delete from filtering.decisions where row_id = (select min(row_id) from generation.candidates)",
    )
    (failure,) = failures_of(in_the_ui(life, {"gate": GATE, "threshold": 0.8, "reason": REASON}))
    assert "differ by 1 rows" in failure
    assert "materialize filtering with its checks, then rejudge" in failure


def test_an_override_without_its_decisions_closes_the_gate(life: Life) -> None:
    """What is on record must be what the gates judged by: else the check on them fails."""
    life.sql(f"insert into filtering.overrides values (1, '{GATE}', 0.8, 0.7, 'a test', now(), 'run')")
    (check,) = [one for one in CHECKS["filtering"] if one.name == "every_gate_ran"]
    with life.view() as view:
        ((_, verdict),) = run_checks(view, [check])
    assert not verdict.passed
    assert "near_duplicate ran as" in verdict.summary


@pytest.mark.parametrize("gate", ["format", "unheard_of", "", "personal'; drop table"])
def test_gates_without_a_threshold_are_told_with_those_that_have_one(gate: str) -> None:
    """The refusal lists what could be moved."""
    with pytest.raises(Refused, match=r"no gate of rare_class.training with a threshold; those are .*near_duplicate"):
        trial_of(base_profile("rare_class.training"), gate, 0.5)


@pytest.mark.parametrize("threshold", [0.0, -1, 1.01, math.inf, math.nan])
def test_thresholds_out_of_range_are_told_with_the_range(threshold: float) -> None:
    """The refusal names range and unit."""
    with pytest.raises(Refused, match=r"from 0\.1 to 1 \(Jaccard"):
        override_of(base_profile("rare_class.training"), GATE, threshold, REASON)


def test_a_gate_of_the_datasets_own_can_be_moved_too() -> None:
    """By its own range, like any other."""
    base = base_profile("rare_class.training")
    profile = base.model_copy(update={"gates": [*base.gates, GateSetting(gate="house_rule", threshold=0.5)]})
    own = {"house_rule": GATES[GATE]}
    assert trial_of(profile, "house_rule", 0.7, own).threshold == 0.7
    with pytest.raises(Refused, match=r"from 0\.1 to 1"):
        trial_of(profile, "house_rule", 7, own)


def cascade_at(rows: Sequence[tuple[str, str | None]], minimum: float, near: float) -> pl.DataFrame:
    gates = [Setting("format"), Setting("minimum_length", minimum), Setting("exact_duplicate"), Setting(GATE, near)]
    candidates = candidates_of([text for text, _ in rows], [why for _, why in rows])
    return run_cascade(candidates, ANCHORS, set_gates(gates))


LIMITS = st.tuples(st.sampled_from([1, 2, 3, 5]), st.sampled_from([0.3, 0.7, 0.8, 1.0]))


@settings(max_examples=30, deadline=None)
@given(ROWS, LIMITS, LIMITS)
def test_the_difference_is_that_of_the_rows_outcomes(
    rows: list[tuple[str, str | None]], first: tuple[float, float], second: tuple[float, float]
) -> None:
    """Every row whose outcome changed is counted once, on its side and by its reasons; nothing else is."""
    before, after = cascade_at(rows, *first), cascade_at(rows, *second)
    found = difference(before, after)

    def sides(one: pl.DataFrame) -> dict[str, tuple[str | None, str | None]]:
        return {row: (None, None) if reason is None else (gate, reason) for row, (gate, reason) in outcome(one).items()}

    pairs = [(sides(before)[row], sides(after)[row]) for row in sides(before)]
    changed = [(was, now) for was, now in pairs if was != now]
    groups = found.readmitted + found.newly_refused + found.other_reason
    listed = [
        ((group["gate_before"], group["reason_before"]), (group["gate_after"], group["reason_after"]))
        for group in groups
        for _ in range(group["rows"])
    ]
    assert sorted(map(str, listed)) == sorted(map(str, changed))
    assert found.rows("readmitted") == sum(now == (None, None) for _, now in changed)
    assert found.rows("newly_refused") == sum(was == (None, None) for was, _ in changed)
    assert all(group["row_ids"] == sorted(group["row_ids"]) for group in groups)


def test_later_gates_judge_readmitted_rows() -> None:
    """A row that an earlier gate lets back in is refused by a later one, for that one's reason."""
    rows = [("I returned the charger", "stop"), ("I returned the charger", "stop")]
    found = difference(cascade_at(rows, 5, 0.7), cascade_at(rows, 3, 0.7))
    assert [(group["gate_after"], group["rows"]) for group in found.readmitted] == [(None, 1)]
    assert [(group["reason_before"], group["reason_after"]) for group in found.other_reason] == [
        ("too_short", "copies_candidate")
    ]


@pytest.fixture(scope="module")
def gates() -> list[GateSetting]:
    """A card that has moved the gate itself."""
    return [GateSetting(gate="format"), GateSetting(gate=GATE, threshold=0.6, override_reason="the card's")]


def recorded(threshold: float, card: float, gate: str = GATE) -> dict[str, Any]:
    return {"gate": gate, "threshold": threshold, "card_threshold": card, "reason": REASON}


def test_an_override_holds_while_the_card_says_what_it_said(gates: list[GateSetting]) -> None:
    """The recorded one stands over the card's own, with its reason."""
    now = gates_now(gates, [recorded(0.8, 0.6)])
    assert now.overrides == [{"gate": GATE, "threshold": 0.8, "reason": REASON}]
    assert now.lapsed == []


def test_an_override_back_to_the_cards_threshold_leaves_the_card_alone(gates: list[GateSetting]) -> None:
    """The card's setting stands with the card's reason: nothing tells that anything was ever moved."""
    assert gates_now(gates, [recorded(0.6, 0.6)]).settings == gates == gates_now(gates, []).settings


def test_what_lapsed_is_taken_back_for_good(gates: list[GateSetting]) -> None:
    """With the withdrawal on record nothing lapses again, whatever the card says later, and the override is gone."""
    (withdrawal,) = gates_now(gates, [recorded(0.8, 0.7)]).withdrawn
    assert withdrawal == {
        "gate": GATE, "threshold": 0.6, "card_threshold": 0.6, "reason": "lapsed: the card changed from 0.7 to 0.6",
    }  # fmt: skip
    for threshold in (0.6, 0.7, 0.8):
        card = [GateSetting(gate=GATE, threshold=threshold)]
        now = gates_now(card, [withdrawal])
        assert (now.settings, now.lapsed, now.withdrawn) == (card, [], [])
    (gone,) = gates_now([], [recorded(0.8, 0.7)]).withdrawn
    assert gates_now([GateSetting(gate=GATE, threshold=0.7)], [gone]).overrides == []


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (recorded(0.8, 0.7), "the card now says 0.6"),
        (recorded(3, 2, "format"), "the card now says no threshold"),
        (recorded(3, 2, "minimum_length"), "no longer in the profile"),
    ],
)
def test_an_override_lapses_with_what_it_overrode(
    gates: list[GateSetting], override: dict[str, Any], said: str
) -> None:
    """Where the card changed since, the card holds, and a line says what lapsed."""
    now = gates_now(gates, [override])
    assert now.settings == gates
    (line,) = now.lapsed
    assert said in line
    assert "rejudge again" in line
