"""Turns a stage's plain metadata into what the Dagster UI shows: numbers, tables and plots, never row text.

The UI shows Markdown in place below 1,000 characters and hides more behind a link: short titles, few columns.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

import dagster as dg
import polars as pl

from careful_assets.provenance.lineage.columns import SourceColumn, column_lineage
from careful_assets.provenance.stage import Made
from careful_assets.provenance.stages import LOGS, TABLES
from careful_assets.warehouse.models import column_descriptions

_TYPES = {
    "String": "string",
    "Int64": "bigint",
    "Int32": "int",
    "Float64": "double",
    "Boolean": "boolean",
    "Date": "date",
}
_DIGEST = re.compile(r"[0-9a-f]{32,}")
_SAFE = " '/=:;,.()"  # what may stand unquoted in a picture's address; the fewer quoted, the shorter


def asset_metadata(dataset: str, stage: str, made: Made) -> dict[str, dg.MetadataValue]:
    """Everything shown of one materialization: row count and column schema of the main table, then the stage's own."""
    shown: dict[str, Any] = {
        "dagster/row_count": made.rows,
        "dagster/table_name": table_name(dataset, stage),
        "dagster/column_schema": column_schema(TABLES[stage][0].name, made.schema),
    }
    if lineage := table_column_lineage(dataset, TABLES[stage][0].name):
        shown["dagster/column_lineage"] = lineage
    return {title: metadata_value(value, title) for title, value in (shown | made.metadata).items()}


def table_name(dataset: str, stage: str) -> str:
    """The stage's main table: file, schema and table."""
    return f"{dataset}.{TABLES[stage][0].name}"


def column_schema(table: str, schema: pl.Schema) -> dg.TableSchema:
    """A table's columns with SQL names for their types, what its documentation says of each, and what feeds it.

    The open-source UI shows column lineage nowhere else.
    """
    described, lineage = column_descriptions(table), column_lineage(table)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                _TYPES.get(str(dtype), str(dtype).lower()),
                _with_sources(described.get(name), lineage.get(name, ())),
            )
            for name, dtype in schema.items()
        ]
    )


def table_column_lineage(dataset: str, table: str) -> dg.TableColumnLineage | None:
    """What each column of `schema.name` comes from, in the assets that own the tables; None where no model fills it.

    An asset's page shows its main table alone: a column of another one bears the name of its table.
    """
    owners = {owned.name: stage for stage, tables in TABLES.items() for owned in tables}
    owners |= {log: stage for stage, logs in LOGS.items() for log in logs}
    main = {tables[0].name for tables in TABLES.values()}
    deps: dict[str, list[dg.TableColumnDep]] = {}
    for column, sources in column_lineage(table).items():
        for source in sources:
            name = source.column if source.table in main else f"{source.table}.{source.column}"
            deps.setdefault(column, []).append(dg.TableColumnDep(dg.AssetKey([dataset, owners[source.table]]), name))
    return dg.TableColumnLineage(deps) if deps else None


def _with_sources(description: str | None, sources: tuple[SourceColumn, ...]) -> str | None:
    if not sources:
        return description
    return f"{description or ''} From {', '.join(f'{source.table}.{source.column}' for source in sources)}.".strip()


def metadata_value(value: Any, title: str = "") -> dg.MetadataValue:
    """A metadata value from a number, a text, a list of dicts (a table) or of texts, or SVG bytes (a picture)."""
    if isinstance(value, dg.TableSchema):
        return dg.MetadataValue.table_schema(value)
    if isinstance(value, dg.TableColumnLineage):
        return dg.MetadataValue.column_lineage(value)
    if isinstance(value, bytes):
        return dg.MetadataValue.md(f"![{title}](<data:image/svg+xml,{quote(value, safe=_SAFE)}>)")
    if isinstance(value, list):
        return dg.MetadataValue.md(markdown_table(value) if value and isinstance(value[0], dict) else _bullets(value))
    if isinstance(value, bool):
        return dg.MetadataValue.bool(value)
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    if isinstance(value, float):
        return dg.MetadataValue.float(value)
    return dg.MetadataValue.text(_DIGEST.sub(_in_groups, str(value)))


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table; cells are escaped, numbers stand to the right, digests are cut to their first 16 digits."""
    head = list(rows[0])
    rules = ["---:" if _is_numeric([row[key] for row in rows]) else "---" for key in head]
    lines = ["|".join(key.replace("_", " ") for key in head), "|".join(rules)]
    lines += ["|".join(_cell(row[key]) for key in head) for row in rows]
    return "\n".join(f"|{line}|" for line in lines)


def _in_groups(digest: re.Match[str]) -> str:
    """The digest in groups of 16: the UI breaks no word, and one of 64 letters would push the page off the screen."""
    return " ".join(digest[0][start : start + 16] for start in range(0, len(digest[0]), 16))


def _bullets(texts: list[Any]) -> str:
    return "\n".join(f"- {_cell(text)}" for text in texts) or "none"


def _is_numeric(values: list[Any]) -> bool:
    found = [value for value in values if value is not None]
    return bool(found) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = _DIGEST.sub(lambda found: f"{found[0][:16]}…", str(value))
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
