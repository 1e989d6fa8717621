"""Anchors from a query over a DuckDB file, opened for reading only; its digest is that of the rows, free of order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl

from careful_assets.anchors.sources.files import anchor_of, need_columns
from careful_assets.anchors.sources.raw import FaultList, RawAnchor
from careful_assets.card.anchors import SqlSource
from careful_assets.errors import HomeUnusable
from careful_assets.provenance.digests import table_digest
from careful_assets.warehouse.connections import connect


def read_sql(source: SqlSource, folder: Path) -> tuple[Iterator[RawAnchor], FaultList, str]:
    """The query's rows, the faults found on the way, and the digest of the rows.

    Raises:
        MalformedInput: the database is missing, the query fails, or its rows are not those the card's digest names.
    """
    faults = FaultList(source.database)
    path = folder / source.database
    if not path.is_file():
        faults.add(None, "", "there is no such database; mend anchors.source.database in the card")
        faults.stop()
    try:
        with connect(path, read_only=True) as con:
            frame = con.sql(source.query).pl()
    except HomeUnusable as error:
        faults.add(None, "", f"{error.__cause__ or error}")
        faults.stop()
        raise
    except (duckdb.Error, AttributeError) as error:
        faults.add(None, "query", f"fails: {str(error).splitlines()[0]}")
        faults.stop()
        raise
    need_columns(frame.columns, source.columns, faults)
    wanted = [name for name in source.columns.model_dump().values() if name is not None]
    try:
        written = frame.select(wanted).cast(dict.fromkeys(wanted, str))
    except pl.exceptions.PolarsError as error:
        faults.add(None, "query", f"gives a column that is no text: {str(error).splitlines()[0]}")
        faults.stop()
        raise
    digest = table_digest(written, frozenset())
    if digest != source.sha256:
        faults.add(
            None,
            "sha256",
            f"the rows' digest is {digest}, the card says {source.sha256}; if these rows are the ones you mean, "
            "put their digest into the card",
        )
        faults.stop()
    ordered = frame.sort(wanted)
    numbered = enumerate(ordered.iter_rows(named=True), start=1)
    anchors = (anchor_of(place, row, source.columns, faults) for place, row in numbered)
    return (anchor for anchor in anchors if anchor is not None), faults, digest
