"""Column lineage: planted statements with known answers, and every declared model held to the warehouse it fills."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import duckdb
import polars as pl
import pytest
import sqlglot
import sqlglot.lineage
from sqlglot import exp
from sqlglot.errors import SqlglotError

from careful_assets.provenance.lineage.columns import (
    SourceColumn,
    column_lineage,
    filling_models,
    indirect,
    lineage_of,
)
from careful_assets.provenance.metadata import column_schema, table_column_lineage
from careful_assets.provenance.stages import TABLES
from careful_assets.warehouse.migrations import migrate, migrated_columns
from careful_assets.warehouse.models import column_descriptions, model_sql
from careful_assets_tests.life.arrange import Life

PLANTED = {
    "a.rows": {"id": "VARCHAR", "text": "VARCHAR", "n": "BIGINT"},
    "b.marks": {"id": "VARCHAR", "mark": "VARCHAR", "seen": "BIGINT"},
}
SHORT = {"=": "IDENTITY", "~": "TRANSFORMATION", "+": "AGGREGATION"}

# The statement; by column what feeds it (= as it is, ~ changed, + aggregated); what only decides which rows there are.
GOLDEN: dict[str, tuple[str, dict[str, str], str]] = {
    "a column as it is": ("select id, text as words from a.rows", {"id": "=a.rows.id", "words": "=a.rows.text"}, ""),
    "a changed one": (
        "select coalesce(r.text, r.id) as t, r.n + 1 as m from a.rows as r",
        {"t": "~a.rows.id ~a.rows.text", "m": "~a.rows.n"},
        "",
    ),
    "an aggregate in a cast": (
        "select id, cast(sum(n) as bigint) as n from a.rows group by id",
        {"id": "=a.rows.id", "n": "+a.rows.n"},
        "",
    ),
    "constants, parameters and counts of rows come from nowhere": (
        "select id, 'x' as x, $p as p, count(*) as c from a.rows group by id",
        {"id": "=a.rows.id"},
        "",
    ),
    "what joins and filters": (
        "select r.text as text from a.rows as r inner join b.marks as m on m.id = r.id where m.mark = 'x' and r.n > 1",
        {"text": "=a.rows.text"},
        "=a.rows.id =a.rows.n =b.marks.id =b.marks.mark",
    ),
    "what joins and feeds is told once": (
        "select r.id as id from a.rows as r inner join b.marks as m on m.id = r.id",
        {"id": "=a.rows.id"},
        "=b.marks.id",
    ),
    "a column joined by name": (
        "select text from a.rows inner join b.marks using (id)",
        {"text": "=a.rows.text"},
        "=a.rows.id =b.marks.id",
    ),
    "what groups and is aggregated to decide": (
        "select sum(n) as n from a.rows group by text having count(id) > 1",
        {"n": "+a.rows.n"},
        "+a.rows.id =a.rows.text",
    ),
    "a union feeds by place": (
        "select id, text from a.rows union all select mark as other, id as again from b.marks",
        {"id": "=a.rows.id =b.marks.mark", "text": "=a.rows.text =b.marks.id"},
        "",
    ),
    "of two ways the farther one": (
        "select n from a.rows union all select sum(n) as n from a.rows",
        {"n": "+a.rows.n"},
        "",
    ),
    "through named and nested queries, renamed on the way": (
        "with first as (select id as one, n + 1 as two from a.rows where text = 'x'),"
        " second as (select one, max(two) as three from first group by one)"
        " select s.one as id, m.seen, s.three as top from (select one, three from second) as s"
        " left join b.marks as m on m.id = s.one",
        {"id": "=a.rows.id", "seen": "=b.marks.seen", "top": "+a.rows.n"},
        "=a.rows.text =b.marks.id",
    ),
    "a changed column stays changed": (
        "select t from (select case when n > 1 then text end as t from a.rows) as inner_query",
        {"t": "~a.rows.n ~a.rows.text"},
        "",
    ),
    "a window": (
        "select id, row_number() over (partition by text order by n) as place from a.rows",
        {"id": "=a.rows.id", "place": "~a.rows.n ~a.rows.text"},
        "",
    ),
    "every column of a known table": (
        "select * from a.rows", {name: f"=a.rows.{name}" for name in PLANTED["a.rows"]}, "",
    ),
    "other tables are nobody's source": (
        "select r.id as id, t.size as size from a.rows as r inner join passing.frame as t on t.id = r.id",
        {"id": "=a.rows.id"},
        "",
    ),
}  # fmt: skip


def spelled(sources: tuple[SourceColumn, ...]) -> str:
    signs = {kind: sign for sign, kind in SHORT.items()}
    return " ".join(f"{signs[source.kind]}{source.table}.{source.column}" for source in sources)


@pytest.mark.parametrize("name", GOLDEN)
def test_planted_lineage_is_found(name: str) -> None:
    """For each kind of statement exactly the columns are named that feed it, how, and what decides its rows."""
    sql, direct, beside = GOLDEN[name]
    found = lineage_of(sql, PLANTED)
    assert {column: spelled(sources) for column, sources in found.direct.items()} == direct
    assert spelled(found.indirect) == beside


@pytest.mark.parametrize(
    "sql",
    [
        "select * from passing.frame",
        "select id, (select max(mark) from b.marks) as mark from a.rows",
        "select id from a.rows where id in (select id from b.marks)",
    ],
)
def test_what_cannot_be_followed_is_refused(sql: str) -> None:
    """A star of an unknown table, or a query inside an expression, is an error and never a lineage with gaps."""
    with pytest.raises(ValueError, match="write it as a join of named columns"):
        lineage_of(sql, PLANTED)


@pytest.mark.parametrize("sql", ["select nothing from a.rows", "select id from a.rows, b.marks", "select from where"])
def test_names_that_cannot_be_resolved_are_refused(sql: str) -> None:
    """An unknown column, one that two tables have, and no statement at all are errors."""
    with pytest.raises(SqlglotError):
        lineage_of(sql, PLANTED)


def test_tables_that_no_model_fills_have_no_lineage() -> None:
    """What Python writes is not claimed to be proven."""
    assert "anchors.rows" not in filling_models()
    assert column_lineage("anchors.rows") == {}
    assert indirect("anchors.rows") == ()
    assert table_column_lineage("any", "anchors.rows") is None


def test_what_is_declared_is_what_there_is() -> None:
    """The models that fill tables, each with its table."""
    assert filling_models() == {
        "anchors.vault_counts": "vault/class_counts",
        "filtering.balance": "filtering/balance_flow",
        "labeling.labels": "labeling/confirmations",
        "monitoring.observations": "monitoring/observations",
        "provenance.rounds": "filtering/rounds",
        "release.rows": "release/contents",
    }


@pytest.mark.parametrize("table", filling_models())
def test_a_filled_table_is_there_with_the_models_columns(table: str) -> None:
    """The table belongs to a stage and has every column of the model; every source is a column of the warehouse."""
    columns = migrated_columns()
    assert table in {owned.name for tables in TABLES.values() for owned in tables}
    assert set(sqlglot.parse_one(model_sql(filling_models()[table]), read="duckdb").named_selects) <= set(
        columns[table]
    )
    lineage = column_lineage(table)
    assert set(lineage) <= set(columns[table])
    for source in [*indirect(table), *(source for sources in lineage.values() for source in sources)]:
        assert source.column in columns[source.table]


@pytest.mark.parametrize("table", filling_models())
def test_lineage_agrees_with_sqlglots_own(table: str) -> None:
    """What feeds each column is what `sqlglot.lineage` finds at the ends of its tree."""
    known = migrated_columns()
    schema: dict[str, Any] = {}
    for name, columns in known.items():
        schema.setdefault(name.split(".")[0], {})[name.split(".")[1]] = columns
    theirs = {}
    for column, node in sqlglot.lineage.lineage(
        None, model_sql(filling_models()[table]), schema, dialect="duckdb"
    ).items():  # type: ignore[union-attr]
        ends = [leaf for leaf in node.walk() if isinstance(leaf.expression, exp.Table)]
        named = {(f"{leaf.expression.db}.{leaf.expression.name}", exp.to_column(leaf.name).name) for leaf in ends}
        if named := {end for end in named if end[0] in known}:
            theirs[column] = named
    ours = {
        name: {(source.table, source.column) for source in sources} for name, sources in column_lineage(table).items()
    }
    assert ours == theirs


def test_the_warehouse_of_the_migrations_is_the_one_that_is_made(tmp_path: Any) -> None:
    """The columns that names are resolved by are those of a new warehouse file."""
    migrate(tmp_path / "new.duckdb")
    with closing(duckdb.connect(str(tmp_path / "new.duckdb"), read_only=True)) as con:
        for table, columns in migrated_columns().items():
            assert con.table(table).columns == list(columns)


def test_the_models_give_what_the_tables_hold(finished_life: Life) -> None:
    """In a finished life each declared model, run over the warehouse again, gives the rows of its table."""
    card, gates = finished_life.loaded.card, len(finished_life.loaded.profile.gates)
    parameters: dict[str, dict[str, Any]] = {
        "labeling/confirmations": {
            "judges": len(card.labeling.judges), "confirmations": card.labeling.confirmations,
        },
        "monitoring/observations": {"version": "1.0.0", "arm": "mix"},
        "filtering/rounds": {"gates": gates},
        "release/contents": {"include_anchors": card.release.include_anchors},
        "filtering/balance_flow": {},
    }  # fmt: skip
    # The counts of sealed rows come from the vault's file, where no warehouse column feeds them.
    assert set(parameters) == set(filling_models().values()) - {"vault/class_counts"}
    assert column_lineage("anchors.vault_counts") == {}
    with finished_life.view() as view:
        for table, model in filling_models().items():
            if model in parameters:
                rows = view.model(model, parameters[model])
                held = view.table(table).select(rows.columns).cast(dict(rows.schema))
                assert rows.height > 0
                assert sorted(rows.rows(), key=str) == sorted(held.rows(), key=str), table


def test_dagster_is_told_by_the_asset_that_owns_each_source() -> None:
    """The release's text comes from the assets anchors and generation, its label from anchors and labeling."""
    lineage = table_column_lineage("reviews", "release.rows")
    assert lineage is not None
    told = {
        column: {("/".join(dep.asset_key.path), dep.column_name) for dep in deps}
        for column, deps in lineage.deps_by_column.items()
    }
    assert told == {
        "row_id": {("reviews/anchors", "row_id"), ("reviews/generation", "row_id")},
        "text": {("reviews/anchors", "text"), ("reviews/generation", "text")},
        "label": {("reviews/anchors", "label"), ("reviews/labeling", "label")},
    }


def test_a_column_beside_the_main_table_bears_its_tables_name() -> None:
    """Votes are no column of labeling's main table: they stand under the name of theirs."""
    lineage = table_column_lineage("reviews", "labeling.labels")
    assert lineage is not None
    names = {dep.column_name for dep in lineage.deps_by_column["confirmed"]}
    assert names == {"requested_label", "labeling.votes.confidence", "labeling.votes.judge", "labeling.votes.label"}


@pytest.mark.parametrize("table", filling_models())
def test_every_source_belongs_to_an_asset(table: str) -> None:
    """Each source of each filled table is found among the tables and logs of the stages."""
    told = table_column_lineage("reviews", table)
    found = sum(len(deps) for deps in told.deps_by_column.values()) if told else 0
    assert found == sum(len(sources) for sources in column_lineage(table).values())


def test_a_columns_description_ends_with_what_feeds_it() -> None:
    """The asset's page says of each column of a filled table where it comes from, and of others nothing more."""
    schema = pl.Schema({"text": pl.String, "version": pl.String})
    text, version = column_schema("release.rows", schema).columns
    assert (text.description or "").endswith(" From anchors.rows.text, generation.candidates.text.")
    assert version.description == column_descriptions("release.rows")["version"]


def test_lineage_is_kept_and_cannot_be_spoilt() -> None:
    """Who changes what they were given changes it for nobody else."""
    column_lineage("release.rows").clear()
    assert "text" in column_lineage("release.rows")
