"""Release folders as an erasure sees them: what they hold, which of it is reached, and what becomes of them.

Belongs here: folders under the dataset's releases, recorded or not. Does not belong here: what a tombstone is
(`release.tombstone`).
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.errors import StageFailed
from careful_assets.provenance.release_files import RECORDS, REJECTS, ROWS, is_retired
from careful_assets.release.files import MAKING
from careful_assets.release.tombstone import Retirement, bury
from careful_assets.warehouse.home import explained
from careful_assets.warehouse.tables import read

_REQUESTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row_id": pl.String, "request_id": pl.String, "ordinal": pl.Int64, "parent_ids": pl.List(pl.String),
    "generator_family": pl.String,
}  # fmt: skip
_TEXTS = {"row_id": pl.String, "text": pl.String}


@dataclass(frozen=True)
class ReleaseFolder:
    """A folder that is no tombstone. `requests`: the columns `_REQUESTS` of its generated rows; `texts`: row_id,
    text of generated rows and rejects; `rows`: the ids of all of them, real ones too. `readable`: false if the folder
    is damaged, and may hold whatever it held.
    """

    version: str
    recorded: bool
    readable: bool
    requests: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_REQUESTS))
    texts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_TEXTS))
    rows: frozenset[str] = frozenset()

    def holds(self, row_ids: Collection[str], request_ids: Collection[str]) -> bool:
        """Whether any of these rows, or a record of these requests, lies in it; true if that cannot be told."""
        shown = set(self.requests["request_id"].to_list())
        return not self.readable or not self.rows.isdisjoint(row_ids) or not shown.isdisjoint(request_ids)


def folders_of(con: duckdb.DuckDBPyConnection, releases: Path) -> list[ReleaseFolder]:
    """Every release folder there is but tombstones, and those that runs left which were cut off.

    Raises:
        StageFailed: something else lies among them, which nobody can look through.
    """
    if not releases.is_dir():
        return []
    recorded = set(read(con, "release.releases")["version"].to_list())
    found = []
    for folder in sorted(releases.iterdir()):
        if folder.name.startswith(MAKING) or is_retired(folder):
            continue
        one = _folder(folder, folder.name in recorded)
        if not one.readable and not one.recorded:
            raise StageFailed(
                f"{folder} is no release that is on record, and cannot be read as one: nobody knows what it holds. "
                "Move it out of the releases, look through it, and erase again"
            )
        found.append(one)
    return found


def sweep_releases(
    con: duckdb.DuckDBPyConnection,
    releases: Path,
    retired: Collection[Retirement],
    row_ids: Collection[str],
    request_ids: Collection[str],
) -> None:
    """Make tombstones of the retired releases; take away what runs that were cut off left, where it holds any of it.

    Raises:
        StageFailed: as `folders_of`.
        HomeUnusable: a folder cannot be written.
    """
    for one in retired:
        bury(releases / one.version, one)
    if not releases.is_dir():
        return
    with explained(releases):
        for left in releases.glob(f"{MAKING}*"):
            shutil.rmtree(left)
        for one_folder in folders_of(con, releases):
            if not one_folder.recorded and one_folder.holds(row_ids, request_ids):
                shutil.rmtree(releases / one_folder.version)


def _folder(folder: Path, recorded: bool) -> ReleaseFolder:
    try:
        rows = pl.read_parquet(folder / ROWS, columns=["row_id", "text", "origin"])
        requests = pl.read_parquet(folder / RECORDS, columns=list(_REQUESTS))
        rejects = pl.read_parquet(folder / REJECTS, columns=["row_id", "text"])
    except (OSError, pl.exceptions.PolarsError):
        return ReleaseFolder(folder.name, recorded, readable=False)
    generated = rows.filter(pl.col("origin") == "generated").select("row_id", "text")
    ids = frozenset([*rows["row_id"].to_list(), *rejects["row_id"].to_list()])
    return ReleaseFolder(folder.name, recorded, True, requests, pl.concat([generated, rejects]), ids)
