"""Canaries as the evaluation sees them: one for each sealed set, and candidates that hold one.

Belongs here: what the stage's tables say of canaries. Does not belong here: keeping them (`warehouse.canary_registry`),
making and finding them (`text.canaries`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import polars as pl

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.evaluation.detecting import DETECTORS, LEAKS
from careful_assets.provenance.released import read_manifest
from careful_assets.provenance.stage import Inputs
from careful_assets.text import canaries as workshop
from careful_assets.warehouse.canary_registry import HELD, CanaryRegistry

CANARY = "canary"
CANARY_VERSION = 2


def canary_leaks(inputs: Inputs, registry: CanaryRegistry) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every sealed set's canary is registered, and the candidates are searched for all canaries there are.

    Returns:
        Rows for `evaluation.leaks` and for `evaluation.detectors`, as `leaks_of`.
    """
    sets = inputs.table("anchors.evaluation_sets").sort("set_name")
    states = inputs.table("anchors.vault_counts")["registry_state"].to_list()
    rows = inputs.pages("generation.candidates", ["text"])
    released = {version: _canaries_of(folder) for version, folder in inputs.active_releases().items()}
    return leaks_of(registry, sets["set_name"].to_list(), rows, next(iter(states), None), released)


def leaks_of(
    registry: CanaryRegistry,
    set_names: Iterable[str],
    rows: Iterable[pl.DataFrame],
    registry_state: str | None,
    released: Mapping[str, Collection[str]],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `evaluation.leaks`, one a row and canary, and the detector's row of `evaluation.detectors`.

    `set_name` is the sealed set whose canary it is, or `release` and its version; `eval_row_digest` the canary's keyed
    digest. What fails is told as a detector that did not run; then there are no leaks, and nothing is clean. Its
    `sealed_rows` are the canaries of sealed sets. `released`: by version the digests of the canaries that a release
    carries: where the registry has lost one, nobody looks for it any more, and that is a failure, too.
    """
    counted = _Counted(rows)
    cause, held, known = None, pl.DataFrame(schema=HELD), 0
    try:
        for name in set_names:
            registry.register("sealed_set", name, workshop)
        # Those of releases are searched for, too; of them there are more with every release, whatever the rows.
        kept = registry.registered()
        known = sum(one.place == "sealed_set" for one in kept)
        _refuse_lost({one.digest for one in kept}, released)
        held = registry.search(counted.frames(), workshop)
    except Exception as error:  # noqa: BLE001  whatever it was, the detector did not run
        # Our own errors carry no text; of any other only the kind is told.
        cause = str(error) if isinstance(error, CarefulError) else type(error).__name__
    run = {
        "detector": CANARY, "version": CANARY_VERSION, "ran": cause is None, "rows_seen": counted.seen,
        "sealed_rows": known, "cause": cause, "threshold": 1.0, "rows_short": 0,
        "flagged": held["row_id"].n_unique(), "registry_state": registry_state,
    }  # fmt: skip
    return _leaks(held), pl.DataFrame([run], schema=DETECTORS)


def held_by_file(registry: CanaryRegistry, rows: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Which rows of a foreign file (row_id, text, some at a time) hold a canary, in the form of `evaluation.leaks`.

    Raises:
        StageFailed: the search did not run; then no row of the file is clean.
    """
    return _leaks(registry.search(rows, workshop))


def _leaks(held: pl.DataFrame) -> pl.DataFrame:
    of_release = pl.col("place") == "release"
    return held.select(
        "row_id",
        eval_row_digest="canary_digest",
        detector=pl.lit(CANARY),
        score=pl.lit(1.0),
        threshold=pl.lit(1.0),
        evidence=pl.lit("a planted sentence that stands nowhere else"),
        set_name=pl.when(of_release).then(pl.format("release {}", "name")).otherwise("name"),
        span_start=pl.lit(None, pl.Int64),
        span_stop=pl.lit(None, pl.Int64),
        masked=pl.lit(None, pl.String),
    ).cast(LEAKS)  # type: ignore[arg-type]


def _canaries_of(folder: Path) -> list[str]:
    """The digests of the canaries that a release carries; none where its manifest is damaged, which rescans tell."""
    try:
        return [str(one["digest"]) for one in read_manifest(folder).get("canaries", [])]
    except (StageFailed, TypeError, KeyError):
        return []


def _refuse_lost(kept: Collection[str], released: Mapping[str, Collection[str]]) -> None:
    lost = [version for version, digests in released.items() if not set(digests) <= set(kept)]
    if lost:
        raise StageFailed(
            f"the vault holds the canary of release {', '.join(lost)} no more: it was put back from an older copy, or "
            "changed; restore it from a backup, and materialize evaluation again"
        )


class _Counted:
    """Frames that pass by, and how many rows they had."""

    def __init__(self, rows: Iterable[pl.DataFrame]) -> None:
        self._rows = rows
        self.seen = 0

    def frames(self) -> Iterable[pl.DataFrame]:
        for batch in self._rows:
            self.seen += batch.height
            yield batch
