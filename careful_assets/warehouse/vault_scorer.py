"""Scoring predictors on sealed rows.

Belongs here: `VaultScorer`, which gives rows to a child process and counts its labels. How the child is run
is in `scorer_child`, how it is confined in `sandbox`. Statistics over the counts are the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.scorer_child import run_confined
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault_offer import ALL
from careful_assets.warehouse.vault_seals import tables
from careful_assets.warehouse.vault_store import Opening, wordless

SMALLEST_SLICE = 10
SET_SLICE = "set:"  # before a further set's name
_COUNTS = ("predictor", "slice", "group_digest", "label", "predicted")


@dataclass(frozen=True)
class Scores:
    """What scoring answers: counts, and no row.

    `counts`: predictor, slice (`all` is every real row, `set:NAME` a further set), group_digest (HMAC, hex), label (the
    truth), predicted, n (rows), sorted. `withheld`: slices of under 10 rows. `protections`: what confined them all.
    """

    counts: pl.DataFrame
    withheld: tuple[str, ...]
    registry_state: str
    protections: str


@dataclass(frozen=True)
class _Ruler:
    """The sealed rows as scoring needs them; stays in this module."""

    rows: pl.DataFrame  # row_id, text, label, group_digest
    slices: pl.DataFrame  # row_id, slice, with `all`
    registry_state: str
    folder: Path  # the vault's


class VaultScorer:
    """The grant to score predictors: training alone holds it."""

    stage = "training"

    def __init__(self, vault_path: Path, warehouse_path: Path, run_id: str) -> None:
        self._vault_path = vault_path
        self._warehouse_path = warehouse_path
        self._run_id = run_id

    @wordless
    def score(self, predictors: Mapping[str, Sequence[str]], labels: Sequence[str], timeout_s: float = 120) -> Scores:
        """Run every predictor over all sealed rows and count what it said.

        Args:
            predictors: name to command (program and arguments). It reads JSON lines {"text": ...} and writes
                one of `labels` a line, in order. It starts in `/`, without this process's environment.
            labels: the card's labels.
            timeout_s: seconds that each predictor has.

        Raises:
            StageFailed: nothing is sealed yet; or a predictor crashed, ran out of time, or gave too few, too
                many or unknown labels. The opening is recorded all the same.
        """
        if not predictors or not all(predictors.values()):
            raise StageFailed("there is nothing to score: give each predictor's name and its command")
        _hold_labels(labels)
        opening = Opening(self.stage, "VaultScorer", "score")
        opening.detail = {"predictors": sorted(predictors)}
        with vault_store.opened(self._vault_path, self._warehouse_path) as con:
            opening.registry_state, opening.rows = vault_store.standing(con)
        with vault_store.recorded(self._warehouse_path, self._run_id, opening):
            ruler = self._ruler()
            opening.rows, opening.registry_state = ruler.rows.height, ruler.registry_state
            _hold_truth(ruler, labels)
            answers: dict[str, list[str]] = {}
            held: list[str] | None = None
            for name, command in predictors.items():
                answers[name], protections = _ask(name, command, ruler, labels, timeout_s, opening)
                held = [one for one in protections if held is None or one in held]
                opening.protections = ", ".join(held)
            sizes = ruler.slices.group_by("slice").len()
            small = sizes.filter(pl.col("len") < SMALLEST_SLICE)["slice"].sort().to_list()
            opening.detail["withheld"] = small
            counts = _count(ruler, answers, small)
        return Scores(counts, tuple(small), ruler.registry_state, opening.protections)

    def _ruler(self) -> _Ruler:
        with vault_store.opened(self._vault_path, self._warehouse_path) as con:
            real = read(con, "sealed.rows").select("row_id", "text", "label", "group_id")
            further = _set_rows(con)
            rows = pl.concat([real, further.drop("slice")])
            groups = vault_store.group_digests(con, rows["group_id"])
            order = vault_store.row_digests(con, rows["row_id"])
            tags = read(con, "sealed.tags").select("row_id", "slice")
            state, _ = vault_store.standing(con)
        everything = real.select("row_id", slice=pl.lit(ALL))
        # Sorted by keyed digest: neither ids nor labels can be told from a row's place.
        sealed = (
            rows.join(groups.rename({"digest": "group_digest"}), on="group_id")
            .join(order, on="row_id")
            .sort("digest")
            .select("row_id", "text", "label", "group_digest")
        )
        return _Ruler(
            sealed, pl.concat([everything, tags, further.select("row_id", "slice")]), state, self._vault_path.parent
        )


def _set_rows(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The rows of further sets as the real ones, under ids and groups of their own, with the slice that each is in."""
    if "set_rows" not in tables(con):
        return pl.DataFrame(schema=dict.fromkeys(("row_id", "text", "label", "group_id", "slice"), pl.String))
    part = pl.lit(SET_SLICE) + pl.col("set_name")
    own_id = part + ":" + pl.col("row_id")
    return read(con, "sealed.set_rows").select(
        row_id=own_id, text=pl.col("text"), label=pl.col("label"), group_id=own_id, slice=part
    )


def _hold_labels(labels: Sequence[str]) -> None:
    odd = [one for one in labels if not one or len(one.splitlines()) != 1 or one != one.strip()]
    if not labels or odd or len(set(labels)) != len(labels):
        raise StageFailed("labels must be distinct single lines without blanks around them; mend the card's")


def _hold_truth(ruler: _Ruler, labels: Sequence[str]) -> None:
    strange = ruler.rows.filter(~pl.col("label").is_in(list(labels))).height
    if strange:
        raise StageFailed(
            f"{strange} sealed rows carry a label that is not among the {len(labels)} given, so no predictor "
            "could be right about them; score with the labels the anchors were sealed with"
        )


def _ask(
    name: str,
    command: Sequence[str],
    ruler: _Ruler,
    labels: Sequence[str],
    timeout_s: float,
    opening: Opening,
) -> tuple[list[str], tuple[str, ...]]:
    texts = ruler.rows["text"].to_list()
    given = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    room = len(texts) * (max(len(one.encode()) for one in labels) + 2)
    opening.protections = "none: the predictor was not started"
    ran = run_confined(command, given, room, timeout_s, ruler.folder)
    opening.protections = ", ".join(ran.protections)
    trouble = ran.trouble
    said = ran.output.decode("utf-8", "replace").splitlines()
    if trouble is None and len(said) != len(texts):
        trouble = f"gave {len(said)} labels for {len(texts)} rows"
    if trouble is None:
        unknown = sum(one not in labels for one in said)
        trouble = f"gave {unknown} answers that are none of the {len(labels)} labels" if unknown else None
    if trouble is not None:
        raise StageFailed(
            f"predictor {name!r} {trouble}. It must read JSON lines from its input and write one label "
            "a line. Its error output is withheld, for it may quote rows: run it on rows of your own to see it"
        )
    return said, ran.protections


def _count(ruler: _Ruler, answers: Mapping[str, list[str]], withheld: Sequence[str]) -> pl.DataFrame:
    said = pl.concat(
        ruler.rows.select("row_id", "label", "group_digest", predictor=pl.lit(name), predicted=pl.Series(labels))
        for name, labels in answers.items()
    )
    shown = ruler.slices.filter(~pl.col("slice").is_in(list(withheld)))
    counted = said.join(shown, on="row_id").group_by(_COUNTS).agg(n=pl.len().cast(pl.Int64))
    return counted.sort(_COUNTS)
