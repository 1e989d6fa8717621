"""The SQL models keep to what DuckDB and Spark share, are described, and are all in use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
import sqlglot
from ruamel.yaml import YAML
from sqlglot import exp

from careful_assets.warehouse.models import models_folder
from careful_assets_tests.house.sources import PACKAGE, modules

MODELS = sorted(path.relative_to(models_folder()).with_suffix("").as_posix() for path in models_folder().rglob("*.sql"))
FUNCTIONS = (
    exp.Count, exp.Sum, exp.Min, exp.Max, exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Abs, exp.Greatest, exp.Least,
    exp.Cast, exp.RowNumber, exp.Rank, exp.Lag, exp.And, exp.Or, exp.Not,
)  # fmt: skip
CASTS = {exp.DType.BIGINT, exp.DType.DOUBLE, exp.DType.DATE} if hasattr(exp, "DType") else {
    exp.DataType.Type.BIGINT, exp.DataType.Type.DOUBLE, exp.DataType.Type.DATE,
}  # fmt: skip
# Nodes that are no functions to the parser, and mean other things to other engines, or text, lists and structs.
REFUSED = (
    exp.DPipe, exp.Like, exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.Bracket, exp.Lambda, exp.Unnest, exp.Lateral,
    exp.Struct, exp.Array, exp.TryCast, exp.IntDiv, exp.Div, exp.Pivot, exp.Qualify, exp.Limit, exp.TableSample,
    exp.Command, exp.Anonymous, exp.Interval,
)  # fmt: skip
PLAIN = {"VARCHAR", "BIGINT", "INTEGER", "DOUBLE", "BOOLEAN", "DATE"}
# Looked up, not computed: columns that go from the table to the reader as they are.
PASSED_ON = {
    name: {"VARCHAR[]", "TIMESTAMP WITH TIME ZONE"}
    for name in ("evaluation/makers", "generation/record_of", "release/records", "training/newly_admitted")
}


def sql_of(name: str) -> str:
    return (models_folder() / f"{name}.sql").read_text(encoding="utf-8")


def strangers_in(sql: str) -> set[str]:
    """What in the statement is not on the list of what both engines do alike."""
    (tree,) = sqlglot.parse(sql, read="duckdb")
    assert isinstance(tree, exp.Select | exp.Union), "a model is one select statement"
    found = set()
    for node in tree.walk():
        if isinstance(node, REFUSED) or (isinstance(node, exp.Func) and not isinstance(node, FUNCTIONS)):
            found.add(type(node).__name__)
        if isinstance(node, exp.DataType) and node.this not in CASTS:
            found.add(node.sql("duckdb"))
    return found


def described() -> dict[str, dict[str, list[str]]]:
    """By folder and model the described columns."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in models_folder().glob("*/schema.yml"):
        entries = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))["models"]
        for entry in entries:
            assert len(entry["description"].strip()) > 10, f"{path.parent.name}/{entry['name']}: says nothing"
            for column in entry["columns"]:
                assert column["description"].strip(), (
                    f"{path.parent.name}/{entry['name']}: {column['name']} says nothing"
                )
            columns = [column["name"] for column in entry["columns"]]
            found.setdefault(path.parent.name, {})[entry["name"]] = columns
    return found


@pytest.mark.parametrize("name", MODELS)
def test_models_keep_to_the_shared_dialect(name: str) -> None:
    """Every model uses only functions and types that DuckDB and Spark treat alike."""
    assert strangers_in(sql_of(name)) == set()


@pytest.mark.parametrize("name", MODELS)
def test_models_carry_over_to_spark(name: str) -> None:
    """Every model is translated to Spark without a warning, reads back there, and keeps its parameters."""
    sql = sql_of(name)
    (spark,) = sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    back = sqlglot.parse_one(spark, read="spark")
    names = [str(node.this) for node in back.find_all(exp.Placeholder)]
    statement = "\n".join(line.split("--")[0] for line in sql.splitlines())
    assert sorted(names) == sorted(re.findall(r"\$(\w+)", statement))


@pytest.mark.parametrize(
    "sql",
    [
        "select lower(text) as a from t", "select a || b as c from t", "select concat(a, b) as c from t",
        "select [1, 2] as a", "select list(a) as b from t", "select {'a': 1} as b", "select a[1] as b from t",
        "select cast(a as uinteger) as b from t", "select a::varchar as b from t",
        "select try_cast(a as bigint) as b from t",
        "select a from t where b like 'x%'", "select median(a) as b from t", "select hash(a) as b from t",
        "select a / b as c from t", "select a // b as c from t", "select unnest(a) as b from t",
        "select a from t qualify row_number() over (order by a) = 1", "select a from t limit 1",
        "select regexp_matches(a, 'b') as c from t", "select approx_count_distinct(a) as b from t",
    ],
)  # fmt: skip
def test_what_differs_between_engines_is_seen(sql: str) -> None:
    """The list is one that text functions, lists, structs, unsigned types and inexact divisions are not on."""
    assert strangers_in(sql)


@pytest.fixture(scope="module")
def empty_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(duckdb.connect()) as con:
        con.execute("create schema provenance")
        for path in [
            *sorted((PACKAGE / "warehouse" / "migrations").glob("*.sql")),
            PACKAGE / "warehouse/vault_schema.sql",
            PACKAGE / "warehouse/staging_schema.sql",
            PACKAGE / "operations/inheriting/schema.sql",
        ]:
            con.execute(path.read_text(encoding="utf-8"))
        for name in ("rows", "known", "lying", "dealt", "clusters", "shingles", "slices"):
            con.execute(f"create view offered_{name} as select * from staged.{name}")
        con.execute("create view offered_marks as select * from sealed.fingerprints")
        for name in ("before", "after"):
            con.execute(f"create view decisions_{name} as select * from filtering.decisions")
        con.execute("create table near_pairs (ref bigint, row_id varchar)")
        con.execute("create table near_bands (number bigint, band bigint, hash bigint)")
        con.execute("create table near_roots (number bigint, root bigint)")
        con.execute("create table units (group_id varchar, unit varchar)")
        con.execute("create table sought (row_id varchar)")
        con.execute("create table sought_requests (request_id varchar)")
        con.execute("create table parentage (request_id varchar, parent_id varchar)")
        con.execute("create table exemplars (row_id varchar)")
        con.execute(f"create view makers as {sql_of('evaluation/makers')}")
        con.execute(f"create view earlier as {sql_of('provenance/earlier_rows')}")
        seeds = "first_seed bigint, last_seed bigint"
        con.execute(f"create table excluding (seq bigint, kind varchar, item varchar, {seeds})")
        con.execute("create table row_ancestors (row_id varchar, ancestor varchar)")
        yield con


@pytest.mark.parametrize("name", MODELS)
def test_models_fit_the_schema_and_their_description(name: str, empty_warehouse: duckdb.DuckDBPyConnection) -> None:
    """Every model runs on an empty warehouse and gives plain types, and exactly the columns that schema.yml names."""
    parameters = dict.fromkeys(re.findall(r"\$(\w+)", sql_of(name)), 1)
    relation = empty_warehouse.sql(sql_of(name), params=parameters or None)
    assert {str(kind) for kind in relation.types} <= PLAIN | PASSED_ON.get(name, set())
    folder, model = name.split("/")
    assert described().get(folder, {}).get(model) == relation.columns


def test_nothing_is_described_that_is_not_there() -> None:
    """No schema.yml speaks of a model that was removed."""
    assert {f"{folder}/{model}" for folder, models in described().items() for model in models} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_models_open_with_a_word(name: str) -> None:
    """Every model's first line says what its rows are."""
    assert sql_of(name).startswith("-- ")


def asked_for() -> set[str]:
    """The names, as patterns, of all models that the package's code runs."""
    found = set()
    for module in modules():
        for call in (node for node in ast.walk(module.tree) if isinstance(node, ast.Call)):
            called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if called in ("model", "run_model", "run_model_over", "model_rows", "fill", "refill"):
                found |= {name for argument in call.args[:2] if (name := _pattern(argument)) is not None}
    return found


def _pattern(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(re.escape(part.value) if isinstance(part, ast.Constant) else r"\w+" for part in node.values)
    return None


def test_every_model_is_used_and_every_used_one_exists() -> None:
    """No model lies idle, and no code asks for one that is not there."""
    patterns = {pattern for pattern in asked_for() if "/" in pattern and pattern != "/"}
    assert len(patterns) > 10
    assert [name for name in MODELS if not any(re.fullmatch(pattern, name) for pattern in patterns)] == []
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in MODELS)] == []


def test_set_logic_stays_out_of_python() -> None:
    """No statement in Python is longer than a line: set logic is a model."""
    start = re.compile(r"\s*(select|with|insert|update|delete|create|alter|merge|copy)\s", re.IGNORECASE)
    found = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and start.match(node.value)
        and ("\n" in node.value.strip() or len(node.value) > 120)
        and re.search(r"\b(from|into|table|set)\b", node.value, re.IGNORECASE)
        and not any(ast.get_docstring(owner, clean=False) == node.value for owner in ast.walk(module.tree)
                    if isinstance(owner, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef))
    ]  # fmt: skip
    assert found == []


def test_models_lie_where_the_wheel_takes_them_from() -> None:
    """The folder of the models is the checkout's, beside the package."""
    assert models_folder() == Path(PACKAGE.parent / "dbt_like_sql" / "models")
