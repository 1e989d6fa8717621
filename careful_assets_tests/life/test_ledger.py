"""Gates hold across runs: what a real Dagster run of one asset alone may do depends on the ledger, not on that run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

import careful_assets.card.profiles
import careful_assets.provenance.assets
from careful_assets.card.profiles import base_profile
from careful_assets.catalogue import CHECKS
from careful_assets_tests.life.arrange import Life, failures_of, new_small_life

_MINIMUM = "minimum_per_class: 5"


@pytest.fixture
def thin_life(tmp_path: Path) -> Life:
    """A new dataset whose card asks for more anchors a class than there are."""
    life = new_small_life(tmp_path)
    life.rewrite_card(_MINIMUM, "minimum_per_class: 5000")
    return life


def test_failed_check_closes_the_gate_of_later_runs(thin_life: Life) -> None:
    """After a failed blocking check, what is downstream cannot be materialized alone, with its checks or without."""
    assert not thin_life.materialize("anchors").success
    for checked in (True, False):
        result = thin_life.materialize("purpose", checked=checked)
        (said,) = failures_of(result)
        assert "anchors/class_minimums, which failed" in said
        assert "collect more anchors" in said
        assert "materialize phone_reviews/anchors" in said
    assert "purpose" not in thin_life.versions()


def test_failed_check_stops_its_own_run(thin_life: Life) -> None:
    """A blocking check that fails ends the run there, and the report gives the check's words."""
    report = thin_life.run("generation")
    assert not report.success
    assert report.exit_code == 1
    assert any("anchors, check class_minimums" in problem and "too thin" in problem for problem in report.problems)
    assert list(thin_life.versions()) == ["anchors"]
    assert not thin_life.journal.exists()


def test_verdict_that_turned_closes_the_gate(copied_small_life: Life) -> None:
    """The latest verdict counts: data that passed, and fails when looked at again, is refused until it is mended."""
    path = copied_small_life.release_folder() / "rows.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole + b" ")
    before = copied_small_life.versions()
    assert not copied_small_life.recheck("release").success
    assert copied_small_life.versions()["release"].data_version == before["release"].data_version
    (said,) = failures_of(copied_small_life.materialize("monitoring"))
    assert "release/folder_matches_manifest" in said
    assert "rows.parquet was changed" in said
    assert copied_small_life.versions() == before

    path.write_bytes(whole)
    assert copied_small_life.recheck("release").success
    assert copied_small_life.materialize("monitoring").success


def test_check_that_never_ran_closes_the_gate(tmp_path: Path) -> None:
    """Data that was materialized without its checks opens nothing."""
    life = new_small_life(tmp_path)
    assert life.materialize("anchors", checked=False).success
    (said,) = failures_of(life.materialize("purpose"))
    assert "anchors/source_matches_card: it never ran on the current data" in said
    assert life.recheck("anchors").success
    assert life.materialize("purpose").success


def test_nothing_upstream_closes_the_gate(tmp_path: Path) -> None:
    """A stage whose inputs were never made says which one, and what to do."""
    (said,) = failures_of(new_small_life(tmp_path).materialize("labeling"))
    assert "anchors was never materialized; materialize phone_reviews/anchors" in said


def test_newer_check_closes_the_gate(copied_small_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict of an older version of a check counts no more; running the newer one opens the gate."""
    newer = tuple(replace(check, version=check.version + 1) for check in CHECKS["labeling"])
    monkeypatch.setitem(CHECKS, "labeling", newer)
    (said,) = failures_of(copied_small_life.materialize("retirement"))
    assert "labeling/every_kept_row_voted: it ran at version 1 and is now 2" in said
    assert copied_small_life.recheck("labeling").success
    assert copied_small_life.materialize("retirement").success


def test_changed_profile_closes_the_gate(copied_small_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts that were given under another gate profile count no more."""
    changed = base_profile(copied_small_life.loaded.card.purpose.cell).model_copy(update={"minimum_kappa": 0.12})
    monkeypatch.setattr(careful_assets.card.profiles, "base_profile", lambda cell: changed)
    (said,) = failures_of(copied_small_life.materialize("retirement"))
    assert "anchors/source_matches_card: the gate profile changed since it ran" in said


def test_changed_card_closes_the_gate(copied_small_life: Life) -> None:
    """What was made under another card is refused, however well it was checked."""
    copied_small_life.rewrite_card("licence: CC0-1.0", "licence: MIT")
    (said,) = failures_of(copied_small_life.materialize("training"))
    assert "the card changed since anchors was made" in said


def test_stale_chain_closes_the_gate(copied_small_life: Life) -> None:
    """Once a stage was made anew with other data, what was made from the former data leads nowhere."""
    _alter_an_answer(copied_small_life.journal)
    before = copied_small_life.data_versions()
    assert copied_small_life.materialize("generation").success
    now = copied_small_life.data_versions()["generation"]
    assert now != before["generation"]
    for stage in ("labeling", "release", "retirement"):
        (said,) = failures_of(copied_small_life.materialize(stage))
        assert f"filtering was made from generation {before['generation']}, which is now {now}" in said
    assert copied_small_life.materialize("filtering").success
    assert copied_small_life.materialize("labeling").success


def test_advice_leaves_the_gate_open(copied_small_life: Life) -> None:
    """A WARN that fails is recorded as failed, and closes nothing of what stands on it."""
    copied_small_life.sql("update labeling.agreement set value = 0.05 where config like '%kept candidates%'")
    result = copied_small_life.recheck("labeling")
    assert result.success
    shown = {check.check_name: check for check in result.get_asset_check_evaluations()}["judges_agree"]
    assert (shown.passed, shown.severity) == (False, dg.AssetCheckSeverity.WARN)
    last = (
        copied_small_life.table("provenance.ledger").sort("seq").filter(check_name="judges_agree").row(-1, named=True)
    )
    assert (last["passed"], last["severity"]) == (False, "warn")
    assert copied_small_life.materialize("retirement").success


def test_closed_gate_is_not_tried_again(copied_small_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster retries what broke by chance, as its retry policy says, but never what a gate refused."""
    policy = dg.RetryPolicy(max_retries=2)

    def broken(*arguments: object) -> None:
        raise RuntimeError("by chance")

    with monkeypatch.context() as patch:
        patch.setattr(careful_assets.provenance.assets, "run_stage", broken)
        assert _retries(copied_small_life.materialize("monitoring", op_retry_policy=policy)) == 2
    copied_small_life.sql("update provenance.ledger set passed = false where check_name = 'records_travel'")
    closed = copied_small_life.materialize("monitoring", op_retry_policy=policy)
    assert "release/records_travel" in failures_of(closed)[0]
    assert _retries(closed) == 0


def test_failed_blocking_check_is_not_tried_again(thin_life: Life) -> None:
    """A check is asked once: its verdict does not hang on how often it is asked."""
    result = thin_life.materialize("anchors", op_retry_policy=dg.RetryPolicy(max_retries=2))
    assert not result.success
    assert _retries(result) == 0
    asked = thin_life.table("provenance.ledger").filter(check_name="class_minimums")
    assert asked["passed"].to_list() == [False]


def test_ledger_agrees_with_what_the_ui_shows(finished_life: Life) -> None:
    """Each check of a run stands in the ledger once, for the data version and the run it was given on."""
    ledger = finished_life.table("provenance.ledger")
    versions = finished_life.versions()
    expected = {
        (stage, check.name, versions[stage].data_version) for stage, checks in CHECKS.items() for check in checks
    }
    assert set(ledger.select("stage", "check_name", "data_version").iter_rows()) == expected
    assert ledger.height == len(expected)
    assert ledger["seq"].sort().to_list() == list(range(1, ledger.height + 1))
    assert ledger["run_id"].n_unique() == 1


def _alter_an_answer(journal: Path) -> None:
    """As though the generator had answered the last request otherwise."""
    lines = journal.read_text(encoding="utf-8").splitlines()
    at = max(number for number, line in enumerate(lines) if json.loads(line)["event"] == "answered")
    event = json.loads(lines[at])
    event["choices"][0]["text"] = "This charger melted on the second evening, and nobody answered my letters."
    lines[at] = json.dumps(event)
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _retries(result: dg.ExecuteInProcessResult) -> int:
    return sum(event.event_type == dg.DagsterEventType.STEP_RESTARTED for event in result.all_events)
