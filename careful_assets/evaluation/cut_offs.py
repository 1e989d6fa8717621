"""From the scores of leaks and clean rows to a detector's curve, and from the curve to its cut-off.

Belongs here: which score a detector may take for a leak. Does not belong here: where the scores come from
(`benchmark`). Scores are thousandths.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from careful_assets.card.profiles import DetectorName, LeakSettings

CURVES = pl.Schema(
    {"detector": pl.String, "score": pl.Float64, "leaks_flagged": pl.Float64, "clean_flagged": pl.Float64}
)
_EQUALITY = ("exact", "skeleton")  # of them a score is all or nothing
_FLOORS = dict.fromkeys(_EQUALITY, 1000) | {"ngram_8": 100, "ngram_13": 100, "near_duplicate": 250, "containment": 400}
_EMBEDDING_FLOORS = {"minilm": 150, "tfidf_svd": 300}
_EMBEDDING_FLOOR = 200  # of an embedder that was never measured
_STEP = 20


@dataclass(frozen=True)
class CutOff:
    """From which score on a row is a leak, and in words by what it was set."""

    detector: str
    thousandths: int
    words: str


def floor_of(detector: str, embedder: str) -> int:
    """The lowest score that may tell a leak, in thousandths; `embedder`: its kind, as cards have it.

    Clean rows that were measured are few, those to come are many: below it a curve is not believed. Of an embedder it
    stands where, of the demo's rows and the film reviews beside them, one clean row in some hundreds is flagged.
    """
    return _EMBEDDING_FLOORS.get(embedder, _EMBEDDING_FLOOR) if detector == "embedding" else _FLOORS[detector]


def fixed_cut_off(name: DetectorName, settings: LeakSettings, embedder: str) -> int:
    """The profile's, for a dataset whose own rows did not set it; never below the detector's floor."""
    floor = floor_of(name, embedder)
    return floor if name in _EQUALITY else max(floor, settings.cut_offs[name])


def fewest_clean(false_alarms: float) -> int:
    """Clean rows by which a cut-off can be set.

    Of new rows a share of 1 / (n + 1) lies above the highest of n, on average: with these many it is within twice the
    share that is wished.
    """
    return math.ceil(0.5 / false_alarms)


def cut_off_of(name: DetectorName, clean: Sequence[int], rows: int, settings: LeakSettings, embedder: str) -> CutOff:
    """The lowest score at which no more clean rows are flagged than is allowed; the settings' where none can be told.

    Args:
        name: the detector's.
        clean: scores of those clean rows that reach the detector's floor.
        rows: how many clean rows were shown to it.
        settings: the profile's.
        embedder: the kind of the one that the detectors have.
    """
    floor, fixed = floor_of(name, embedder), fixed_cut_off(name, settings, embedder)
    if name in _EQUALITY:
        return CutOff(name, fixed, "copies alone")
    share = settings.false_alarms[name]
    fewest = fewest_clean(share)
    if rows < fewest:
        return CutOff(name, fixed, f"the profile's: {rows} clean rows cannot tell, {fewest} would")
    allowed = math.floor(rows * share)
    over = sorted(clean, reverse=True)
    if len(over) <= allowed:
        return CutOff(name, fixed, f"the profile's: of {rows} clean rows {len(over)} reach {floor / 1000:g}")
    lowest = over[allowed] + 1
    if lowest > 1000:
        return CutOff(name, 1000, f"more than {allowed} of {rows} clean rows reach the highest score")
    return CutOff(name, lowest, f"its curve: {sum(score >= lowest for score in over)} of {rows} clean rows flagged")


def curve_of(name: str, floor: int, leaks: tuple[Sequence[int], int], clean: tuple[Sequence[int], int]) -> pl.DataFrame:
    """`evaluation.detector_curves` of one detector: shares flagged from each score on, in steps of 0.02.

    Args:
        name: the detector's.
        floor: its own.
        leaks: scores of leaks that reach the floor, and how many leaks there are.
        clean: the same of clean rows.
    """
    steps = range(floor, 1001, _STEP)
    rows = [(name, step / 1000, _from(step, *leaks), _from(step, *clean)) for step in steps]
    return pl.DataFrame(rows, schema=CURVES, orient="row")


def _from(score: int, scores: Sequence[int], rows: int) -> float | None:
    return sum(one >= score for one in scores) / rows if rows else None
