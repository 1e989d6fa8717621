"""Turns a stage's plain metadata into what the Dagster UI shows: numbers, tables and plots, never row text."""

from __future__ import annotations

import base64
from typing import Any

import dagster as dg
import polars as pl

from careful_assets.provenance.stage import Made
from careful_assets.provenance.stages import TABLES

_TYPES = {
    "String": "string",
    "Int64": "bigint",
    "Int32": "int",
    "Float64": "double",
    "Boolean": "boolean",
    "Date": "date",
}


def asset_metadata(dataset: str, stage: str, made: Made) -> dict[str, dg.MetadataValue]:
    """Everything shown of one materialization: row count and column schema of the main table, then the stage's own."""
    main = TABLES[stage][0].name
    frame = made.tables[main]
    shown: dict[str, Any] = {
        "dagster/row_count": frame.height,
        "dagster/table_name": f"{dataset}.{main}",
        "dagster/column_schema": column_schema(frame),
    }
    return {title: metadata_value(value) for title, value in (shown | made.metadata).items()}


def column_schema(frame: pl.DataFrame) -> dg.TableSchema:
    """The frame's columns with SQL names for their types."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, _TYPES.get(str(dtype), str(dtype).lower())) for name, dtype in frame.schema.items()
        ]
    )


def metadata_value(value: Any) -> dg.MetadataValue:
    """A number, text, list of dicts (shown as a table) or PNG (shown as a picture) as a metadata value."""
    if isinstance(value, dg.TableSchema):
        return dg.MetadataValue.table_schema(value)
    if isinstance(value, bytes):
        return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(value).decode()})")
    if isinstance(value, list):
        return dg.MetadataValue.md(markdown_table(value))
    if isinstance(value, bool):
        return dg.MetadataValue.bool(value)
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    if isinstance(value, float):
        return dg.MetadataValue.float(value)
    return dg.MetadataValue.text(str(value))


def markdown_table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table; cells are escaped, an empty list says so."""
    if not rows:
        return "none"
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(row[key]) for key in head) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
