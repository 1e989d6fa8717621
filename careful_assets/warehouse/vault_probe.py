"""Asking the vault which rows are leaks, which ids are sealed, and how good a ruler it is.

Belongs here: `VaultProbe`, whose answers are keyed digests, names of sets and counts. Does not belong here: lending
sealed texts (`vault_leaks`), finding anything (the workshop's `text.leaks`, which the asker hands in).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.warehouse import vault_store
from careful_assets.warehouse.vault_leaks import (
    Leaks,
    Scan,
    answered,
    hold_scan,
    ids_of_sets,
    sealed_texts,
    well_formed,
)
from careful_assets.warehouse.vault_near import Near
from careful_assets.warehouse.vault_quality import quality_of, rows_to_judge
from careful_assets.warehouse.vault_store import Opening, wordless

_AMONG: dict[str, type[pl.DataType]] = {"id": pl.String, "eval_row_digest": pl.String, "set_name": pl.String}


class VaultProbe:
    """The grant to ask which rows are leaks: evaluation holds it, and whoever takes in foreign files (`stage`)."""

    def __init__(self, vault_path: Path, warehouse_path: Path, run_id: str, stage: str = "evaluation") -> None:
        self.stage = stage
        self._vault_path = vault_path
        self._warehouse_path = warehouse_path
        self._run_id = run_id

    @wordless
    def find_leaks(self, rows: Iterable[pl.DataFrame], scan: Scan, may_be_sent_to: Collection[str] = ()) -> Leaks:
        """The rows in which the scan's detectors find a sealed one, real or of a further set.

        Memory: the sealed side and one batch. While the rows come by, neither the vault nor the warehouse is open.

        Args:
            rows: row_id and text, some at a time.
            scan: a `text.leaks.scan.LeakScan`; none but it is lent sealed texts.
            may_be_sent_to: the card's `vault.may_be_sent_to`: the providers that its detectors may show them to.

        Raises:
            StageFailed: the scan is none of the workshop's, or sends texts to a provider that is not named; nothing is
                sealed; the vault is changed or another than the warehouse's; or a batch lacks a column.
        """
        opening = Opening(self.stage, "VaultProbe", "find_leaks")
        with vault_store.recorded(self._warehouse_path, self._run_id, opening):
            hold_scan(scan, may_be_sent_to)
            opening.detail = {"detectors": list(scan.detectors), "sent_to": list(scan.sends_to)}
            with self._opened(opening) as con:
                sealed = sealed_texts(con)
            opening.rows = sealed.rows.height
            seen: list[int] = []
            leaks = answered(type(scan).run(scan, sealed.rows["text"], well_formed(rows, seen)), sealed)
            failed = leaks.runs.filter(~pl.col("ran"))["detector"].to_list()
            opening.detail |= {"asked": sum(seen), "findings": leaks.found.height, "did_not_run": failed}
        return leaks

    @wordless
    def sealed_among(self, ids: Collection[str]) -> pl.DataFrame:
        """Which of these ids of rows, parents or exemplars are those of sealed rows.

        Returns:
            id, eval_row_digest (keyed), set_name; by id and set.

        Raises:
            StageFailed: nothing is sealed; or the vault is changed, or another than the warehouse's.
        """
        opening = Opening(self.stage, "VaultProbe", "sealed_among")
        with vault_store.recorded(self._warehouse_path, self._run_id, opening), self._opened(opening) as con:
            asked = pl.DataFrame({"row_id": sorted(set(ids))}, schema={"row_id": pl.String})
            among = ids_of_sets(con, "row_id").join(asked, on="row_id")
            digests = vault_store.row_digests(con, among["row_id"]).rename({"digest": "eval_row_digest"})
            opening.detail = {"asked": asked.height, "sealed": among["row_id"].n_unique()}
        found = among.join(digests, on="row_id").rename({"row_id": "id"})
        return found.select(pl.col(name).cast(kind) for name, kind in _AMONG.items()).sort("id", "set_name")

    @wordless
    def quality(self, near: Near | None) -> pl.DataFrame:
        """How good a ruler it is, in counts by set and class; as `vault_quality.quality_of` says.

        Raises:
            StageFailed: nothing is sealed; or the vault is changed, or another than the warehouse's.
        """
        opening = Opening(self.stage, "VaultProbe", "quality")
        with vault_store.recorded(self._warehouse_path, self._run_id, opening):
            with self._opened(opening) as con:
                rows = rows_to_judge(con)
            opening.rows = rows.height
            opening.detail = {"near_thousandths": near.thousandths if near else None}
            return quality_of(rows, near, self._vault_path.parent)

    @wordless
    def sealed_rows(self) -> int:
        """How many real rows are sealed: a count that `Sealed` has made public, so no opening.

        Raises:
            StageFailed: nothing is sealed; or the vault is changed, or another than the warehouse's.
        """
        with vault_store.opened(self._vault_path, self._warehouse_path) as con:
            return vault_store.standing(con)[1]

    @contextmanager
    def _opened(self, opening: Opening) -> Iterator[duckdb.DuckDBPyConnection]:
        with vault_store.opened(self._vault_path, self._warehouse_path) as con:
            opening.protections = vault_store.file_protections(self._vault_path)
            opening.registry_state, opening.rows = vault_store.standing(con)
            yield con
