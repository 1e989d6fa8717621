"""The cascade: order, conservation, determinism, and how it refuses settings and broken gates."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careful_assets.card.profiles import base_profile, known_cells
from careful_assets.errors import Refused, StageFailed
from careful_assets.filtering.cascade import DECISIONS, run_cascade
from careful_assets.filtering.gate import Decision
from careful_assets.filtering.settings import SetGate, set_gates
from careful_assets_tests.filtering.frames import RARE_CLASS, Setting, anchors_of, candidates_of

TEXTS = [
    "The zoom lens of this camera is stuck.",
    "the ZOOM lens of this camera is stuck .",
    "The zoom lens of this camera is stuck!!!",
    "two words",
    "",
    "x" * 601,
    "It stopped in the middle of the",
    "I returned the charger after two days.",
]
ANCHORS = anchors_of(["I returned this charger after two days."])
FINISHED = ["stop"] * 6 + ["length", None]

ROWS = st.lists(
    st.tuples(
        st.sampled_from([*TEXTS, "a b c", "A  B c", "a b c d", "\x00", "one\ntwo words more"]) | st.text(max_size=20),
        st.sampled_from(["stop", "length", None]),
    ),
    max_size=12,
)


def outcome(decisions: pl.DataFrame) -> dict[str, tuple[str, str | None]]:
    """For each row the last gate that saw it, and the reason it gave."""
    last = decisions.sort("position").group_by("row_id", maintain_order=True).last()
    return {row_id: (gate, reason) for row_id, gate, reason in last.select("row_id", "gate", "reason").iter_rows()}


def test_rows_fall_at_the_gates_that_refuse_them():
    """A batch with one fault of each kind: each row falls where it should, and rejects are there with a reason."""
    decisions = run_cascade(candidates_of(TEXTS, FINISHED), ANCHORS, RARE_CLASS)
    assert outcome(decisions) == {
        "c0": ("near_duplicate", None),
        "c1": ("exact_duplicate", "copies_candidate"),
        "c2": ("near_duplicate", "resembles_candidate"),
        "c3": ("minimum_length", "too_short"),
        "c4": ("format", "empty"),
        "c5": ("minimum_length", "too_short"),
        "c6": ("truncation", "cut_off"),
        "c7": ("near_duplicate", "resembles_anchor"),
    }
    assert decisions.schema == DECISIONS
    by_gate = decisions.select("gate", "gate_version", "position", "threshold").unique().sort("position")
    assert by_gate.rows() == [
        (one.gate.name, one.gate.version, position, one.threshold) for position, one in enumerate(RARE_CLASS)
    ]
    assert decisions.equals(decisions.sort("position", "row_id"))


@settings(max_examples=50)
@given(ROWS, st.permutations(range(12)), st.permutations(RARE_CLASS))
def test_conservation_and_freedom_from_order(rows, order, gates):
    """At every gate seen = passed + rejected = passed before; shuffled input gives the same decisions."""
    candidates = candidates_of([text for text, _ in rows], [reason for _, reason in rows])
    decisions = run_cascade(candidates, ANCHORS, gates)
    due = set(candidates["row_id"])
    for position in range(len(gates)):
        seen = decisions.filter(pl.col("position") == position)
        assert seen["row_id"].to_list() == sorted(due)
        due = set(seen.filter("passed")["row_id"])
    assert decisions["passed"].to_list() == decisions["reason"].is_null().to_list()

    shuffled = candidates[[place for place in order if place < candidates.height]]
    assert run_cascade(shuffled, ANCHORS, gates).equals(decisions)


def test_a_text_of_ten_megabytes_is_refused_for_its_length():
    """It passes through the gates before, and does not reach the costly ones behind."""
    text = "no end to this sentence is in sight, " * 270_000
    assert outcome(run_cascade(candidates_of([text]), ANCHORS, RARE_CLASS)) == {"c0": ("maximum_length", "too_long")}


def test_no_candidates_and_no_gates():
    """Nothing in, nothing out, with the table's columns."""
    for decisions in (
        run_cascade(candidates_of([]), ANCHORS, RARE_CLASS),
        run_cascade(candidates_of(TEXTS), ANCHORS, []),
    ):
        assert decisions.is_empty()
        assert decisions.schema == DECISIONS


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([Setting("no_such_gate")], "no_such_gate.*known gates: exact_duplicate, format"),
        ([Setting("minimum_length")], "from 0 to inf \\(tokens\\); none is set"),
        ([Setting("near_duplicate", 0.0)], "from 0.1 to 1 .*; 0 is set"),
        ([Setting("near_duplicate", 70.0)], "70 is set"),
        ([Setting("minimum_length", float("nan"))], "nan is set"),
        ([Setting("format", 1.0)], "format takes no threshold"),
        ([Setting("format"), Setting("truncation"), Setting("format")], "twice: format"),
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong, message):
    """Before any row is judged; the message names the gate and what would be right."""
    with pytest.raises(Refused, match=message):
        set_gates(wrong)


def test_a_row_id_that_comes_twice_fails_the_stage():
    """Rows that share an id could not be counted."""
    rows = pl.concat([candidates_of(["one"]), candidates_of(["two"])])
    with pytest.raises(StageFailed, match="row_id twice"):
        run_cascade(rows, ANCHORS, RARE_CLASS)


class Broken:
    """A gate that gives what it is told."""

    name, version, reasons, abstentions, threshold_range = "broken", 1, ("bad",), ("unsure",), None

    def __init__(self, decisions):
        self.decisions = decisions

    def judge(self, rows, beside, threshold):
        return self.decisions


@pytest.mark.parametrize(
    "decisions",
    [
        [],
        [Decision(True)],
        [Decision(True)] * 3,
        [Decision(True), Decision(False)],
        [Decision(True), Decision(True, "bad")],
        [Decision(True), Decision(False, "unsure")],
        [Decision(True), Decision(False, "a reason it never declared")],
    ],
)
def test_a_gate_that_breaks_its_contract_fails_the_stage(decisions):
    """Too few or too many decisions, refusals without a declared reason: named, and nothing recorded."""
    with pytest.raises(StageFailed, match=r"gate broken.*nothing was recorded"):
        run_cascade(candidates_of(["one", "two"]), ANCHORS, [SetGate(Broken(decisions), None)])


def test_a_gate_may_pass_a_row_unjudged():
    """The decision says so: passed, with one of the gate's reasons to abstain."""
    gate = SetGate(Broken([Decision(True, "unsure"), Decision(True)]), None)
    decisions = run_cascade(candidates_of(["one", "two"]), ANCHORS, [gate])
    assert decisions.select("passed", "reason").rows() == [(True, "unsure"), (True, None)]


@pytest.mark.parametrize("cell", known_cells())
def test_rows_that_masking_made_equal_are_refused_for_what_was_masked(cell: str) -> None:
    """Two addresses in one sentence are two rows with personal data, not a row and its copy."""
    upto = [one for one in base_profile(cell).gates if one.gate in ("format", "exact_duplicate", "personal_data")]
    rows = candidates_of(["Write to [email] today"] * 2, personal_data=[["email"]] * 2)
    decisions = run_cascade(rows, ANCHORS, set_gates(upto))
    assert decisions.filter(~pl.col("passed"))["reason"].to_list() == ["personal_data"] * 2
