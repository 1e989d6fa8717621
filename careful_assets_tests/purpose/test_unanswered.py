from __future__ import annotations

from careful_assets.catalogue import CHECKS, requirements_of
from careful_assets.provenance.stage import StageContext
from careful_assets.provenance.stages import STAGES
from careful_assets.provenance.verdicts import LETTERS
from careful_assets.purpose.unanswered import unanswered
from careful_assets_tests.life.arrange import Life

LATER = STAGES[STAGES.index("purpose") + 1 :]


def still_open(life: Life, purpose_version: str | None = None) -> dict[str, dict[str, int]]:
    context = StageContext(life.loaded, life.home, "test", requirements_of(life.loaded), print)
    return unanswered(context, purpose_version or life.data_versions()["purpose"])


def demanded(*stages: str) -> dict[str, dict[str, int]]:
    """By letter, what the checks of severity error of these stages come to."""
    found: dict[str, dict[str, int]] = {letter: {} for letter in LETTERS}
    for stage in stages:
        for check in CHECKS[stage]:
            for letter in check.letters if check.severity == "error" else "":
                found[letter][stage] = found[letter].get(stage, 0) + 1
    return found


def test_nothing_is_open_in_a_finished_life(finished_life: Life) -> None:
    """All later checks passed for the current data."""
    assert still_open(finished_life) == {letter: {} for letter in LETTERS}


def test_another_purpose_opens_all_that_stands_on_it(finished_life: Life) -> None:
    """What was made from another purpose is no longer current, nor is what was made from that."""
    assert still_open(finished_life, "another") == demanded(*LATER)


def test_another_card_opens_everything(copied_life: Life) -> None:
    """Whatever was made under another card has answered nothing."""
    copied_life.rewrite_card("licence: MIT", "licence: CC0")
    assert still_open(copied_life) == demanded(*LATER)


def test_a_stage_that_was_never_made_is_open(copied_life: Life) -> None:
    """The checks of a stage without data count, those of the stages above it do not."""
    copied_life.forget("monitoring", "retirement")
    assert still_open(copied_life) == demanded("monitoring", "retirement")


def test_one_failed_check_is_open_alone(copied_life: Life) -> None:
    """A check whose latest verdict is a failure counts once a letter; so does one of another version or profile."""
    where = "where check_name = 'rows_conserved'"
    letters = next(check.letters for check in CHECKS["filtering"] if check.name == "rows_conserved")
    expected: dict[str, dict[str, int]] = {letter: {} for letter in LETTERS}
    expected |= {letter: {"filtering": 1} for letter in letters}
    for change in ("passed = false", "passed = true, check_version = 0", "profile_digest = 'other'"):
        copied_life.sql(f"update provenance.ledger set {change} {where}")
        assert still_open(copied_life) == expected, change
