"""Sealing: the grant that puts evaluation rows into the vault, and tells which rows on offer are kin of sealed ones.

Belongs here: `VaultSealer` and what holds when the vault grows. Asking for leaks is in `vault_probe`, scoring
in `vault_scorer`, how a row is erased in `vault_erasing`. But for erasures, of rows or of a whole further set, the
vault never shrinks; a sealed row's text, label and group stand as they were sealed.

Rows on offer lie in a staging file (`staging`), whose `rows` and what is known of them are read here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.home import explained
from careful_assets.warehouse.models import fill, refill, run_model
from careful_assets.warehouse.rewriting import rewrite
from careful_assets.warehouse.tables import read
from careful_assets.warehouse.vault_erasing import CopySearch, SealedRow, Unsealed, counts_now, look_up, take_out
from careful_assets.warehouse.vault_near import Near, near_refs, note_joins
from careful_assets.warehouse.vault_offer import hold_apart, hold_offer, on_offer
from careful_assets.warehouse.vault_ratings import note_ratings
from careful_assets.warehouse.vault_seals import hold_to_past
from careful_assets.warehouse.vault_sets import FurtherSet, SealedSets, add_set, drop_set, sets_now
from careful_assets.warehouse.vault_store import Opening, wordless

T = TypeVar("T")


@dataclass(frozen=True)
class Sealed:
    """What a sealing answers: counts and the registry's state, of the whole vault as it now stands.

    `counts` has one row a label: label, n, groups (those that hold copies of each other are one), sum_of_squares (of
    the groups' rows of that label), in_source (sealed rows that the source still has, under the label it gives them
    now). `added` rows are new, `kept` were sealed before and are not offered now. `changes`: change, eval_row_digest
    (keyed), one row for each change that this vintage brought to sealed rows: added, removed (from the source; they
    stay), returned, relabelled, reworded and regrouped (in the source; what was sealed stands). `again`: the vault on
    record was gone, and the same rows were sealed in a new one, whose key makes other digests.
    """

    registry_state: str
    counts: pl.DataFrame
    rows: int
    groups: int
    added: int
    kept: int
    changes: pl.DataFrame
    again: bool


class VaultSealer:
    """The grant to seal, and to erase what was sealed: anchors holds it, and an erasure."""

    stage = "anchors"

    def __init__(self, vault_path: Path, warehouse_path: Path, run_id: str) -> None:
        self._vault_path = vault_path
        self._warehouse_path = warehouse_path
        self._run_id = run_id

    @wordless
    def kin(self, staged: Path, near: Near | None) -> pl.DataFrame:
        """Which rows on offer are sealed already, or kin of sealed ones.

        Args:
            staged: the staging file; of it `rows` and, where it has any, `shingles`.
            near: what a near copy is, and what finds it; None: not asked.

        Returns:
            ref, how: `sealed` (the row itself), `group` (its group), `exact` (its text) or `near` (a near copy of it).
            Empty where nothing is sealed yet.
        """
        if not vault_store.holds_rows(self._vault_path):
            return pl.DataFrame(schema={"ref": pl.Int64, "how": pl.String})
        opening = Opening(self.stage, "VaultSealer", "kin")
        with (
            connect(self._vault_path) as con,
            on_offer(con, staged),
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            opening.protections = vault_store.file_protections(self._vault_path)
            hold_to_past(con, self._vault_path, self._warehouse_path)
            opening.registry_state, opening.rows = vault_store.standing(con)
            found = near_refs(con, near, self._vault_path.parent).with_columns(how=pl.lit("near"))
            kin = pl.concat([run_model(con, "vault/kin"), found])
            opening.detail = {"kin": kin["ref"].n_unique(), "near_thousandths": near.thousandths if near else None}
        return kin

    @wordless
    def seal(self, staged: Path, vintage: int, near: Near | None, known_state: str | None = None) -> Sealed:
        """Seal the staged rows that lie in the vault's split, in one transaction; the same again changes nothing.

        Args:
            staged: the staging file. Tags for `slices` are added, never taken away.
            vintage: which reading of the source this is.
            near: as for `kin`; no row that lies open may be a near copy of a sealed one.
            known_state: the registry state on record; a vault that was lost can be sealed to that state alone.

        Raises:
            StageFailed: a sealed row, or kin of one, would lie open, the offer does not hold together, or there is
                nothing to seal. Nothing is written but the opening.
        """
        with explained(self._vault_path):
            self._vault_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._vault_path.parent.chmod(0o700)
        opening = Opening(self.stage, "VaultSealer", "seal")
        # The opening is written last before the commit: a kill leaves one too many, never one too few.
        with (
            connect(self._vault_path) as con,
            on_offer(con, staged),
            transaction(con),
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            self._vault_path.chmod(0o600)
            opening.protections = vault_store.file_protections(self._vault_path)
            con.execute(vault_store.SCHEMA.read_text(encoding="utf-8"))
            hold_to_past(con, self._vault_path, self._warehouse_path)
            con.execute("create temp table offered_marks (row_id varchar, kind varchar, hash bigint)")
            fill(con, "vault/offered_marks", "offered_marks")
            was_empty = not vault_store.count(con, "sealed.rows")
            kept = hold_offer(con, self._vault_path)
            note_joins(con, near, self._vault_path.parent)
            added = _grow(con, vintage, was_empty)
            hold_apart(con, near, was_empty, self._vault_path)
            state = vault_store.register(con, self._run_id, added)
            if was_empty and known_state not in (None, state):
                raise StageFailed(
                    f"{self._vault_path} is gone, and the rows offered now are not those that were sealed in it. "
                    "Restore it from a backup, or restore the source and anchors.split, which seals the same rows again"
                )
            sealed = _answer(con, vintage, state, added, kept, again=was_empty and known_state is not None)
            opening.rows, opening.registry_state = sealed.rows, state
            opening.detail = {"vintage": vintage, "offered": sealed.rows - kept, "added": added, "kept": kept}
            opening.detail |= {"again": True} if sealed.again else {}
        return sealed

    @wordless
    def seal_set(
        self, set_name: str, dataset: str, version: str, content_digest: str, rows: pl.DataFrame, lineage: pl.DataFrame
    ) -> str:
        """Seal a released evaluation set as `FurtherSet` tells of it; the same again changes nothing.

        Returns the registry's state. Raises StageFailed: no real rows are sealed yet, or what `add_set` refuses.
        """
        if not vault_store.holds_rows(self._vault_path):
            raise vault_store.nothing_sealed(self._vault_path)
        opening = Opening(self.stage, "VaultSealer", "seal_set")
        with (
            connect(self._vault_path) as con,
            transaction(con),
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            opening.protections = vault_store.file_protections(self._vault_path)
            con.execute(vault_store.SCHEMA.read_text(encoding="utf-8"))
            hold_to_past(con, self._vault_path, self._warehouse_path)
            added = add_set(con, FurtherSet(set_name, dataset, version, content_digest, rows, lineage))
            state = vault_store.register(con, self._run_id, 0)
            opening.rows, opening.registry_state = rows.height, state
            opening.detail = {"set": set_name, "added": added}
        return state

    @wordless
    def sets(self) -> SealedSets:
        """What further sets are sealed; the vault's schema must stand, as any sealing leaves it."""
        opening = Opening(self.stage, "VaultSealer", "sets")
        with (
            connect(self._vault_path, read_only=True) as con,
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            opening.registry_state, opening.rows = vault_store.standing(con)
            return sets_now(con)

    @wordless
    def look_up(self, row_id: str, texts: pl.DataFrame, search: CopySearch) -> SealedRow | None:
        """What an erasure has to know of a row: whether it is sealed, and which of `texts` (row_id, text) copy it."""
        if not vault_store.holds_rows(self._vault_path):
            return None
        opening = Opening(self.stage, "VaultSealer", "look_up")
        with connect(self._vault_path) as con, vault_store.recorded(self._warehouse_path, self._run_id, opening):
            opening.protections = vault_store.file_protections(self._vault_path)
            hold_to_past(con, self._vault_path, self._warehouse_path)
            opening.registry_state, opening.rows = vault_store.standing(con)
            return look_up(con, row_id, texts, search)

    @wordless
    def erase(self, row_ids: Collection[str]) -> Unsealed:
        """Take sealed rows out and write the vault's file anew; what is not sealed is passed over."""

        def taken_out(con: duckdb.DuckDBPyConnection, opening: Opening) -> Unsealed:
            gone = take_out(con, row_ids)
            state = vault_store.register(con, self._run_id, -gone)
            opening.rows, opening.registry_state, opening.detail = gone, state, {"erased": gone}
            return Unsealed(gone, state, vault_store.digest_of_own(con), counts_now(con))

        return self._written_anew("erase", taken_out)

    @wordless
    def erase_set(self, set_name: str, reason: str) -> int:
        """Take a further set out whole and write the vault's file anew; how many rows went, 0 if none is sealed.

        Its canary stays registered: what was handed out of the set is still told by it.
        """

        def taken_out(con: duckdb.DuckDBPyConnection, opening: Opening) -> int:
            gone = drop_set(con, set_name)
            opening.rows, opening.registry_state = gone, vault_store.register(con, self._run_id, 0)
            opening.detail = {"set": set_name, "erased": gone, "reason": reason}
            return gone

        return self._written_anew("erase_set", taken_out)

    def _written_anew(self, operation: str, edit: Callable[[duckdb.DuckDBPyConnection, Opening], T]) -> T:
        opening = Opening(self.stage, "VaultSealer", operation)
        answers: list[T] = []

        def without(draft: Path) -> None:
            # As in `seal`, the opening is on record before the rows are gone.
            with (
                connect(draft) as con,
                transaction(con),
                vault_store.recorded(self._warehouse_path, self._run_id, opening),
            ):
                opening.protections = vault_store.file_protections(self._vault_path)
                con.execute(vault_store.SCHEMA.read_text(encoding="utf-8"))
                hold_to_past(con, self._vault_path, self._warehouse_path)
                answers.append(edit(con, opening))

        rewrite(self._vault_path, without)
        return answers[0]


def _grow(con: duckdb.DuckDBPyConnection, vintage: int, was_empty: bool) -> int:
    """Everything that this offer brings to the vault's tables; how many rows are new."""
    before = vault_store.count(con, "sealed.rows")
    if not was_empty:
        fill(con, "vault/row_changes", "sealed.changes", {"vintage": vintage})
    refill(con, "vault/sources_now", "sealed.sources")
    refill(con, "vault/marks_now", "sealed.fingerprints")
    refill(con, "vault/tags_now", "sealed.tags")
    fill(con, "vault/fresh_rows", "sealed.rows")
    note_ratings(con)
    refill(con, "vault/joined_groups", "sealed.joins")
    after = vault_store.count(con, "sealed.rows")
    if not after:
        raise StageFailed(
            "no evaluation rows were offered and none are sealed: no group fell to the vault's share. Give the card "
            "more groups of anchors (rows that share a group or a text fall on one side), or its split a larger vault"
        )
    return after - before


def _answer(con: duckdb.DuckDBPyConnection, vintage: int, state: str, added: int, kept: int, *, again: bool) -> Sealed:
    counts = counts_now(con)
    changes = read(con, "sealed.changes").filter(pl.col("vintage") == vintage)
    digests = vault_store.row_digests(con, changes["row_id"]).rename({"digest": "eval_row_digest"})
    told = changes.join(digests, on="row_id").select("change", "eval_row_digest").sort("change", "eval_row_digest")
    groups = vault_store.count(con, "sealed.rows", distinct="group_id")
    return Sealed(state, counts, int(counts["n"].sum()), groups, added, kept, told, again)
