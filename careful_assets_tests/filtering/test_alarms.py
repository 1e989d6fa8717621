"""Reasons that jump or fall to zero against other batches, and the record that they are held against."""

from __future__ import annotations

import polars as pl
import pytest

from careful_assets.filtering.alarms import EXPECTED, Alarm, alarms, newest_batch, rates_now, to_record
from careful_assets.filtering.cascade import run_cascade
from careful_assets.filtering.settings import SetGate
from careful_assets.warehouse.models import run_model_over
from careful_assets_tests.filtering.frames import RARE_CLASS, anchors_of, candidates_of, sentences

RECORD = pl.Schema(
    {
        "seq": pl.Int64, "batch": pl.String, "round": pl.Int32, "gate": pl.String, "gate_version": pl.Int32,
        "threshold": pl.Float64, "reason": pl.String, "seen": pl.Int64, "refused": pl.Int64,
    }
)  # fmt: skip
EMPTY = RECORD.to_frame()


def rates(candidates: pl.DataFrame, gates: list[SetGate] = RARE_CLASS) -> pl.DataFrame:
    """The rates of these candidates' rounds."""
    requests = candidates.select("round").unique().with_columns(request_id=pl.col("round").cast(pl.String))
    tables = {
        "filtering.decisions": run_cascade(candidates, anchors_of(["an anchor"]), gates),
        "generation.candidates": candidates.with_columns(request_id=pl.col("round").cast(pl.String)),
        "generation.requests": requests,
    }
    counted = run_model_over(tables, "filtering/reason_rates")
    return rates_now(counted, candidates.select("row_id", "round"), gates)


def batch(round_number: int, cut_off: int, of: int, seed: int = 1) -> pl.DataFrame:
    """A round of sentences of which some were cut off."""
    ids = [f"r{round_number}s{seed}n{number:04}" for number in range(of)]
    reasons = ["length" if number < cut_off else "stop" for number in range(of)]
    rows = candidates_of(sentences(of, 100 * round_number + seed), reasons, ids=ids)
    return rows.with_columns(round=pl.lit(round_number, pl.Int32))


def recorded(*parts: pl.DataFrame) -> pl.DataFrame:
    """Rates one run after the other, numbered as the stage does it."""
    log = EMPTY
    for part in parts:
        added = to_record(part, log)
        log = pl.concat([log, added.with_columns(seq=pl.int_range(added.height) + log.height).select(list(RECORD))])
    return log


def found(now: pl.DataFrame, log: pl.DataFrame) -> tuple[list[Alarm], int]:
    """The alarms on the newest round."""
    newest = newest_batch(now)
    others = run_model_over({"filtering.reason_rates": log}, "filtering/other_rates", {"batch": newest["batch"][0]})
    return alarms(newest, others.to_dicts())


def test_rates_tell_every_reason_of_every_gate_and_round() -> None:
    """Also those that no row was refused for; seen is what reached the gate."""
    told = rates(pl.concat([batch(1, 2, 10), batch(2, 0, 5)]))
    assert told.height == 2 * sum(len(one.gate.reasons) for one in RARE_CLASS)
    assert told["batch"].n_unique() == 2
    assert told.filter(reason="cut_off").select("round", "seen", "refused").rows() == [(1, 10, 2), (2, 5, 0)]
    assert told.filter(round=1, reason="copies_anchor")["seen"].to_list() == [8]


def test_no_candidates_have_no_rates_and_no_alarms() -> None:
    """An empty batch is no reason to warn."""
    told = rates(candidates_of([]))
    assert told.is_empty()
    assert to_record(told, EMPTY).is_empty()
    assert alarms(newest_batch(told), []) == ([], 0)


def test_a_round_of_which_people_excluded_rows_adds_nothing() -> None:
    """Its batch stays on record as it was as a whole; other rounds are recorded."""
    both = rates(pl.concat([batch(1, 2, 10), batch(2, 0, 5)]))
    assert to_record(both, EMPTY, [2])["round"].unique().to_list() == [1]
    assert to_record(both, EMPTY, [1, 2]).is_empty()


def test_the_record_grows_by_what_is_new_alone() -> None:
    """The same run again adds nothing; another batch, threshold or count is added, and nothing is rewritten."""
    first, second = rates(batch(1, 2, 40)), rates(batch(1, 2, 40, seed=2))
    log = recorded(first, first, first)
    assert log.height == first.height
    assert recorded(first, second, first).height == 2 * first.height
    moved = [one if one.threshold != 600 else SetGate(one.gate, 500) for one in RARE_CLASS]
    assert to_record(rates(batch(1, 2, 40), moved), log)["gate"].unique().to_list() == ["maximum_length"]


def test_a_jump_and_a_fall_are_found_with_their_rates_and_interval() -> None:
    """Three times as many, and none where twelve were expected: both are named; nothing else is."""
    log = recorded(rates(batch(1, 8, 200)), rates(batch(1, 8, 200, seed=2)))
    (jump,), compared = found(rates(batch(1, 40, 200, seed=3)), log)
    assert (jump.gate, jump.reason, jump.now, jump.others) == ("truncation", "cut_off", (40, 200), (16, 400))
    assert 0 < (jump.difference.low or 0) < 0.16 < (jump.difference.high or 0)
    assert "truncation/cut_off: 40 of 200 now, 16 of 400 in other batches (difference +" in jump.in_words()
    assert compared == sum(len(one.gate.reasons) for one in RARE_CLASS)
    (fall,), _ = found(rates(batch(1, 0, 300, seed=4)), log)
    assert (fall.now, fall.others) == ((0, 300), (16, 400))


@pytest.mark.parametrize(("now", "of"), [(8, 200), (15, 200), (3, 200), (2, 10)])
def test_what_chance_does_is_no_alarm(now: int, of: int) -> None:
    """Up to twice the rate, some fewer, or few rows: steady."""
    log = recorded(rates(batch(1, 8, 200)), rates(batch(1, 8, 200, seed=2)))
    assert found(rates(batch(1, now, of, seed=3)), log)[0] == []


def test_a_fall_needs_rows_that_were_expected() -> None:
    """Five expected ones that are missing are told, fewer are not."""
    log = recorded(rates(batch(1, 10, 200)))
    enough = int(EXPECTED * 200 / 10)
    assert [alarm.reason for alarm in found(rates(batch(1, 0, enough, seed=3)), log)[0]] == ["cut_off"]
    assert found(rates(batch(1, 0, enough - 5, seed=3)), log)[0] == []


def test_the_newest_round_is_compared_with_the_rounds_before() -> None:
    """Rounds of one run are batches, and a batch is never compared with itself."""
    both = rates(pl.concat([batch(1, 8, 200), batch(2, 60, 200)]))
    log = recorded(rates(batch(1, 8, 200)), both)
    assert [alarm.now for alarm in found(both, log)[0]] == [(60, 200)]
    alone = rates(batch(1, 8, 200))
    assert found(alone, recorded(alone)) == ([], 0)


def test_another_version_or_threshold_is_not_compared() -> None:
    """What a moved threshold changes is no alarm; the newest record of a batch counts, once."""
    log = recorded(rates(batch(1, 8, 200)))
    raised = log.with_columns(gate_version=pl.col("gate_version") + 1)
    assert found(rates(batch(1, 60, 200, seed=2)), raised) == ([], 0)
    twice = pl.concat([log.with_columns(seen=pl.lit(1, pl.Int64), refused=pl.lit(1, pl.Int64)),
                       log.with_columns(seq=pl.col("seq") + log.height)])  # fmt: skip
    assert [alarm.others for alarm in found(rates(batch(1, 60, 200, seed=2)), twice)[0]] == [(8, 200)]
