"""How well the leak detectors work on a dataset's own rows: recall on planted leaks, false alarms on clean rows.

Belongs here: which rows are sealed, planted and clean, and the counts with their intervals. Does not belong here: how
leaks are made (`planting`), how a cut-off follows from scores (`cut_offs`), what must hold of the counts
(`benchmark_checks`).

Sealed, in a vault of its own, are the holdout anchors and the originals of the paraphrase pairs. Clean are train rows
and exemplars. All stand on one of two halves, by group: by the one cut-offs are set, from the other come the figures.
To the rows of a half only the clean rows of the other half are known as open ones, as no candidate is an open row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from careful_assets.card.profiles import LeakSettings
from careful_assets.evaluation.cut_offs import CURVES, CutOff, curve_of, cut_off_of, fixed_cut_off, floor_of
from careful_assets.evaluation.planting import Leak, pair_id, paraphrase_leaks, paraphrase_pairs, planted_leaks
from careful_assets.measures.intervals import wilson
from careful_assets.provenance.digests import sha256
from careful_assets.text.leaks.protocol import SHORTEST_JUDGED
from careful_assets.text.leaks.scan import LeakScan
from careful_assets.text.normalize import tokens

if TYPE_CHECKING:
    from careful_assets.text.leaks.protocol import Detector
    from careful_assets.warehouse.vault_probe import VaultProbe

MakeDetectors = Callable[[Mapping[str, int]], "Sequence[Detector]"]
MakeBeside = Callable[[pl.Series], MakeDetectors]
"""From the texts of open rows to what makes detectors that know them, at given cut-offs in thousandths."""

QUALITY = pl.Schema(
    {
        "detector": pl.String, "detector_version": pl.Int32, "threshold": pl.Float64, "side": pl.String,
        "kind": pl.String, "n": pl.Int64, "flagged": pl.Int64, "rate": pl.Float64, "low": pl.Float64,
        "high": pl.Float64,
    }
)  # fmt: skip
JOINT = "joint"
"""The verdict of all detectors together: a row is a leak where one of them says so."""
LEAK, CLEAN, OTHER = "leak", "clean", "other"
PRECISION = "precision"
"""A side of the table: of n rows that are flagged these many are leaks; by `kind` among which rows."""
AMONG_OWN, AMONG_ALL = "leaks and clean rows", "leaks, clean and other rows"
JUDGED, SHORT_ROWS = "judged", "short"
_SETTING, _MEASURING = 0, 1
# Bounds for large sources: they tell a rate of 0.1%, and an embedder needs minutes for them, not hours.
_MOST_SEALED, _MOST_PLANTED, _MOST_CLEAN, _MOST_OTHER = 5_000, 2_000, 6_000, 6_000
_BATCH = 2_000
_ROWS: dict[str, Any] = {
    "row_id": pl.String, "text": pl.String, "side": pl.String, "kind": pl.String, "half": pl.Int32, "short": pl.Boolean
}  # fmt: skip


@dataclass(frozen=True)
class Quality:
    """What was measured.

    `quality` and `curves`: the stage's tables `evaluation.detector_quality` and `evaluation.detector_curves`.
    `cut_offs`: of every detector of the settings, and by what it was set. `failed`: detectors that did not work, with
    the cause; they have no figures.
    """

    quality: pl.DataFrame
    curves: pl.DataFrame
    cut_offs: tuple[CutOff, ...]
    failed: dict[str, str]

    @property
    def thousandths(self) -> dict[str, int]:
        """The cut-off of every detector."""
        return {one.detector: one.thousandths for one in self.cut_offs}


def detector_quality(
    anchors: pl.DataFrame, other: pl.Series | None, beside: MakeBeside, settings: LeakSettings, embedder: str,
    folder: Path,
) -> Quality:  # fmt: skip
    """Set each detector's cut-off on one half of the rows, and count what all flag on the other.

    Every detector is shown every row at its floor: what it flags at any cut-off follows from the scores. Intervals are
    Wilson's (1927), 95%; leaks of a kind are alike, and rows of a group, so that they are somewhat too narrow.

    Args:
        anchors: row_id, text, label, group_id, split: the open ones.
        other: clean texts of another kind, reported apart.
        beside: makes the detectors.
        settings: the profile's.
        embedder: the kind of the one that the detectors have, as cards call it.
        folder: an empty one, for the vault; the caller removes it.

    Raises:
        StageFailed: the rows could not be sealed or held against each other.
    """
    from careful_assets.warehouse.vault_rehearsal import rehearse

    holdout = _drawn(anchors.filter(pl.col("split") == "holdout"), _MOST_SEALED)
    clean = _drawn(anchors.filter(pl.col("split").is_in(["train", "exemplar"])), _MOST_CLEAN)
    clean = clean.with_columns(half=_halves(clean["group_id"]))
    rows = _rows(holdout, clean, other)
    floors: dict[str, int] = {name: floor_of(name, embedder) for name in settings.detectors}
    asked = _Asked(rehearse(folder, _sealed(holdout)), floors, settings.timeout_s)
    for half in (_SETTING, _MEASURING):
        known = clean.filter(pl.col("half") != half).sort("row_id")["text"]
        asked.ask(rows.filter(half=half), beside(known))
    scored = pl.concat(asked.scores).join(rows.drop("text"), on="row_id")
    judged = rows.filter(half=_SETTING, short=False)
    curves, cut_offs = [CURVES.to_frame()], []
    for name in settings.detectors:
        if name in asked.failed:
            fixed = fixed_cut_off(name, settings, embedder)
            cut_offs.append(CutOff(name, fixed, "the profile's: it was not measured"))
            continue
        reached = scored.filter(half=_SETTING, short=False, detector=name)
        leaks, alarms = (reached.filter(side=side)["score"].to_list() for side in (LEAK, CLEAN))
        of_leaks, of_clean = (judged.filter(side=side).height for side in (LEAK, CLEAN))
        curves.append(curve_of(name, floors[name], (leaks, of_leaks), (alarms, of_clean)))
        cut_offs.append(cut_off_of(name, alarms, of_clean, settings, embedder))
    measured = {one.detector: one.thousandths for one in cut_offs if one.detector not in asked.failed}
    figures = _figures(rows.filter(half=_MEASURING), scored.filter(half=_MEASURING), measured, asked.versions)
    quality = pl.DataFrame(list(figures), schema=QUALITY, orient="row")
    return Quality(quality, pl.concat(curves), tuple(cut_offs), asked.failed)


def _drawn(anchors: pl.DataFrame, most: int) -> pl.DataFrame:
    """So many of them, in an order that has nothing to do with the source's."""
    drawn = pl.col("row_id").map_elements(sha256, return_dtype=pl.String)
    return anchors.unique("row_id", keep="first", maintain_order=True).sort(drawn).head(most)


def half_of(group_id: str) -> int:
    """0, by which cut-offs are set, or 1, from which the figures come: for all rows of a group."""
    return int(sha256(f"half {group_id}")[:8], 16) % 2


def _halves(groups: pl.Series) -> pl.Series:
    return pl.Series([half_of(group) for group in groups.to_list()], dtype=pl.Int32)


def _sealed(holdout: pl.DataFrame) -> pl.DataFrame:
    pairs = [(pair_id(pair), pair.original, "pair", pair_id(pair)) for pair in paraphrase_pairs()]
    columns = ["row_id", "text", "label", "group_id"]
    return pl.concat([holdout.select(columns), pl.DataFrame(pairs, schema=columns, orient="row")])


def _rows(holdout: pl.DataFrame, clean: pl.DataFrame, other: pl.Series | None) -> pl.DataFrame:
    """All rows whose answer is known. What stands about a buried row is of its own half: detectors do not know it."""
    sources = holdout.head(_MOST_PLANTED).with_columns(half=_halves(holdout.head(_MOST_PLANTED)["group_id"]))
    rows: list[tuple[Any, ...]] = []
    for half in (_SETTING, _MEASURING):
        own = clean.filter(half=half)
        leaks = planted_leaks(sources.filter(half=half), own["text"].to_list())
        leaks += paraphrase_leaks([pair for pair in paraphrase_pairs() if pair.number % 2 == half])
        rows += [_row(f"leak-{half}-{place}", leak, half) for place, leak in enumerate(leaks)]
        rows += [_plain_row(f"clean-{half}-{place}", text, CLEAN, half) for place, text in enumerate(own["text"])]
    texts = [] if other is None else sorted(other.unique().to_list(), key=sha256)[:_MOST_OTHER]
    rows += [_plain_row(f"other-{place}", text, OTHER, _MEASURING) for place, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=_ROWS, orient="row")


def _row(row_id: str, leak: Leak, half: int) -> tuple[Any, ...]:
    return row_id, leak.text, LEAK, leak.kind, half, leak.is_short


def _plain_row(row_id: str, text: str, side: str, half: int) -> tuple[Any, ...]:
    short = len(tokens(text)) < SHORTEST_JUDGED
    return row_id, text, side, SHORT_ROWS if short else JUDGED, half, short


@dataclass
class _Asked:
    """The detectors at their floors, one after the other, and what they answered."""

    probe: VaultProbe
    floors: Mapping[str, int]
    timeout_s: float
    scores: list[pl.DataFrame] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def ask(self, rows: pl.DataFrame, make: MakeDetectors) -> None:
        """The score of every row that reaches a detector's floor.

        Each is alone in its scan: one that is asked last would else see no row that another flags at its floor.
        """
        for detector in make(self.floors):
            self.versions[detector.name] = detector.version
            scan = LeakScan([detector], self.timeout_s)
            # These rows lie open: whoever may be shown anchors may be shown them.
            batches = rows.select("row_id", "text").iter_slices(_BATCH)
            leaks = self.probe.find_leaks(batches, scan, may_be_sent_to=scan.sends_to)
            (run,) = leaks.runs.iter_rows(named=True)
            self.scores.append(leaks.found.select("row_id", "detector", "score"))
            if not run["ran"]:
                self.failed[detector.name] = run["cause"] or "no cause was given"


def _figures(
    rows: pl.DataFrame, scored: pl.DataFrame, cut_offs: Mapping[str, int], versions: Mapping[str, int]
) -> Iterator[tuple[Any, ...]]:
    """The table's rows: every detector that was measured, then all of them together."""
    shown = rows.group_by("side", "kind", maintain_order=True).len().rows()
    flagged = scored.filter(pl.col("score") >= pl.col("detector").replace_strict(cut_offs, default=1001))
    for name, least in cut_offs.items():
        hits = _hits(flagged.filter(detector=name))
        for side, kind, n in shown:
            yield name, versions[name], least / 1000, side, kind, *_rate(hits.get((side, kind), 0), n)
    joint = flagged.unique("row_id")
    hits = _hits(joint)
    for side, kind, n in shown:
        yield JOINT, 0, None, side, kind, *_rate(hits.get((side, kind), 0), n)
    judged = joint.filter(~pl.col("short"))
    for kind, sides in ((AMONG_OWN, [LEAK, CLEAN]), (AMONG_ALL, [LEAK, CLEAN, OTHER])):
        among = judged.filter(pl.col("side").is_in(sides))
        yield JOINT, 0, None, PRECISION, kind, *_rate(among.filter(side=LEAK).height, among.height)


def _hits(flagged: pl.DataFrame) -> dict[tuple[str, str], int]:
    return {(side, kind): n for side, kind, n in flagged.group_by("side", "kind").len().iter_rows()}


def _rate(flagged: int, n: int) -> tuple[int, int, float | None, float | None, float | None]:
    share = wilson(flagged, n)
    return n, flagged, share.value, share.low, share.high
