"""Column lineage: which columns of which tables each column of a table comes from, proven from the SQL that fills it.

A model says in its `schema.yml` which table it fills (`meta: {fills: schema.table}`). Belongs here: reading that, and
following every column through the model's text. Does not belong here: how lineage is shown (`provenance.metadata`) or
sent (`lineage.events`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, cast

from careful_assets.warehouse.migrations import migrated_columns
from careful_assets.warehouse.models import model_sql, models_folder

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

# What becomes of a value on its way, as OpenLineage's columnLineage facet names it; later ones are farther from a copy.
Kind = Literal["IDENTITY", "TRANSFORMATION", "AGGREGATION"]
_KINDS: tuple[Kind, ...] = ("IDENTITY", "TRANSFORMATION", "AGGREGATION")
_Schema = dict[str, dict[str, str]]
_Use = tuple[str, str, Kind]


@dataclass(frozen=True, order=True)
class SourceColumn:
    """A column of a warehouse table `schema.name`, and what becomes of its values on the way to where they are used."""

    table: str
    column: str
    kind: Kind


@dataclass(frozen=True)
class Lineage:
    """What a statement's columns come from, and what only joins, filters or groups its rows."""

    direct: dict[str, tuple[SourceColumn, ...]]
    indirect: tuple[SourceColumn, ...]


_NOTHING = Lineage({}, ())


def column_lineage(table: str) -> dict[str, tuple[SourceColumn, ...]]:
    """By column of `schema.name` the columns it comes from; empty for a table that no model fills.

    Columns that come from none (constants, parameters, counts of rows, what the code adds) are not in it.
    """
    return dict(_lineage(table).direct)


def indirect(table: str) -> tuple[SourceColumn, ...]:
    """The columns that decide by join, filter or group which rows `schema.name` has, and feed none of its columns."""
    return _lineage(table).indirect


@cache
def filling_models() -> dict[str, str]:
    """By table `schema.name` the model `stage/name` whose rows it holds.

    Raises:
        ValueError: two models say that they fill one table.
    """
    return _fillings("")


def _fillings(table: str) -> dict[str, str]:
    """`filling_models` of the files that say so of this table: reading YAML is slow, a process asks for few tables."""
    said = re.compile(rf"fills:\s*[\"']?{re.escape(table)}")
    found: dict[str, str] = {}
    for path in sorted(models_folder().glob("*/schema.yml")):
        text = path.read_text(encoding="utf-8")
        for filled, model in _declared(text) if said.search(text) else ():
            if filled in found:
                raise ValueError(f"{path}: {model} fills {filled}, and so does {found[filled]}; mend one of them")
            found[filled] = f"{path.parent.name}/{model}"
    return found


@cache
def _declared(text: str) -> tuple[tuple[str, str], ...]:
    """The tables that a `schema.yml` says are filled, each with its model."""
    from ruamel.yaml import YAML

    models = YAML(typ="safe").load(text)["models"]
    return tuple((entry["meta"]["fills"], entry["name"]) for entry in models if "fills" in entry.get("meta", {}))


def lineage_of(sql: str, tables: _Schema) -> Lineage:
    """The lineage of one select statement, as sqlglot's optimizer resolves its names.

    Args:
        sql: in DuckDB's dialect; parameters are written `$name`.
        tables: by `schema.name` the columns and types of the tables that can be sources. Any other table is nobody's
            source: its columns are left out.

    Raises:
        ValueError: the statement is none whose columns can be followed to their ends.
        sqlglot.errors.SqlglotError: it cannot be parsed, or a name in it cannot be resolved.
    """
    import sqlglot
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    schema: dict[str, object] = {}
    for name, columns in tables.items():
        schema.setdefault(name.split(".")[0], {})[name.split(".")[1]] = columns  # type: ignore[index]
    scope = build_scope(qualify(sqlglot.parse_one(sql, read="duckdb"), dialect="duckdb", schema=schema))
    if scope is None:
        raise ValueError("the statement is no query; lineage is that of one select statement")
    names = _query_of(scope).named_selects
    direct = {name: _sources(_followed(scope, place, "IDENTITY", tables)) for place, name in enumerate(names)}
    fed = {(source.table, source.column) for sources in direct.values() for source in sources}
    deciding = (pair for part in scope.traverse() for pair in _deciding(part, tables))
    beside = tuple(source for source in _sources(deciding) if (source.table, source.column) not in fed)
    return Lineage({name: sources for name, sources in direct.items() if sources}, beside)


@cache
def _lineage(table: str) -> Lineage:
    model = _fillings(table).get(table)
    return _NOTHING if model is None else lineage_of(model_sql(model), migrated_columns())


def _followed(scope: Scope, place: int, kind: Kind, tables: _Schema) -> Iterator[_Use]:
    """Every column of a source that the scope's projection at a place is made of, all the way down."""
    from sqlglot import exp

    if isinstance(scope.expression, exp.SetOperation):
        for branch in scope.set_operation_scopes:
            yield from _followed(branch, place, kind, tables)
    else:
        yield from _read_by(_query_of(scope).selects[place], scope, kind, tables)


def _deciding(scope: Scope, tables: _Schema) -> Iterator[_Use]:
    """Every column of a source that this scope, taken alone, joins, filters or groups by."""
    args = scope.expression.args
    conditions = [join.args.get("on") for join in args.get("joins") or []]
    conditions += [args.get(name) for name in ("where", "group", "having", "qualify")]
    for condition in conditions:
        if condition is not None:
            yield from _read_by(condition, scope, "IDENTITY", tables)


def _read_by(expression: exp.Expr, scope: Scope, kind: Kind, tables: _Schema) -> Iterator[_Use]:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

    if scope.subquery_scopes or any(part.is_star for part in _query_of(scope).selects):
        raise ValueError(
            "lineage is not followed through a star of an unknown table or a query inside an expression; "
            "write it as a join of named columns"
        )
    for column in expression.find_all(exp.Column):
        reached = _farther(kind, _use_of(column, expression))
        source = scope.sources.get(column.table)
        if isinstance(source, Scope):
            yield from _followed(source, _query_of(source).named_selects.index(column.name), reached, tables)
        elif isinstance(source, exp.Table) and f"{source.db}.{source.name}" in tables:
            yield f"{source.db}.{source.name}", column.name, reached


def _use_of(column: exp.Column, expression: exp.Expr) -> Kind:
    """What the expression makes of a column in it; that a condition compares it changes nothing."""
    from sqlglot import exp

    passing: tuple[type, ...] = (exp.Alias, exp.Paren)
    if not isinstance(expression, exp.Alias):
        passing += (exp.Group, exp.Where, exp.Having, exp.Qualify, exp.Connector, exp.Not, exp.Predicate)
    kind: Kind = "IDENTITY"
    node: exp.Expr | None = column
    while node is not None and node is not expression:
        node = node.parent
        if isinstance(node, exp.AggFunc):
            return "AGGREGATION"
        if not isinstance(node, passing):
            kind = "TRANSFORMATION"
    return kind


def _query_of(scope: Scope) -> exp.Query:
    return cast("exp.Query", scope.expression)


def _farther(one: Kind, other: Kind) -> Kind:
    return max(one, other, key=_KINDS.index)


def _sources(found: Iterable[_Use]) -> tuple[SourceColumn, ...]:
    """Each column once, sorted; one that is used in several ways is what it is in the way farthest from a copy."""
    kinds: dict[tuple[str, str], Kind] = {}
    for table, column, kind in found:
        kinds[table, column] = _farther(kinds.get((table, column), kind), kind)
    return tuple(sorted(SourceColumn(table, column, kind) for (table, column), kind in kinds.items()))
