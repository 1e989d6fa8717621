"""Writing a DuckDB file anew without some of its rows: deleted rows stay readable in the free blocks of a file.

Belongs here: the copy, the exchange, and what a killed one leaves. Does not belong here: which rows go.
"""

from __future__ import annotations

import re
import shutil
import stat
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import HomeUnusable, StageFailed
from careful_assets.warehouse.connections import connect
from careful_assets.warehouse.home import explained, sync

_MAKING = ".making-"


def rewrite(path: Path, edit: Callable[[Path], None]) -> None:
    """Let `edit` change a copy of the DuckDB file, then put a fresh copy of that in the file's place.

    `edit` opens the copy it is given and closes it again. The file is held for writing all along, so that nobody
    writes what would be lost, and is as it was until the new one, durable, is renamed over it: a full disk or a kill
    leaves either. Tables, types, constraints and indexes are the same; so is the file's mode. Other threads of this
    process must leave the file alone meanwhile: DuckDB's locks are between processes.

    Raises:
        StageFailed: another process holds the file.
        HomeUnusable: there is no room for two copies of it, or the folder cannot be written.
    """
    name = uuid.uuid4().hex
    draft, fresh = (path.with_name(f"{_MAKING}{name}-{step}-{path.name}") for step in ("draft", "fresh"))
    try:
        with _full_disk_explained(path), connect(path) as con, explained(path):
            remove_leftovers(path)
            con.execute("checkpoint")
            _copy(path, con, draft)
            edit(draft)
            with connect(draft) as edited:
                _copy(path, edited, fresh)
            log = _log_of(path)
            if log.exists():
                raise StageFailed(
                    f"{path}: {log.name} appeared while the file was held; nothing was changed; try again"
                )
            sync(fresh)
            fresh.rename(path)
            sync(path.parent)
    finally:
        for made in (draft, fresh):
            _remove(made)


def delete_ids(con: duckdb.DuckDBPyConnection, table: str, column: str, ids: Collection[str]) -> int:
    """Delete the rows of `schema.name` whose `column` is one of the ids; how many they were."""
    con.register("_ids", pl.DataFrame({"id": list(ids)}, schema={"id": pl.String}))
    try:
        gone = con.execute(f"delete from {table} where {column} in (select id from _ids)").fetchall()  # noqa: S608
        return int(gone[0][0])
    finally:
        con.unregister("_ids")


def remove_leftovers(path: Path) -> None:
    """Take away what killed processes left beside the file: copies, and what DuckDB laid out on the disk.

    Only while the file is held for writing, or no other process uses it.
    """
    with explained(path.parent):
        ours = re.compile(rf"\{_MAKING}[0-9a-f]{{32}}-(draft-|fresh-)?{re.escape(path.name)}(\.wal|\.tmp)?")
        for left in path.parent.glob(f"{_MAKING}*"):
            if ours.fullmatch(left.name):
                _remove_entry(left)
        _remove_entry(path.with_name(f"{path.name}.tmp"))


@contextmanager
def _full_disk_explained(path: Path) -> Iterator[None]:
    """What DuckDB makes of a write that fails as it commits, or closes a file whose write failed before."""
    try:
        yield
    except (duckdb.FatalException, duckdb.TransactionException) as error:
        raise HomeUnusable(
            f"cannot write {path} anew: {str(error).splitlines()[0]}. The file is as it was; free space for two copies "
            "of it, or set CAREFUL_HOME to another folder, and run again"
        ) from error


def _copy(like: Path, con: duckdb.DuckDBPyConnection, target: Path) -> None:
    quoted = str(target).replace("'", "''")
    catalog = con.sql("select current_database()").fetchall()[0][0].replace('"', '""')
    con.execute(f"attach '{quoted}' as _made")
    try:
        target.chmod(stat.S_IMODE(like.stat().st_mode))
        con.execute(f'copy from database "{catalog}" to _made')
    finally:
        con.execute("detach _made")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _remove(path: Path) -> None:
    for entry in (path, _log_of(path), path.with_name(f"{path.name}.tmp")):
        _remove_entry(entry)


def _remove_entry(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
