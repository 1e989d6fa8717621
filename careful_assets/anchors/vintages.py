"""Readings of one source, one after the other: what an earlier one settled, what this one changed, what is refused.

Ids and sides never move. A row whose source says otherwise now has a new version, under the same id; one that the
source dropped has its version ended. Texts of earlier versions are not kept, only their hashes: an equal text that
comes back finds its side again; a near copy of a text that is gone is dealt out like any other.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import duckdb
import polars as pl

from careful_assets.card.anchors import Anchors
from careful_assets.errors import Refused
from careful_assets.provenance.digests import canonical
from careful_assets.provenance.stage import Inputs
from careful_assets.warehouse.models import fill


def earlier_sources(inputs: Inputs, anchors: Anchors) -> pl.DataFrame:
    """`anchors.sources` of the vintages before the card's.

    Raises:
        Refused: the card's vintage is not the last one that was read, nor the one after it, or its salt is another.
    """
    sources = inputs.table("anchors.sources").sort("vintage")
    if sources.is_empty():
        return sources
    last = int(sources["vintage"][-1])
    if anchors.vintage not in (last, last + 1):
        raise Refused(
            f"anchors.vintage is {anchors.vintage}, the last one that was read is {last}: vintages go up by one, "
            f"never back. Set it to {last + 1} for a refreshed source, or to {last} for the same"
        )
    _refuse_other_ids(json.loads(sources["settings"][-1]), anchors, last)
    return sources.filter(pl.col("vintage") < anchors.vintage)


def refuse_silent_change(inputs: Inputs, anchors: Anchors, digest: str) -> None:
    """Hold a vintage that was read before to what it was then.

    Raises:
        Refused: its source, or how it is split, is another now.
    """
    recorded = inputs.table("anchors.sources").filter(pl.col("vintage") == anchors.vintage)
    if recorded.is_empty():
        return
    then = recorded.row(0, named=True)
    if then["sha256"] != digest:
        raise Refused(
            f"the anchor source changed without a new vintage: vintage {anchors.vintage} was read with sha256 "
            f"{then['sha256']}, and is {digest} now. Set anchors.vintage to {anchors.vintage + 1}, or restore the "
            "source"
        )
    before, now = json.loads(then["settings"]), _settings(anchors)
    changed = [name for name in now if before[name] != now[name]]
    if changed:
        raise Refused(
            f"{', '.join(changed)} changed within vintage {anchors.vintage}: rows that were dealt out never move, and "
            f"every change is listed under a vintage of its own. Restore it, or set anchors.vintage to "
            f"{anchors.vintage + 1}, from which on it holds"
        )


def settings_text(anchors: Anchors) -> str:
    """What a vintage is read and dealt out by, as one text."""
    return canonical(_settings(anchors))


def _settings(anchors: Anchors) -> dict[str, Any]:
    columns = getattr(anchors.source, "columns", None)
    return {
        "anchors.name": anchors.name,
        "anchors.labels": anchors.labels,
        "anchors.split": anchors.split.model_dump(),
        "anchors.source.columns": None if columns is None else columns.model_dump(),
    }


def _refuse_other_ids(before: dict[str, Any], anchors: Anchors, last: int) -> None:
    now = _settings(anchors)
    decisive = {
        "anchors.name": lambda given: given["anchors.name"],
        "anchors.split.salt": lambda given: given["anchors.split"]["salt"],
        "anchors.source.columns.key": lambda given: (given["anchors.source.columns"] or {}).get("key", "its own"),
    }
    for place, value in decisive.items():
        if value(before) != value(now):
            raise Refused(
                f"{place} is {value(now)!r}, vintage {last} was dealt out with {value(before)!r}: ids hang on it, and "
                "never move. Restore it (a key column that got another name can be renamed at the source, or in its "
                "query), or start another dataset"
            )


def recall(con: duckdb.DuckDBPyConnection, inputs: Inputs, vintage: int, erased: Collection[str]) -> None:
    """Fill `staged.past` and `staged.known` with what earlier runs recorded of open rows.

    Of rows that were `erased`, by their ids, there is no past: no vintage removed them, and nothing drifted by it.
    """
    inputs.copy_into(con, "anchors.history", "staged.recorded")
    con.register("erased", pl.DataFrame({"row_id": sorted(erased)}, schema={"row_id": pl.String}))
    con.execute("insert into staged.past by name from staged.recorded anti join erased using (row_id)")
    con.unregister("erased")
    fill(con, "anchors/latest_versions", "staged.known", {"vintage": vintage})


def settle(con: duckdb.DuckDBPyConnection, vintage: int, source: str) -> None:
    """Fill what the stage makes of the dealt rows: their history, the open rows, attributes and changes."""
    fill(con, "anchors/row_history", "staged.history", {"vintage": vintage})
    fill(con, "anchors/standing_versions", "staged.versions")
    lying = "staged.rows join staged.lying as l using (ref) join staged.versions using (row_id)"
    # Text that was set aside equals, or nearly equals, that of another side: of the vault, perhaps. Nobody needs it.
    text = "case when l.split = 'aside' then '' else text end as text"
    columns = f"row_id, {text}, label, l.group_id, $source as source, vintage, l.split, votes"
    con.execute(f"insert into staged.open_rows by name select {columns} from {lying}", {"source": source})  # noqa: S608
    named = "select row_id, attribute, value from staged.attributes join staged.rows using (ref)"
    con.execute(f"insert into staged.open_attributes {named} semi join staged.open_rows using (row_id)")
    fill(con, "anchors/changes", "staged.changes", {"vintage": vintage})


def all_changes(inputs: Inputs, con: duckdb.DuckDBPyConnection, vintage: int, sealed: pl.DataFrame) -> pl.DataFrame:
    """`anchors.changes` of all vintages: earlier ones as recorded, then open rows' and, by digest, sealed rows'."""
    earlier = inputs.table("anchors.changes").filter(pl.col("vintage") < vintage)
    now = con.table("staged.changes").pl()
    columns: dict[str, Any] = {"vintage": pl.lit(vintage), "split": pl.lit("vault"), "row_id": pl.lit(None, pl.String)}
    parts = [earlier, now, sealed.with_columns(**columns)]
    return pl.concat([part.select(earlier.columns).cast(earlier.schema) for part in parts])
