"""Runs the SQL models of `dbt_like_sql/`: set logic in dbt's layout, without dbt at run time.

A model is one select statement over schema-qualified tables, with named parameters written `$name`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from careful_assets.shipped import shipped
from careful_assets.warehouse.tables import dicts


def models_folder() -> Path:
    """The folder of all models, one sub-folder a stage."""
    return shipped("dbt_like_sql", "dbt_like_sql") / "models"


@cache
def model_sql(name: str) -> str:
    """The text of the model `stage/name`.

    Raises:
        FileNotFoundError: there is no such model.
    """
    return (models_folder() / f"{name}.sql").read_text(encoding="utf-8")


def tables_read(con: duckdb.DuckDBPyConnection, name: str) -> frozenset[str]:
    """The tables that the model `stage/name` reads."""
    # DuckDB names no tables of a statement with parameters; it names a table with its alias, and quotes its own words.
    found = con.get_table_names(re.sub(r"\$\w+", "null", model_sql(name)), qualified=True)
    return frozenset(table.split(" AS ")[0].replace('"', "") for table in found)


def run_model(con: duckdb.DuckDBPyConnection, name: str, params: dict[str, Any] | None = None) -> pl.DataFrame:
    """Run the model `stage/name` and return its rows as a Polars frame."""
    if params:
        return con.sql(model_sql(name), params=params).pl()
    return con.sql(model_sql(name)).pl()


def model_rows(con: duckdb.DuckDBPyConnection, name: str, params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Run the model `stage/name` and return its rows, where they are few (`tables.dicts`)."""
    return dicts(con.sql(model_sql(name), params=params) if params else con.sql(model_sql(name)))


def fill(con: duckdb.DuckDBPyConnection, name: str, table: str, params: dict[str, Any] | None = None) -> None:
    """Add the rows of the model `stage/name` to `schema.table`, column by column in order, without leaving DuckDB."""
    con.execute(f"insert into {table} {model_sql(name)}", params or {})


def refill(con: duckdb.DuckDBPyConnection, name: str, table: str, params: dict[str, Any] | None = None) -> None:
    """Make the rows of the model `stage/name`, which may read the table itself, the whole content of `schema.table`."""
    con.execute(f"create temp table _refill as {model_sql(name)}", params or {})
    con.execute(f"delete from {table}")  # noqa: S608  as above
    con.execute(f"insert into {table} from _refill")
    con.execute("drop table _refill")


def run_model_over(tables: Mapping[str, pl.DataFrame], name: str, params: dict[str, Any] | None = None) -> pl.DataFrame:
    """Run the model `stage/name` over frames that are not in a warehouse yet, named `schema.table`."""
    with closing(duckdb.connect()) as con:
        for table, frame in tables.items():
            con.execute(f"create schema if not exists {table.split('.')[0]}")
            con.register("_incoming", frame)
            con.view("_incoming").create(table)
            con.unregister("_incoming")
        return run_model(con, name, params)


def column_descriptions(table: str) -> dict[str, str]:
    """What `sources.yml`, dbt's documentation of tables, says of the columns of `schema.table`; empty if not listed."""
    return {column["name"]: column["description"] for column in _documented().get(table, {}).get("columns", ())}


def table_description(table: str) -> str | None:
    """What `sources.yml` says of `schema.table`; None if it is not listed."""
    return _documented().get(table, {}).get("description")


@cache
def _documented() -> dict[str, dict[str, Any]]:
    """The entries of `sources.yml` by `schema.table`."""
    from ruamel.yaml import YAML

    documented = YAML(typ="safe").load((models_folder() / "sources.yml").read_text(encoding="utf-8"))
    return {
        f"{source['name']}.{entry['name']}": entry for source in documented["sources"] for entry in source["tables"]
    }
