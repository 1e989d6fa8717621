"""Every check has let something pass and has refused something: a check without both fails here, by its name."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from careful_assets.card.profiles import base_profile, known_cells
from careful_assets.catalogue import CHECKS
from careful_assets.filtering.gates import GATES
from careful_assets.provenance.stages import STAGES
from careful_assets.provenance.verdicts import Check, CheckView, Verdict, run_checks
from careful_assets_tests.life import (
    breaks_after_release,
    breaks_anchors,
    breaks_before_release,
    breaks_filtering,
    breaks_gate_quality,
    breaks_generation,
    breaks_leak_quality,
    breaks_lineage,
    breaks_purpose,
    breaks_sets_scored,
)
from careful_assets_tests.life.arrange import Life, failures_of
from careful_assets_tests.life.damage import Accept, Break

_MODULES = (
    breaks_anchors,
    breaks_purpose,
    breaks_generation,
    breaks_filtering,
    breaks_gate_quality,
    breaks_before_release,
    breaks_lineage,
    breaks_leak_quality,
    breaks_after_release,
    breaks_sets_scored,
)
BREAKS = {at: cases for module in _MODULES for at, cases in module.BREAKS.items()}
ACCEPTS = {at: cases for module in _MODULES for at, cases in module.ACCEPTS.items()}
ALL = {(stage, check.name): check for stage, checks in CHECKS.items() for check in checks}
_REMEDIES = re.compile(
    r"\b(materialize|restore|move|retire|mend|change|collect|answer in the card|"
    r"name (another|judges)|look at|review it)\b"
)


def _named(at: tuple[str, str]) -> str:
    return "/".join(at)


@pytest.mark.parametrize("at", ALL, ids=_named)
def test_check_accepts_the_finished_life(finished_life: Life, at: tuple[str, str]) -> None:
    """Each check passes on data that nobody damaged."""
    verdict = _verdict(finished_life, ALL[at])
    assert verdict.passed, verdict.summary


@pytest.mark.parametrize(
    ("at", "case"),
    [pytest.param(at, case, id=f"{_named(at)}: {case.what}") for at, cases in ACCEPTS.items() for case in cases],
)
def test_check_accepts_what_is_allowed(
    copied_life: Life, monkeypatch: pytest.MonkeyPatch, at: tuple[str, str], case: Accept
) -> None:
    """Each check lets pass what looks odd and is allowed."""
    case.arrange(copied_life, monkeypatch)
    verdict = _verdict(copied_life, ALL[at])
    assert verdict.passed, verdict.summary


@pytest.mark.parametrize(
    ("at", "case"),
    [pytest.param(at, case, id=f"{_named(at)}: {case.what}") for at, cases in BREAKS.items() for case in cases],
)
def test_check_refuses_damage(
    copied_life: Life, monkeypatch: pytest.MonkeyPatch, at: tuple[str, str], case: Break
) -> None:
    """Each damage fails its check, whose summary says what is wrong and what to do."""
    case.arrange(copied_life, monkeypatch)
    verdict = _verdict(copied_life, ALL[at])
    assert not verdict.passed, f"let pass: {verdict.summary}"
    assert "could not run" not in verdict.summary
    assert re.search(case.says, verdict.summary), verdict.summary
    assert _REMEDIES.search(verdict.summary), f"no remedy in: {verdict.summary}"


@pytest.mark.parametrize("at", ALL, ids=_named)
def test_check_is_proven(at: tuple[str, str]) -> None:
    """No check counts on trust: each has at least one damage that it must refuse."""
    assert BREAKS.get(at), f"{_named(at)} has no case in BREAKS: nobody has seen it fail"


def test_no_case_without_a_check() -> None:
    """A case that names no check proves nothing."""
    assert sorted((BREAKS.keys() | ACCEPTS.keys()) - ALL.keys()) == []


def test_check_without_its_tables_fails(copied_life: Life) -> None:
    """A check that cannot read its data fails; none is ever taken for passed."""
    copied_life.sql(*(f"drop schema {schema} cascade" for schema in (*STAGES, "provenance")))
    with copied_life.view() as view:
        verdicts = run_checks(view, list(ALL.values()))
    assert len(verdicts) == len(ALL)
    for check, verdict in verdicts:
        assert not verdict.passed, check.name
        assert "could not run" in verdict.summary, check.name
        assert "counts as failed" in verdict.summary, check.name


def test_check_that_raises_is_recorded_as_failed(copied_life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that raises fails in the UI and in the ledger, says so without quoting data, and closes the gate."""

    def raising(view: CheckView) -> Verdict:
        raise ValueError("a row's text")

    (first, *others) = CHECKS["monitoring"]
    monkeypatch.setitem(CHECKS, "monitoring", (replace(first, judge=raising), *others))
    result = copied_life.recheck("monitoring")
    shown = {check.check_name: check for check in result.get_asset_check_evaluations()}[first.name]
    assert not result.success
    assert not shown.passed
    assert "could not run: ValueError in raising" in (shown.description or "")
    recorded = copied_life.table("provenance.ledger").sort("seq").filter(check_name=first.name).row(-1, named=True)
    assert not recorded["passed"]
    assert recorded["summary"] == shown.description
    assert "a row's text" not in recorded["summary"]
    (said,) = failures_of(copied_life.materialize("retirement"))
    assert f"monitoring/{first.name}" in said


def _cells() -> list[str]:
    cells = known_cells()
    assert cells
    return cells


@pytest.mark.parametrize("cell", _cells())
def test_profile_names_checks_that_exist(cell: str) -> None:
    """A profile names no check that no room has, and none twice."""
    named = [(stage, name) for stage, names in base_profile(cell).checks.items() for name in names]
    assert sorted(set(named) - ALL.keys()) == []
    assert len(named) == len(set(named))


@pytest.mark.parametrize("cell", _cells())
def test_profile_demands_every_gate_and_no_advice(cell: str) -> None:
    """What is of severity error closes the gate, so each profile demands it; what is advice does not."""
    named = {(stage, name) for stage, names in base_profile(cell).checks.items() for name in names}
    assert named == {at for at, check in ALL.items() if check.severity == "error"}


@pytest.mark.parametrize("cell", _cells())
def test_profile_gates_are_known_and_in_range(cell: str) -> None:
    """A profile's gates exist, and have a threshold within their range exactly if they take one."""
    for setting in base_profile(cell).gates:
        limits = GATES[setting.gate].threshold_range
        assert (setting.threshold is None) == (limits is None), setting.gate
        assert limits is None or limits.low <= (setting.threshold or 0) <= limits.high, setting.gate


def test_checks_answer_letters() -> None:
    """Each check answers at least one letter of CAREFUL, each letter is answered, and no name serves twice."""
    assert all(check.letters and set(check.letters) <= set("CAREFUL") for check in ALL.values())
    assert {letter for check in ALL.values() for letter in check.letters} == set("CAREFUL")
    for checks in CHECKS.values():
        assert len({check.name for check in checks}) == len(checks)
    assert tuple(CHECKS) == STAGES


def _verdict(life: Life, check: Check) -> Verdict:
    with life.view() as view:
        ((_, verdict),) = run_checks(view, [check])
    return verdict
