"""The vault's file, its key, the record of its openings, and the rule that it speaks no row.

Belongs here: what the three grants share. Does not belong here: what a grant may do (`vault`, `vault_probe`,
`vault_scorer`). Nothing here is a grant: no asset may import this module.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import duckdb
import polars as pl

from careful_assets.errors import CarefulError, StageFailed
from careful_assets.warehouse.connections import connect, transaction
from careful_assets.warehouse.tables import append, batches, read
from careful_assets.warehouse.vault_seals import content_seal, hold_to_record, not_as_sealed, tables

SCHEMA = Path(__file__).with_name("vault_schema.sql")
# What the registry's state is the digest of, in order: free of key, time and order of sealing.
_STATE = (
    "select row_id, label from sealed.rows order by all",
    "select row_id, kind, hash from sealed.fingerprints order by all",
    "select row_id, slice from sealed.tags order by all",
)
# What comes to it once a further set is sealed: states of vaults without one stay what they were.
_SETS_STATE = (
    "select set_name, dataset, version, content_digest from sealed.sets order by all",
    "select set_name, row_id, text, label from sealed.set_rows order by all",
    "select set_name, kind, item from sealed.set_lineage order by all",
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Opening:
    """What `provenance.openings` will say of one use of a grant; filled while the grant works."""

    stage: str
    grant_name: str
    operation: str
    rows: int = 0
    registry_state: str = ""
    protections: str = "none measured"
    detail: dict[str, object] = field(default_factory=dict)


def file_protections(vault_path: Path) -> str:
    """The modes that the vault's file and folder have at this moment."""
    file, folder = (stat.S_IMODE(path.stat().st_mode) for path in (vault_path, vault_path.parent))
    return f"file {file:04o}, folder {folder:04o}"


@contextmanager
def recorded(warehouse_path: Path, run_id: str, opening: Opening) -> Iterator[Opening]:
    """Write the opening into the warehouse when the block ends, as failed where it raised; only then go on.

    Raises:
        StageFailed, HomeUnusable: the opening cannot be recorded, so there is no answer either.
    """
    try:
        yield opening
    except BaseException as error:
        cause = str(error) if isinstance(error, CarefulError) else type(error).__name__
        record(warehouse_path, run_id, opening, outcome="failed", cause=cause)
        raise
    record(warehouse_path, run_id, opening, outcome="done")


def record(warehouse_path: Path, run_id: str, opening: Opening, **outcome: str) -> None:
    """Append one row to `provenance.openings`."""
    with connect(warehouse_path) as con, transaction(con):
        row = {
            "seq": next_seq(read(con, "provenance.openings")),
            "stage": opening.stage,
            "grant_name": opening.grant_name,
            "operation": opening.operation,
            "rows": opening.rows,
            "registry_state": opening.registry_state,
            "protections": opening.protections,
            "detail": json.dumps({**outcome, **opening.detail}, sort_keys=True),
            "run_id": run_id,
            "opened_at": datetime.now(UTC),
        }
        append(con, "provenance.openings", pl.DataFrame([row]))


def next_seq(numbered: pl.DataFrame) -> int:
    """One more than the highest `seq`; 1 for an empty table."""
    return 1 + max(numbered["seq"].to_list(), default=0)


@contextmanager
def opened(vault_path: Path, warehouse_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The vault, for reading: the one that the warehouse speaks of, as it was sealed. The sealer alone does without.

    Raises:
        StageFailed: nothing was sealed yet; its seal does not hold; or the warehouse has another state on record.
    """
    if not vault_path.exists():
        raise nothing_sealed(vault_path)
    with connect(vault_path, read_only=True) as con:
        try:
            con.table("sealed.registry")
        except duckdb.CatalogException:
            # A sealing that was killed leaves a file without tables.
            raise nothing_sealed(vault_path) from None
        hold_to_record(con, vault_path, warehouse_path)
        # Where a vault of before has no seal, its rows are at least those of the state that it claims.
        if digest_of_sealed(con) != standing(con)[0]:
            raise not_as_sealed(vault_path)
        yield con


def holds_rows(vault_path: Path) -> bool:
    """Whether anything is sealed in the file, if there is one."""
    if not vault_path.exists():
        return False
    with connect(vault_path, read_only=True) as con:
        tables = con.sql("from duckdb_tables() where schema_name = 'sealed' and table_name = 'rows'").fetchall()
        return bool(tables) and count(con, "sealed.rows") > 0


def count(con: duckdb.DuckDBPyConnection, table: str, distinct: str | None = None) -> int:
    """How many rows a table has, or different values one of its columns."""
    what = "*" if distinct is None else f"distinct {distinct}"
    return int(con.sql(f"select count({what}) from {table}").fetchall()[0][0])  # noqa: S608  names are the code's own


def units_of(joins: pl.DataFrame) -> pl.DataFrame:
    """Groups that are one to a ruler. `joins`: group_id, other; returns group_id, unit (the smallest of its groups)."""
    leader: dict[str, str] = {}

    def find(group: str) -> str:
        while leader.setdefault(group, group) != group:
            leader[group] = leader[leader[group]]
            group = leader[group]
        return group

    for one, other in joins.select("group_id", "other").iter_rows():
        first, second = sorted((find(one), find(other)))
        leader[second] = first
    units = [(group, find(group)) for group in list(leader)]
    return pl.DataFrame(units, schema={"group_id": pl.String, "unit": pl.String}, orient="row")


def nothing_sealed(vault_path: Path) -> StageFailed:
    """The error of every grant that needs sealed rows and finds none."""
    return StageFailed(f"{vault_path}: nothing sealed yet; materialize anchors first")


def standing(con: duckdb.DuckDBPyConnection) -> tuple[str, int]:
    """The registry's state and the number of sealed rows, as the last sealing left them."""
    last = read(con, "sealed.registry").sort("seq")
    return str(last["registry_state"][-1]), int(last["rows"][-1])


def register(con: duckdb.DuckDBPyConnection, run_id: str, added: int) -> str:
    """The state of what is sealed now; entered in the registry where it is another than before. Seals the content."""
    state = digest_of_sealed(con)
    registry = read(con, "sealed.registry").sort("seq")
    if registry.is_empty():
        append(con, "sealed.keys", pl.DataFrame({"key": [os.urandom(32)]}))
    if registry.is_empty() or registry["registry_state"][-1] != state:
        con.execute("update sealed.rows set sealed_in = $state where sealed_in = ''", {"state": state})
        entry = {
            "seq": next_seq(registry),
            "registry_state": state,
            "rows": count(con, "sealed.rows"),
            "groups": count(con, "sealed.rows", distinct="group_id"),
            "added": added,
            "run_id": run_id,
            "sealed_at": datetime.now(UTC),
            "seal": None,
        }
        append(con, "sealed.registry", pl.DataFrame([entry], schema_overrides={"seal": pl.String}))
    # What the source says of sealed rows is sealed, too, and changes without a new state.
    con.execute(
        "update sealed.registry set seal = $seal where seq = (select max(seq) from sealed.registry)",
        {"seal": content_seal(con)},
    )
    return state


def digest_of_sealed(con: duckdb.DuckDBPyConnection) -> str:
    """What the registry's state is now: sha256, in hex."""
    has_sets = "sets" in tables(con) and count(con, "sealed.sets") > 0
    return _digest(con, (*_STATE, *_SETS_STATE) if has_sets else _STATE)


def digest_of_own(con: duckdb.DuckDBPyConnection) -> str:
    """The same of the anchors' own rows alone, whatever sets are sealed beside them."""
    return _digest(con, _STATE)


def _digest(con: duckdb.DuckDBPyConnection, queries: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for query in queries:
        for batch in batches(con.sql(query)):
            digest.update("".join(f"{json.dumps(row)}\n" for row in batch.iter_rows()).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def row_digests(con: duckdb.DuckDBPyConnection, row_ids: pl.Series) -> pl.DataFrame:
    """HMAC-SHA256 of each distinct row id under the vault's key: columns row_id, digest (hex)."""
    return _keyed(con, row_ids, "row_id", prefix="")


def group_digests(con: duckdb.DuckDBPyConnection, group_ids: pl.Series) -> pl.DataFrame:
    """As `row_digests`, for groups (group_id, digest); a group named like a row gets another digest."""
    return _keyed(con, group_ids, "group_id", prefix="group:")


def _keyed(con: duckdb.DuckDBPyConnection, ids: pl.Series, name: str, prefix: str) -> pl.DataFrame:
    key = read(con, "sealed.keys")["key"][0]
    distinct = ids.unique().to_list()
    digests = [hmac.new(key, (prefix + one).encode(), hashlib.sha256).hexdigest() for one in distinct]
    return pl.DataFrame({name: distinct, "digest": digests}, schema={name: pl.String, "digest": pl.String})


def wordless(method: Callable[P, T]) -> Callable[P, T]:
    """Let no row leave a grant's method in an exception.

    Our own errors pass, without the errors behind them; any other (a DuckDB constraint quotes its row)
    becomes a `StageFailed` that names its type and place. Tracebacks are cut off at the grant: their frames
    hold rows.
    """

    @wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except CarefulError as error:
            clean = error
        except Exception as error:  # noqa: BLE001  whatever it is, its message may quote a row
            frame = traceback.extract_tb(error.__traceback__)[-1]
            clean = StageFailed(
                f"{method.__qualname__} failed with {type(error).__name__} at {Path(frame.filename).name}:"
                f"{frame.lineno}; its message is withheld because it may quote sealed rows. Nothing was "
                "answered and nothing was sealed; run it again, and report these words if it persists"
            )
        clean.__cause__ = clean.__context__ = None
        raise clean.with_traceback(None)

    return guarded


def require_columns(frame: pl.DataFrame, what: str, schema: dict[str, type[pl.DataType]], nullable: str = "") -> None:
    """Hold a caller's frame to its columns and types, without nulls but in the column `nullable`.

    Raises:
        StageFailed: names the column, never a value.
    """
    for name, kind in schema.items():
        if name not in frame.columns:
            raise StageFailed(f"{what}: the column {name} is missing; give {', '.join(schema)}")
        if frame.schema[name] != kind and not frame.is_empty():
            raise StageFailed(f"{what}: {name} is {frame.schema[name]}, must be {kind.__name__}; cast it")
        if name != nullable and frame[name].null_count():
            raise StageFailed(f"{what}: {frame[name].null_count()} rows have no {name}; fill or drop them")
