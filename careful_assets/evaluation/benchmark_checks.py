"""What must hold of the leak detectors themselves: their own figures on leaks and clean rows whose answer is known.

Belongs here: limits on what `benchmark` measured, and its baseline, which travels with the package (`baseline.json`,
written by the command `python -m careful_assets_tests.benchmarks.leak_quality --write`). Does not belong here: whether
the detectors ran over the candidates (`checks`).

The baseline stands for the demo's anchors. On them every figure is held to it. On others only the joint verdict on
leaks that are made by rule is; what single detectors find hangs on how long rows are and of what. There clean rows
flagged and paraphrases are held to limits of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from careful_assets.evaluation.benchmark import CLEAN, JOINT, LEAK, OTHER, PRECISION
from careful_assets.evaluation.planting import BUILT, PARAPHRASE, VERBATIM
from careful_assets.measures.intervals import wilson
from careful_assets.provenance.digests import table_digest
from careful_assets.provenance.verdicts import Check, CheckView, Verdict

LEAST_RECALL = dict.fromkeys(BUILT, 0.99) | {VERBATIM: 1.0}
"""Of the joint verdict on rows that most detectors judge."""
MOST_CLEAN = 0.03
"""Of clean rows those that all detectors together may flag: each is a good row lost."""
LEAST_PARAPHRASES = 0.5
"""With an embedder that finds more of them on the demo. The pairs are the same everywhere; the cut-off is not."""
FEW_LEAKS = 30
"""Leaks of a kind below which nine in ten found and all found look alike: such a kind is measured, but not told."""
_BASELINE = Path(__file__).with_name("baseline.json")
_Key = tuple[str, str, str]


def detectors_keep_their_recall(view: CheckView) -> Verdict:
    """Measured for the detectors that ran, nothing below the baseline by more than chance, and copies all found."""
    table = view.table("evaluation.detector_quality")
    wrong = list(_unmeasured(view, table))
    figures: dict[_Key, dict[str, Any]] = {
        (row["detector"], row["side"], row["kind"]): row for row in table.iter_rows(named=True)
    }
    wrong += _eaten(figures)
    few = [] if wrong else [kind for kind in LEAST_RECALL if _leaks(figures, kind) < FEW_LEAKS]
    wrong += [words for kind, least in LEAST_RECALL.items() for words in _missed(figures, kind, least)]
    wrong += [] if wrong else _fallen(figures, view)
    evidence = {"wrong": len(wrong), "too few to tell": len(few)}
    if wrong:
        remedy = "mend the detector, or look at evaluation.detector_curves for its cut-off; then materialize evaluation"
        return Verdict(
            False, f"{'; '.join(wrong[:6])}{' and more' if len(wrong) > 6 else ''}; {remedy} again", evidence
        )
    return Verdict(True, _words(figures, few), evidence)


def baseline_of(embedder: str) -> dict[_Key, float]:
    """By detector, side and kind the rate that the demo had with this embedder; empty where it was never measured."""
    return {(row[0], row[1], row[2]): row[3] for row in _baseline()["figures"].get(embedder, [])}


def anchors_digest(anchors: pl.DataFrame) -> str:
    """By which the baseline knows the anchors that it was measured on."""
    return table_digest(anchors.select("row_id", "split"))


@cache
def _baseline() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_BASELINE.read_text(encoding="utf-8"))
    return content


def _unmeasured(view: CheckView, table: pl.DataFrame) -> Iterator[str]:
    """Detectors of the profile whose figures are missing, or are those of another version or cut-off."""
    ran = {row["detector"]: row for row in view.table("evaluation.detectors").iter_rows(named=True)}
    measured = {row["detector"]: row for row in table.filter(side=LEAK).iter_rows(named=True)}
    for name in [*view.loaded.profile.leaks.detectors, JOINT]:
        own, run = measured.get(name), ran.get(name)
        if own is None:
            yield f"{name} was not measured on planted leaks"
        elif name != JOINT and (run is None or run["version"] != own["detector_version"]):
            now = run["version"] if run else "none"
            yield f"{name} was measured at version {own['detector_version']}, and ran at {now}"
        elif name != JOINT and run is not None and not _same(run["threshold"], own["threshold"]):
            yield f"{name} was measured with the cut-off {own['threshold']:g}, and ran with {run['threshold']}"


def _same(ran: float | None, measured: float | None) -> bool:
    """Whether two cut-offs are the same thousandths: engines divide them by a thousand with other last digits."""
    return ran is not None and measured is not None and round(ran * 1000) == round(measured * 1000)


def _leaks(figures: Mapping[_Key, Mapping[str, Any]], kind: str) -> int:
    found = figures.get((JOINT, LEAK, kind))
    return found["n"] if found else 0


def _surely_below(row: Mapping[str, Any], rate: float) -> bool:
    """Of few leaks one or two are missed by chance: below is what lies so by more than one chance in a thousand."""
    high = wilson(row["flagged"], row["n"], level=0.999).high
    return high is not None and high < rate


def _missed(figures: Mapping[_Key, Mapping[str, Any]], kind: str, least: float) -> Iterator[str]:
    """Copies are all found, however few there are; of another kind too few only where chance does not explain it."""
    row = figures.get((JOINT, LEAK, kind))
    if row is None or not row["n"]:
        return
    if row["flagged"] < row["n"] if least == 1 else _surely_below(row, least):
        yield f"all detectors together found {row['flagged']} of {row['n']} leaks by {kind}; {least:.0%} is the least"


def _eaten(figures: Mapping[_Key, Mapping[str, Any]]) -> Iterator[str]:
    """More clean rows flagged than any dataset can bear, and more than chance explains."""
    for (name, side, kind), row in figures.items():
        low = wilson(row["flagged"], row["n"], level=0.999).low
        if name == JOINT and side == CLEAN and low is not None and low > MOST_CLEAN:
            yield f"all detectors together flag {row['flagged']} of {row['n']} clean rows ({kind})"


def _fallen(figures: Mapping[_Key, Mapping[str, Any]], view: CheckView) -> Iterator[str]:
    """Figures whose whole interval lies below the baseline's rate; of clean rows flagged, above it."""
    embedder = view.loaded.card.filtering.embedder.kind
    own = anchors_digest(view.table("anchors.rows")) == _baseline()["anchors"]
    for key, measured in baseline_of(embedder).items():
        detector, side, kind = key
        row = figures.get(key)
        rate = measured if own else _elsewhere(key, measured)
        if rate is None:
            continue
        if row is None or not row["n"]:
            if own:
                yield f"{detector} on {side}, {kind}: not measured, in the baseline it stands at {rate:.3f}"
        elif side in (CLEAN, OTHER) and row["low"] > rate:
            yield f"{detector} flags {row['flagged']} of {row['n']} clean rows ({kind}); the baseline is {rate:.3f}"
        elif side in (LEAK, PRECISION) and (row["high"] < rate if own else _surely_below(row, rate)):
            yield f"{detector} on {side}, {kind}: {row['flagged']} of {row['n']}; the baseline is {rate:.3f}"


def _elsewhere(key: _Key, rate: float) -> float | None:
    """What a figure of the baseline demands of other anchors than the demo's; None: nothing."""
    detector, side, kind = key
    if (detector, side) != (JOINT, LEAK):
        return None
    if kind == PARAPHRASE:
        return LEAST_PARAPHRASES if rate > LEAST_PARAPHRASES else None
    return rate if kind in BUILT else None


def _words(figures: Mapping[_Key, Mapping[str, Any]], few: list[str]) -> str:
    leaks = sum(row["n"] for (name, side, _), row in figures.items() if name == JOINT and side == LEAK)
    clean = sum(row["n"] for (name, side, _), row in figures.items() if name == JOINT and side == CLEAN)
    said = figures.get((JOINT, LEAK, PARAPHRASE))
    others = f"; of {said['n']} paraphrases {said['flagged']} are found" if said else ""
    if len(few) == len(LEAST_RECALL):
        return (
            f"NOT TOLD whether leaks are found: the holdout gave under {FEW_LEAKS} of every kind{others}. More holdout "
            "anchors of 8 words and more would tell"
        )
    words = f"{leaks} planted leaks and {clean} clean rows: copies are found, nothing fell below the baseline{others}"
    if not few:
        return words
    told = ", ".join(f"{kind} ({_leaks(figures, kind)})" for kind in few)
    return (
        f"NOT TOLD for {told}: under {FEW_LEAKS} leaks of a kind say little of a detector. Of the rest, {words}. "
        "More holdout anchors of 8 words and more would tell"
    )


BENCHMARK_CHECKS = (
    Check(
        "detectors_keep_their_recall",
        2,
        "EF",
        "Do the leak detectors still find what was planted?",
        detectors_keep_their_recall,
    ),
)
