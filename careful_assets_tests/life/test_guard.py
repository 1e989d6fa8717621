"""The ledger's guard as a plain function, held against a plain statement of its rule; stages write all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careful_assets.catalogue import requirements_of
from careful_assets.errors import GateClosed, StageFailed
from careful_assets.provenance.ledger import guard, record_verdicts, record_version
from careful_assets.provenance.stage import Inputs, Outcome, StageContext, run_stage
from careful_assets.provenance.stages import STAGES, TABLES, UPSTREAM, ancestors
from careful_assets.provenance.verdicts import Check, CheckRef, Requirements, Verdict
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.migrations import migrate
from careful_assets_tests.life.arrange import Life

_NEEDED = Requirements({stage: (CheckRef("first", 1, "A"), CheckRef("second", 1, "A")) for stage in STAGES}, "profile")


@dataclass
class Book:
    """What was made and what was judged, told to the warehouse and remembered here."""

    con: duckdb.DuckDBPyConnection
    made: dict[str, tuple[str, dict[str, str], str]] = field(default_factory=dict)
    judged: dict[tuple[str, str, str], tuple[bool, int, str]] = field(default_factory=dict)

    def make(self, stage: str, version: str, card: str = "card") -> None:
        upstream = {above: self.made[above][0] for above in UPSTREAM[stage] if above in self.made}
        record_version(self.con, stage, version, upstream, card, "run", None)
        self.made[stage] = (version, upstream, card)

    def judge(self, stage: str, check: str, passed: bool = True, version: int = 1, profile: str = "profile") -> None:
        of = self.made[stage][0]
        verdict = Verdict(passed, "it is so; mend it")
        ran = Check(check, version, "C", "Is it?", lambda view: verdict)
        record_verdicts(self.con, stage, of, [(ran, verdict)], profile, "run")
        self.judged[stage, of, check] = (passed, version, profile)

    def is_open(self, stage: str) -> bool:
        """The rule: all that lies above was made under this card, from what is there now, and passed all it must."""
        return all(
            above in self.made
            and self.made[above][2] == "card"
            and all(self.made[source][0] == used for source, used in self.made[above][1].items())
            and all(self.judged.get((above, self.made[above][0], check)) == (True, 1, "profile") for check in _CHECKS)
            for above in ancestors(stage)
        )


_CHECKS = ("first", "second")
_Deed = tuple[str, str, str, bool, int, str, str]
_deeds = st.tuples(
    st.sampled_from(["make", "judge", "judge"]),
    st.sampled_from(STAGES),
    st.sampled_from(["a", "b"]),
    st.sampled_from([True, True, False]),
    st.sampled_from([1, 1, 1, 2]),
    st.sampled_from(["profile", "profile", "profile", "another"]),
    st.sampled_from(["card", "card", "card", "another"]),
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse; who uses it rolls back."""
    path = tmp_path_factory.mktemp("guard") / "warehouse.duckdb"
    migrate(path)
    with connect(path) as con:
        yield con


@pytest.fixture
def book(warehouse: duckdb.DuckDBPyConnection) -> Iterator[Book]:
    """Every stage made and passed."""
    warehouse.begin()
    yield _complete(Book(warehouse))
    warehouse.rollback()


def _complete(book: Book) -> Book:
    for stage in STAGES:
        book.make(stage, "a")
        for check in _CHECKS:
            book.judge(stage, check)
    return book


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(_deeds, max_size=6))
def test_guard_follows_the_rule(warehouse: duckdb.DuckDBPyConnection, deeds: list[_Deed]) -> None:
    """Whatever is made and judged in whatever order, exactly those gates open that the rule opens."""
    warehouse.begin()
    try:
        book = _complete(Book(warehouse))
        for deed, stage, data, passed, version, profile, card in deeds:
            if deed == "make":
                book.make(stage, data, card)
            else:
                book.judge(stage, _CHECKS[version % 2], passed, version, profile)
        for stage in STAGES:
            assert _opens(book, stage) == book.is_open(stage), stage
    finally:
        warehouse.rollback()


def test_open_gate_gives_the_versions_directly_above(book: Book) -> None:
    """Who passes the gate learns which data it stands on."""
    book.make("anchors", "b")
    book.make("anchors", "a")
    assert guard(book.con, "d", "filtering", "card", _NEEDED) == {"anchors": "a", "generation": "a"}
    assert guard(book.con, "d", "anchors", "card", _NEEDED) == {}


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_closes_all_that_stands_on_it(book: Book, stage: str) -> None:
    """One failed check closes the gates of all stages below, the message names it, and no other gate closes."""
    book.judge(stage, "second", passed=False)
    for other in STAGES:
        if stage in ancestors(other):
            with pytest.raises(GateClosed, match=rf"d/{other} is closed by the check {stage}/second, which failed"):
                guard(book.con, "d", other, "card", _NEEDED)
        else:
            assert _opens(book, other)


def test_former_data_comes_back_with_its_verdicts(book: Book) -> None:
    """A stage made anew with data that passed before needs no second judgement; with other data it does."""
    book.make("training", "b")
    assert not _opens(book, "monitoring")
    book.make("training", "a")
    assert _opens(book, "monitoring")


def test_check_that_the_profile_does_not_name_closes_nothing(book: Book) -> None:
    """Only what the profile demands is asked for."""
    book.judge("anchors", "advice", passed=False)
    assert _opens(book, "purpose")


def test_inputs_that_change_under_a_stage_undo_it(copied_life: Life) -> None:
    """If what a stage read was made anew while it computed, nothing of it is written."""

    def compute(context: StageContext, inputs: Inputs) -> Outcome:
        copied_life.sql(
            "insert into provenance.versions select 99, stage, 'newer', upstream, card_digest, run_id, made_at,"
            " registry_state from provenance.versions where stage = 'release'"
        )
        return Outcome({"monitoring.observations": inputs.table("monitoring.observations").clear()})

    with pytest.raises(StageFailed, match="release changed while this stage was computing; nothing was written"):
        run_stage(_context(copied_life), "monitoring", compute)
    assert copied_life.table("monitoring.observations").height > 0
    assert copied_life.table("provenance.versions").filter(stage="monitoring").height == 1


def test_stage_writes_all_of_its_tables_or_none(copied_life: Life) -> None:
    """A table that cannot be written takes the stage's other tables and its version with it."""
    before = {name: copied_life.table(name).height for name in ("labeling.labels", "provenance.versions")}

    def compute(context: StageContext, inputs: Inputs) -> Outcome:
        tables = {table.name: inputs.table(table.name) for table in TABLES["labeling"]}
        return Outcome(
            tables
            | {
                "labeling.labels": tables["labeling.labels"].clear(),
                "labeling.votes": tables["labeling.votes"].with_columns(surplus=pl.lit(1)),
            }
        )

    with pytest.raises(ValueError, match="surplus"):
        run_stage(_context(copied_life), "labeling", compute)
    assert {name: copied_life.table(name).height for name in before} == before


def test_stage_reads_only_what_the_graph_shows(copied_life: Life) -> None:
    """A stage that reaches for a table of a stage that it does not depend on is stopped."""

    def compute(context: StageContext, inputs: Inputs) -> Outcome:
        return Outcome({"monitoring.observations": inputs.table("anchors.rows")})

    with pytest.raises(KeyError, match=r"monitoring reads anchors\.rows"):
        run_stage(_context(copied_life), "monitoring", compute)


def _opens(book: Book, stage: str) -> bool:
    with suppress(GateClosed):
        guard(book.con, "d", stage, "card", _NEEDED)
        return True
    return False


def _context(life: Life) -> StageContext:
    loaded = life.loaded
    return StageContext(loaded, life.home, "run", requirements_of(loaded), lambda line: None)
