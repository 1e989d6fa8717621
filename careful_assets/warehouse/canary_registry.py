"""The registry of canaries: sentences that exist nowhere else, one for each sealed set and each release.

Belongs here: the grant `CanaryRegistry`: which sentence is planted where, and what holds one. Does not belong here:
making a sentence and finding it, which is the workshop's (`text.canaries`); the vault cannot import it, so its caller
hands it in, and none but it is shown a canary.

The canary of a release lies in its folder and is no secret; that of a sealed set leaves the vault only towards
predictors and towards the providers that the card names. Canaries lie outside of the registry's states and seals: they
are no part of the ruler.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import duckdb
import polars as pl

from careful_assets.errors import Refused, StageFailed
from careful_assets.warehouse import vault_store
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.tables import append, batches, pages, read
from careful_assets.warehouse.vault_store import Opening, require_columns, wordless

Place = Literal["sealed_set", "release"]

HELD: dict[str, type[pl.DataType]] = {
    "row_id": pl.String, "canary_digest": pl.String, "place": pl.String, "name": pl.String,
}  # fmt: skip
_WORKSHOP = "careful_assets.text.canaries"
_MOST_TRIES = 20
_OPEN_TEXTS = ("anchors.rows", "generation.candidates")
_SEALED_TEXTS = ("sealed.rows", "sealed.set_rows")


class Sentence(Protocol):
    """A canary, as the workshop has it."""

    @property
    def text(self) -> str:
        """The whole sentence."""
        ...


class CanaryWorkshop(Protocol):
    """The module `text.canaries`, as far as the registry uses it; its docstrings say what each function answers."""

    __name__: str

    def canary(self, key: bytes, place: str, name: str, number: int = 0) -> Sentence:
        """The sentence of a place and a name."""
        ...

    def parsed(self, text: str) -> Sentence:
        """What a sentence consists of."""
        ...

    def find(self, texts: pl.Series, canaries: Sequence[Any]) -> list[tuple[int, int]]:
        """Which texts hold which canary."""
        ...


@dataclass(frozen=True)
class RegisteredCanary:
    """A canary on record. `digest`: keyed, of its text; `text`: None for a sealed set's, which stays in the vault."""

    digest: str
    place: str
    name: str
    text: str | None


class CanaryRegistry:
    """The grant to register canaries and to search for them: release and evaluation hold it (`stage`).

    `workshop`: the module `text.canaries`, of each method that needs it.
    """

    def __init__(self, vault_path: Path, warehouse_path: Path, run_id: str, stage: str = "evaluation") -> None:
        self.stage = stage
        self._vault_path = vault_path
        self._warehouse_path = warehouse_path
        self._run_id = run_id

    def held_by(self, stage: str) -> CanaryRegistry:
        """The same grant with its openings on another stage's name."""
        return CanaryRegistry(self._vault_path, self._warehouse_path, self._run_id, stage)

    @wordless
    def register(self, place: Place, name: str, workshop: CanaryWorkshop) -> RegisteredCanary:
        """The canary of a place and a name, made when it is first asked for and the same one ever after.

        A sentence that an anchor, a candidate or a sealed row holds already is passed over for the next one. Two runs
        that register at once get the same one: the second waits for the first.

        Raises:
            StageFailed: nothing is sealed yet, so that there is no key.
        """
        _refuse_stranger(workshop)
        with self._opened("register") as (con, opening):
            opening.detail = {"place": place, "name": name, "made": 0}
            standing = _standing(con, place, name)
        if standing is not None:
            return standing
        with self._writing("register") as (con, opening):
            opening.detail = {"place": place, "name": name, "made": 0}
            standing = _standing(con, place, name)
            if standing is None:
                text = self._unused(con, place, name, workshop)
                row = {
                    "canary_digest": _digest(_key(con), text), "text": text, "place": place, "name": name,
                    "made_at": datetime.now(UTC),
                }  # fmt: skip
                append(con, "sealed.canaries", pl.DataFrame([row]))
                opening.detail["made"] = 1
                standing = _registered(row)
        return standing

    @wordless
    def search(self, rows: Iterable[pl.DataFrame], workshop: CanaryWorkshop) -> pl.DataFrame:
        """Which rows hold a canary, whole or in the parts that it alone has.

        Args:
            rows: row_id and text, some at a time; the vault is not held open while they come.

        Returns:
            row_id, canary_digest, place, name; each pair once, sorted.

        Raises:
            StageFailed: nothing is sealed yet, or the rows lack a column.
        """
        _refuse_stranger(workshop)
        with self._recorded("search") as opening:
            with vault_store.opened(self._vault_path, self._warehouse_path) as con:
                self._note(con, opening)
                kept = _canaries(con)
            sentences = [workshop.parsed(text) for text in kept["text"].to_list()]
            places, seen = [pl.DataFrame(schema={"row_id": pl.String, "canary": pl.Int64})], 0
            for batch in rows:
                require_columns(batch, "rows to search", {"row_id": pl.String, "text": pl.String})
                seen += batch.height
                found = workshop.find(batch["text"], sentences)
                ids = batch["row_id"].gather([at for at, _ in found])
                places.append(pl.DataFrame({"row_id": ids, "canary": pl.Series([n for _, n in found], dtype=pl.Int64)}))
            held = pl.concat(places).join(
                kept.with_row_index("canary").with_columns(pl.col("canary").cast(pl.Int64)), on="canary"
            )
            answer = held.select(list(HELD)).unique().sort("row_id", "canary_digest")
            opening.detail = {"canaries": kept.height, "searched": seen, "found": answer.height}
        return answer

    @wordless
    def registered(self) -> list[RegisteredCanary]:
        """Every canary on record, by place and name; empty where none was registered.

        Raises:
            StageFailed: nothing is sealed yet.
        """
        with self._opened("registered") as (con, opening):
            kept = _canaries(con)
            opening.detail = {"canaries": kept.height}
        return [_registered(row) for row in kept.iter_rows(named=True)]

    @wordless
    def lent(self, provider: str, may_be_sent_to: Collection[str]) -> list[RegisteredCanary]:
        """The canaries of sealed sets with their texts, to be sent to a provider that the card names for sealed rows.

        Raises:
            Refused: it does not name it.
            StageFailed: nothing is sealed yet.
        """
        if provider not in may_be_sent_to:
            raise Refused(
                f"canaries of sealed sets are not sent to {provider}: the card does not name it under "
                "vault.may_be_sent_to. Add it there if it may see sealed rows"
            )
        with self._opened("lent") as (con, opening):
            kept = _canaries(con).filter(pl.col("place") == "sealed_set")
            opening.detail = {"canaries": kept.height, "sent_to": provider}
        return [
            RegisteredCanary(row["canary_digest"], row["place"], row["name"], row["text"])
            for row in kept.iter_rows(named=True)
        ]

    def _unused(self, con: duckdb.DuckDBPyConnection, place: str, name: str, workshop: CanaryWorkshop) -> str:
        """The first sentence of this place and name that nothing holds."""
        # Not the vault's own key: what makes sentences could else make digests.
        key = hmac.new(_key(con), b"canaries", hashlib.sha256).digest()
        tries = [workshop.canary(key, place, name, number) for number in range(_MOST_TRIES)]
        taken = {one.text for one in tries} & set(_canaries(con)["text"].to_list())
        used = {place for texts in self._texts(con) for _, place in workshop.find(texts, tries)}
        for number, one in enumerate(tries):
            if number not in used and one.text not in taken:
                return one.text
        raise StageFailed(
            f"the first {_MOST_TRIES} canaries of {place} {name} stand in anchors, candidates or sealed rows: these "
            "were made from this vault's canaries. Find out how they came there before anything else is planted"
        )

    def _texts(self, con: duckdb.DuckDBPyConnection) -> Iterator[pl.Series]:
        """Everything that a new canary must not stand in."""
        for table in _OPEN_TEXTS:
            yield from (page["text"] for page in pages(self._warehouse_path, table, ["text"]))
        for table in _SEALED_TEXTS:
            yield from (batch["text"] for batch in batches(con.table(table).select("text")))

    @contextmanager
    def _recorded(self, operation: str) -> Iterator[Opening]:
        opening = Opening(self.stage, "CanaryRegistry", operation)
        with vault_store.recorded(self._warehouse_path, self._run_id, opening):
            yield opening

    @contextmanager
    def _opened(self, operation: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, Opening]]:
        with self._recorded(operation) as opening, vault_store.opened(self._vault_path, self._warehouse_path) as con:
            self._note(con, opening)
            yield con, opening

    @contextmanager
    def _writing(self, operation: str) -> Iterator[tuple[duckdb.DuckDBPyConnection, Opening]]:
        """The vault, for adding to it; the opening is on record before anything is added, as in `vault`."""
        opening = Opening(self.stage, "CanaryRegistry", operation)
        with (
            connect(self._vault_path) as con,
            transaction(con),
            vault_store.recorded(self._warehouse_path, self._run_id, opening),
        ):
            con.execute(vault_store.SCHEMA.read_text(encoding="utf-8"))
            self._note(con, opening)
            yield con, opening

    def _note(self, con: duckdb.DuckDBPyConnection, opening: Opening) -> None:
        opening.protections = vault_store.file_protections(self._vault_path)
        opening.registry_state, opening.rows = vault_store.standing(con)


def _refuse_stranger(workshop: CanaryWorkshop) -> None:
    if workshop.__name__ != _WORKSHOP:
        raise StageFailed(f"the vault shows canaries to {_WORKSHOP} alone, not to {workshop.__name__}; hand that in")


def _canaries(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The table; empty in a vault of before there were canaries."""
    try:
        return read(con, "sealed.canaries").sort("place", "name")
    except duckdb.CatalogException:
        return pl.DataFrame(
            schema={"canary_digest": pl.String, "text": pl.String, "place": pl.String, "name": pl.String}
        )


def _standing(con: duckdb.DuckDBPyConnection, place: str, name: str) -> RegisteredCanary | None:
    kept = _canaries(con).filter(pl.col("place") == place, pl.col("name") == name)
    return None if kept.is_empty() else _registered(kept.row(0, named=True))


def _registered(row: dict[str, object]) -> RegisteredCanary:
    place = str(row["place"])
    text = str(row["text"]) if place == "release" else None
    return RegisteredCanary(str(row["canary_digest"]), place, str(row["name"]), text)


def _key(con: duckdb.DuckDBPyConnection) -> bytes:
    return bytes(read(con, "sealed.keys")["key"][0])


def _digest(key: bytes, text: str) -> str:
    return hmac.new(key, f"canary:{text}".encode(), hashlib.sha256).hexdigest()
