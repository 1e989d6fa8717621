"""Asking the vault which candidates are leaks.

Belongs here: `VaultProbe`, whose questions go in as hashes, or as the asker's own texts, and whose answers come out as
keyed digests and counts. The set logic is in `dbt_like_sql/models/vault/`; hashing texts is the caller's (workshop
`text/`), and so is the search for near copies.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.models import run_model
from careful_assets.warehouse.vault_near import Near, nearest_sealed
from careful_assets.warehouse.vault_store import Opening, require_columns, wordless

Detector = Literal["exact", "ngram"]

LEAKS: dict[str, type[pl.DataType]] = {
    "row_id": pl.String,
    "eval_row_digest": pl.String,
    "score": pl.Int64,
    "shared": pl.Int64,
    "of": pl.Int64,
}


class VaultProbe:
    """The grant to ask which rows are leaks: evaluation holds it, and whoever takes in foreign files (`stage`)."""

    def __init__(self, vault_path: Path, warehouse_path: Path, run_id: str, stage: str = "evaluation") -> None:
        self.stage = stage
        self._vault_path = vault_path
        self._warehouse_path = warehouse_path
        self._run_id = run_id

    @wordless
    def find_leaks(
        self, detector: Detector, candidates: pl.DataFrame, containment_thousandths: int = 1000
    ) -> pl.DataFrame:
        """All pairs of a candidate and a sealed row that the detector takes for one text.

        `exact`: they share the hash of their normalized text. `ngram`: the distinct n-gram hashes they share
        are at least `containment_thousandths` / 1000 of those of the one that has fewer; a row without
        n-grams is never flagged.

        Args:
            detector: `exact` or `ngram`.
            candidates: row_id, hash (int64): one row a hash; nulls count as no hash.
            containment_thousandths: 1 to 1000; `exact` does not use it.

        Returns:
            row_id (the candidate's), eval_row_digest (HMAC-SHA256 of the sealed row's id, hex), score
            (thousandths, rounded down), shared and of (distinct hashes); by row_id, highest share first.

        Raises:
            StageFailed: nothing is sealed yet, or the question is malformed.
        """
        if detector not in ("exact", "ngram"):
            raise StageFailed(f"there is no leak detector {detector!r}; use exact or ngram")
        if not 1 <= containment_thousandths <= 1000:
            raise StageFailed(f"containment_thousandths is {containment_thousandths}; give 1 to 1000")
        require_columns(candidates, "candidates", {"row_id": pl.String, "hash": pl.Int64}, nullable="hash")
        asked = candidates.select(pl.col("row_id").cast(pl.String), pl.col("hash").cast(pl.Int64))
        opening = Opening(self.stage, "VaultProbe", "find_leaks")
        with (
            vault_store.opened(self._vault_path) as con,
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            opening.protections = vault_store.file_protections(self._vault_path)
            opening.registry_state, opening.rows = vault_store.standing(con)
            opening.detail = {"detector": detector, "candidates": asked["row_id"].n_unique()}
            params = None
            if detector == "ngram":
                params = {"containment_thousandths": containment_thousandths}
                opening.detail |= params
            leaks = _leaks(con, detector, asked, params)
            opening.detail["pairs"] = leaks.height
        return leaks

    @wordless
    def find_near(self, texts: Iterable[pl.DataFrame], near: Near) -> pl.DataFrame:
        """The sealed row that each text is most similar to, of those that are near copies of one.

        Args:
            texts: row_id and text, some at a time.
            near: from which similarity on, and the search (`text.near_texts`).

        Returns:
            As `find_leaks`, at most one row a text: shared and of count shingles, the score is Jaccard's coefficient.

        Raises:
            StageFailed: nothing is sealed yet.
        """
        opening = Opening(self.stage, "VaultProbe", "find_near")
        with (
            vault_store.opened(self._vault_path) as con,
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            opening.protections = vault_store.file_protections(self._vault_path)
            opening.registry_state, opening.rows = vault_store.standing(con)
            opening.detail = {"thousandths": near.thousandths}
            leaks = _keyed(con, nearest_sealed(con, texts, near, self._vault_path.parent))
            opening.detail["pairs"] = leaks.height
        return leaks

    @wordless
    def sealed_rows(self) -> int:
        """How many rows are sealed: a count that `Sealed` has made public, so no opening.

        Raises:
            StageFailed: nothing is sealed yet.
        """
        with vault_store.opened(self._vault_path) as con:
            return vault_store.standing(con)[1]


def _leaks(
    con: duckdb.DuckDBPyConnection, detector: Detector, asked: pl.DataFrame, params: dict[str, int] | None
) -> pl.DataFrame:
    con.register("candidates", asked)
    try:
        pairs = run_model(con, f"vault/{detector}_leaks", params)
    finally:
        con.unregister("candidates")
    return _keyed(con, pairs)


def _keyed(con: duckdb.DuckDBPyConnection, pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs with a keyed digest in the place of each sealed row's id."""
    digests = vault_store.row_digests(con, pairs["sealed_row_id"])
    return (
        pairs.join(digests, left_on="sealed_row_id", right_on="row_id")
        .with_columns(score=pl.col("shared") * 1000 // pl.col("of_hashes"))
        .rename({"digest": "eval_row_digest", "of_hashes": "of"})
        .select(pl.col(name).cast(kind) for name, kind in LEAKS.items())
        .sort("row_id", "score", "shared", "eval_row_digest", descending=[False, True, True, False])
    )
