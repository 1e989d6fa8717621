"""What must hold of the gates themselves: their recall and false rejects, and advice on reasons and groups.

Belongs here: limits on what `benchmark`, `alarms` and `balance` measured. Does not belong here: what must hold of the
cascade (`checks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from careful_assets.card.overrides import gates_now
from careful_assets.filtering.alarms import alarms, newest_batch, rates_now
from careful_assets.filtering.balance import tilts
from careful_assets.filtering.benchmark import CASCADE, CASCADE_ALONE, COMPARING, PLANTED, REAL
from careful_assets.filtering.settings import SetGate, set_gates
from careful_assets.measures.intervals import wilson
from careful_assets.provenance.verdicts import Check, CheckView, Verdict

LEAST_RECALL = 0.99
MOST_REAL_REFUSED = {CASCADE: 0.03, CASCADE_ALONE: 0.03}  # of real rows, by all gates together; by one of them:
MOST_BY_ONE_GATE = 0.01
DETERMINISTIC = frozenset(
    {
        "format", "unicode_limits", "exact_duplicate", "near_duplicate", "minimum_length", "maximum_length",
        "truncation", "seed_echo", "personal_data",
    }
)  # fmt: skip
"""Gates that decide by rules which a planted row breaks for certain; the others estimate, and are only shown."""
_COPYING = frozenset({"exact_duplicate", "near_duplicate", "seed_echo"})
_LENGTHS = frozenset({"minimum_length", "maximum_length"})
FEW_ANCHORS = 20
"""Open anchors, holdout rows apart, below which gates that look for copies may go unmeasured."""
FEW_REAL = 100
"""Real rows below which one refusal is more than a gate's limit; then the limit must lie below the whole interval."""
_SHOWN = 5


def gates_keep_their_recall(view: CheckView) -> Verdict:
    """Deterministic gates refuse what was planted for them, and no gate refuses real rows for their own sake."""
    measured = {(row["gate"], row["side"]): row for row in view.model("filtering/quality_by_gate").to_dicts()}
    splits = view.table("anchors.rows")["split"].to_list()
    holdout, copied = splits.count("holdout"), len([split for split in splits if split in ("train", "exemplar")])
    wrong, unmeasured = [], []
    for one in _gates(view):
        name = one.gate.name
        real = measured.get((name, REAL))
        if real is None or (real["gate_version"], real["threshold"]) != (one.gate.version, one.threshold):
            wrong.append(f"{name} was not measured as it is set now")
            continue
        wrong += [] if name in COMPARING else _eaten(real, holdout)
        planted = measured.get((name, PLANTED))
        if planted is None or planted["n"] == 0:
            unmeasured.append(name)
            may_lack = name not in DETERMINISTIC or name in _LENGTHS or (name in _COPYING and copied < FEW_ANCHORS)
            if not may_lack:
                wrong.append(f"nothing was planted for {name}, though {copied} anchors stand open")
        elif name in DETERMINISTIC and planted["refused"] < LEAST_RECALL * planted["n"]:
            wrong.append(f"{name} refused {planted['refused']} of {planted['n']} planted rows")
    cascade = measured.get((CASCADE_ALONE, REAL))
    wrong += _eaten(cascade, holdout) if cascade else ["the cascade was not measured on real rows"]
    evidence = {"wrong": len(wrong), "not measured": len(unmeasured)}
    if wrong:
        remedy = "mend the gate or change its threshold (at least 99% of planted rows, at most 1% of real ones a gate "
        return Verdict(False, f"{'; '.join(wrong)}; {remedy}and 3% in all), and materialize filtering again", evidence)
    planted_rows = sum(row["n"] for (_, side), row in measured.items() if side == PLANTED)
    real_rows = cascade["n"] if cascade else 0
    words = f"gates hold on {planted_rows} planted and {real_rows} real rows"
    return Verdict(True, words + (f"; recall not measured: {', '.join(unmeasured)}" if unmeasured else ""), evidence)


def real_rows_stand_apart(view: CheckView) -> Verdict:
    """Advice: where real rows are too alike for the gates that compare rows, so are good generated ones."""
    holdout = view.table("anchors.rows")["split"].to_list().count("holdout")
    compared = [
        row
        for row in view.model("filtering/quality_by_gate").to_dicts()
        if row["side"] == REAL and row["gate"] in COMPARING | {CASCADE}
    ]
    wrong = [line for row in compared for line in _eaten(row, holdout)]
    if not compared:
        wrong = ["no gate was measured on real rows; materialize filtering again"]
    if wrong:
        remedy = "look at whether real rows are made of templates, and whether these thresholds fit them"
        return Verdict(False, f"{'; '.join(wrong)}; {remedy}", {"wrong": len(wrong)})
    return Verdict(True, "gates that compare rows let real rows pass beside each other", {"wrong": 0})


def _eaten(real: Mapping[str, Any], holdout: int) -> list[str]:
    """What is wrong with the share of real rows refused."""
    name, refused, n = real["gate"], real["refused"], real["n"]
    most = MOST_REAL_REFUSED.get(name, MOST_BY_ONE_GATE)
    if n == 0:
        return [f"{name} saw no real row, though {holdout} stand in the holdout"] if holdout else []
    share = wilson(refused, n)
    assert share.low is not None
    over = refused > most * n if n >= FEW_REAL else share.low > most
    return [f"{name} refused {refused} of {n} real rows"] if over else []


def reasons_are_steady(view: CheckView) -> Verdict:
    """Advice: a reason that jumps or falls to zero tells of a change in the generator, or in a gate."""
    requests = view.table("generation.requests").select("request_id", "round")
    rows = view.table("generation.candidates").select("row_id", "request_id").join(requests, on="request_id")
    rates = newest_batch(rates_now(view.model("filtering/reason_rates"), rows, _gates(view)))
    excluded = dict(view.model("filtering/excluded_rounds").iter_rows())
    newest = rows["round"].max()
    if newest in excluded:
        words = f"people excluded {excluded[newest]} rows of the newest round, so that its reasons are not compared"
        return Verdict(True, words, {"reasons compared": 0, "alarms": 0})
    batch = rates["batch"][0] if rates.height else ""
    found, compared = alarms(rates, view.model("filtering/other_rates", {"batch": batch}).to_dicts())
    evidence = {"reasons compared": compared, "alarms": len(found)}
    if not compared:
        return Verdict(True, "no other batch was judged by these gates; there is nothing to compare with", evidence)
    if not found:
        return Verdict(True, f"{compared} reasons compared with other batches, none changed", evidence)
    words = "; ".join(alarm.in_words() for alarm in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Verdict(False, f"{words}{more}; look at the rejects of these reasons, and at what changed", evidence)


def gates_keep_the_balance(view: CheckView) -> Verdict:
    """Advice: a gate that keeps less than four fifths of one group's share is looked at by people."""
    table = view.table("filtering.balance")
    found = tilts(table)
    evidence = {"values": table.select("attribute", "value").unique().height, "tilts": len(found)}
    if not found:
        return Verdict(True, "no gate keeps under four fifths of a value's share of rows", evidence)
    words = "; ".join(tilt.in_words() for tilt in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Verdict(False, f"{words}{more}; look at the rejects of these gates", evidence)


def _gates(view: CheckView) -> list[SetGate]:
    """The profile's gates as they are set now; the dataset's own are their owner's to measure."""
    now = gates_now(view.loaded.profile.gates, view.model("filtering/latest_overrides").to_dicts())
    own = {one.name for one in view.loaded.card.filtering.own_gates}
    return set_gates([setting for setting in now.settings if setting.gate not in own])


QUALITY_CHECKS = (
    Check(
        "gates_keep_their_recall",
        1,
        "F",
        "Do the gates refuse what was planted for them, and let real rows pass?",
        gates_keep_their_recall,
    ),
    Check(
        "real_rows_stand_apart",
        1,
        "FA",
        "Do real rows pass the gates that compare rows, too?",
        real_rows_stand_apart,
        severity="warn",
    ),
    Check(
        "reasons_are_steady",
        1,
        "FL",
        "Does no reason jump or fall to zero against other batches?",
        reasons_are_steady,
        severity="warn",
    ),
    Check(
        "gates_keep_the_balance",
        1,
        "F",
        "Does no gate refuse one group more than others?",
        gates_keep_the_balance,
        severity="warn",
    ),
)
