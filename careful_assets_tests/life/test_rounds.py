"""`careful run` in rounds, through the real stages and over real HTTP: enough rows, and not more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from careful_assets.catalogue import requirements_of
from careful_assets.generation.due import round_due
from careful_assets.operations.jobs import RunReport
from careful_assets.operations.summary import summary_of
from careful_assets_tests.cli.endpoints import Endpoint, serving
from careful_assets_tests.life.arrange import Life, only_gates
from careful_assets_tests.life.round_lives import QUOTA, fresh, life_in_rounds, repeating, rounds_of

_GATES = ("format", "truncation", "exact_duplicate", "near_duplicate")


@pytest.fixture(scope="module", autouse=True)
def _four_gates() -> Iterator[None]:
    """A short profile: what is cut off or repeated is refused; what other gates would say is not the matter."""
    with only_gates(*_GATES):
        yield


@dataclass(frozen=True)
class Ended:
    """A life that was run once, and the endpoint that wrote for it."""

    life: Life
    report: RunReport
    endpoint: Endpoint

    def rounds(self, to_stage: str = "filtering") -> str:
        """Why generation ended, as `careful run` tells it."""
        return str(summary_of(self.life.loaded, self.life.home, to_stage)["rounds"])


@dataclass(frozen=True)
class Cut:
    """How the same life stood when its budget had cut it short."""

    rounds: pl.DataFrame
    asked: int
    told: str


@pytest.fixture(scope="module", autouse=True)
def _model() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAREFUL_LLM_MODEL", "stub-1")
        yield


def run_over(endpoint: Endpoint, life: Life, to_stage: str) -> RunReport:
    """Run a life with this endpoint as its generator; it succeeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAREFUL_LLM_URL", endpoint.url)
        report = life.run(to_stage)
    assert report.success, report.problems
    return report


@pytest.fixture(scope="module")
def cut_and_filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cut, Ended]]:
    """A life over a generator that does not repeat itself, though half of its first rows are refused.

    Its budget ends in round 2; raised, the life goes on to labeling.
    """
    life = life_in_rounds(tmp_path_factory.mktemp("filled"), 5)
    life.rewrite_card("  max_rounds: 5", "  budget: {requests: 14}\n  max_rounds: 5")
    with serving(writer=fresh) as endpoint:
        run_over(endpoint, life, "filtering")
        told = str(summary_of(life.loaded, life.home, "filtering")["rounds"])
        cut = Cut(life.table("provenance.rounds").sort("round"), endpoint.asked, told)
        life.rewrite_card("  budget: {requests: 14}\n", "")
        yield cut, Ended(life, run_over(endpoint, life, "labeling"), endpoint)


@pytest.fixture(scope="module")
def filled(cut_and_filled: tuple[Cut, Ended]) -> Ended:
    """The life when its quota is filled."""
    return cut_and_filled[1]


@pytest.fixture(scope="module")
def stale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """A life to filtering over a generator that repeats itself."""
    life = life_in_rounds(tmp_path_factory.mktemp("stale"), 5)
    with serving(writer=repeating) as endpoint:
        yield Ended(life, run_over(endpoint, life, "filtering"), endpoint)


def test_a_generator_that_repeats_itself_ends_as_saturated(stale: Ended) -> None:
    """By round 3 no further round is asked for, although the quota is far from filled, and the reason is told."""
    rounds = rounds_of(stale.life)
    assert len(rounds) <= 3
    assert sum(kept for _, _, kept in rounds) < QUOTA / 2
    assert f"bad: saturated at round {len(rounds)}" in stale.rounds()
    assert round_due(stale.life.loaded, stale.life.home, requirements_of(stale.life.loaded)).round is None


def test_a_generator_that_does_not_fills_its_quota(filled: Ended) -> None:
    """Each round asks for what is missing of the quota, no row more, until all of it is kept."""
    rounds = rounds_of(filled.life)
    assert len(rounds) == 3
    missing = QUOTA
    for _, asked, kept in rounds:
        assert asked == missing
        missing -= kept
    assert missing == 0
    assert filled.rounds() == "bad: quota filled, 48 of 48 rows kept"
    assert summary_of(filled.life.loaded, filled.life.home, "generation").get("rounds") is None


def test_later_stages_see_the_union_of_the_rounds(filled: Ended) -> None:
    """Every kept row of every round is labeled, once."""
    life = filled.life
    assert life.table("labeling.labels").height == QUOTA
    asked = life.table("generation.requests").select("request_id", "round")
    kept = life.table("labeling.labels").join(life.table("generation.candidates"), on="row_id")
    by_round = kept.join(asked, on="request_id").group_by("round").len().sort("round").rows()
    assert by_round == [(number, n) for number, _, n in rounds_of(life) if n]


def test_coverage_never_falls_and_ends_higher(filled: Ended) -> None:
    """Round by round the union covers more of the real rows."""
    coverage = filled.life.table("provenance.rounds").sort("round")["coverage"].to_list()
    assert coverage == sorted(coverage)
    assert coverage[-1] > coverage[0]


def test_a_second_run_asks_for_nothing(filled: Ended) -> None:
    """Rounds that ended stay ended: run again, not one request goes out, and the same data is made."""
    versions, journal, asked = filled.life.data_versions(), filled.life.journal.read_bytes(), filled.endpoint.asked
    run_over(filled.endpoint, filled.life, "filtering")
    assert filled.endpoint.asked == asked
    assert filled.life.journal.read_bytes() == journal
    assert filled.life.data_versions() == versions


@pytest.mark.soak
def test_a_failing_round_ends_the_run_and_the_next_run_goes_on_with_it(tmp_path: Path) -> None:
    """Where round 2 gets no answers, the run fails with the cause, and generation alone asks for it once more.

    In the ordinary run `generation/` holds that what failed is asked for once more, of one round.
    """
    life = life_in_rounds(tmp_path, 3)
    with pytest.MonkeyPatch.context() as patch:
        with serving(willing=QUOTA // 4, writer=fresh) as endpoint:
            patch.setenv("CAREFUL_LLM_URL", endpoint.url)
            failed = life.run("filtering")
        assert not failed.success
        assert any("requests_accounted_for" in problem for problem in failed.problems)
        assert rounds_of(life) == [(1, QUOTA, QUOTA // 2)]
        with serving(writer=fresh) as endpoint:
            patch.setenv("CAREFUL_LLM_URL", endpoint.url)
            assert life.materialize("generation").success
            assert endpoint.asked == QUOTA // 2 / 4
            # No gate has judged round 2: there is no round 3.
            assert life.materialize("generation").success
            assert endpoint.asked == QUOTA // 2 / 4
    assert set(life.table("generation.requests")["round"]) == {1, 2}


def test_a_budget_that_cuts_a_later_round_short_holds_back_the_rest_of_it(cut_and_filled: tuple[Cut, Ended]) -> None:
    """Round 2 stops at the budget's last request; raised, it goes on, and the quota is filled with no request twice."""
    cut, filled = cut_and_filled
    assert cut.rounds["round"].to_list() == [1, 2]
    assert cut.rounds["held_back"].to_list()[0] == 0 < cut.rounds["held_back"].to_list()[1]
    assert cut.asked == 14
    assert "the budget held back" in cut.told
    assert sum(kept for _, _, kept in rounds_of(filled.life)) == QUOTA
    requests = filled.life.table("generation.requests")
    assert filled.endpoint.asked == requests.height == requests["request_id"].n_unique()
    assert set(requests["status"]) == {"answered"}
