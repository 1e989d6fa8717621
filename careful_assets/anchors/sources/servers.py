"""Anchors from a query over a database server, whose SQLAlchemy URL an environment variable holds.

The URL may hold a password: neither it nor a driver's words, which may repeat it or a row, reach an error. Rows come
through a server-side cursor in one transaction, which is rolled back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.queries import QueryReading, selected, without_rows
from careful_assets.anchors.sources.reading import need_columns
from careful_assets.anchors.sources.values import TypedColumns
from careful_assets.card.anchors import SqlSource

if TYPE_CHECKING:
    import sqlalchemy as sa

_ROWS_AT_ONCE = 8192
_MOST_OF_A_REASON = 200


def open_server(source: SqlSource) -> QueryReading:
    """The query over the server that the card's variable names.

    Raises:
        MalformedInput: the variable is not set or holds no URL, its driver is not installed, the server does not
            answer, the query fails or lacks the card's columns.
    """
    assert source.url is not None
    faults = FaultList(source.url)
    return _ServerReading(source, _engine(source.url.removeprefix("env:"), faults), faults)


class _ServerReading(QueryReading):
    def __init__(self, source: SqlSource, engine: sa.Engine, faults: FaultList) -> None:
        self._engine = engine
        with _connected(engine, faults) as con:
            columns = list(con.exec_driver_sql(without_rows(source.query)).keys())
        need_columns(columns, source.columns, faults)
        super().__init__(source, columns, faults)

    def _frames(self, read: list[str]) -> Iterator[pl.DataFrame]:
        typed = TypedColumns(read, self.mapping, self.faults)
        statement = selected(self._source.query, read, self._engine.dialect.identifier_preparer.quote)
        first = 1
        with _connected(self._engine, self.faults) as con:
            streamed = con.execution_options(yield_per=_ROWS_AT_ONCE)
            for rows in streamed.exec_driver_sql(statement).partitions(_ROWS_AT_ONCE):
                yield typed.frame(list(range(first, first + len(rows))), rows).drop("place")
                first += len(rows)


def _engine(variable: str, faults: FaultList) -> sa.Engine:
    import sqlalchemy as sa

    url = os.environ.get(variable)
    if not url:
        message = f"the environment variable {variable} is not set; set it to the server's SQLAlchemy URL"
        faults.add(None, "url", message)
        faults.stop()
    assert url is not None
    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
    except sa.exc.NoSuchModuleError:
        faults.add(
            None, "url", f"{variable} names a kind of database that SQLAlchemy does not know; mend its beginning"
        )
    except ImportError as error:
        faults.add(
            None, "url", f"the driver {error.name!r} is not installed; install it, or name another in {variable}"
        )
    except (sa.exc.ArgumentError, ValueError):
        faults.add(None, "url", f"{variable} holds no SQLAlchemy URL, such as postgresql+psycopg://user@host/database")
    faults.stop()
    return engine.execution_options(no_parameters=True)


@contextmanager
def _connected(engine: sa.Engine, faults: FaultList) -> Iterator[sa.Connection]:
    import sqlalchemy as sa

    answered = False
    try:
        with engine.connect() as con:
            answered = True
            if engine.dialect.name == "postgresql":
                con = con.execution_options(postgresql_readonly=True)  # noqa: PLW2901
            yield con
            con.rollback()
    except sa.exc.SQLAlchemyError as error:
        why = f"{type(error).__name__}{_reason(error, engine)}"
        if not answered:
            message = f"the server does not answer ({why}); check the variable, the network and your rights"
            faults.add(None, "url", message)
        elif getattr(error, "connection_invalidated", False):
            faults.add(None, "url", f"the connection was lost ({why}); run again when the server stands")
        else:
            message = f"fails with {why}; mend anchors.source.query in the card, or run again if the server was stopped"
            faults.add(None, "query", message)
        faults.stop()


def _reason(error: Any, engine: sa.Engine) -> str:
    """The driver's words if they are about the query; those of other errors may repeat a row or the URL."""
    import sqlalchemy as sa

    if not isinstance(error, sa.exc.ProgrammingError):
        return ""
    words = str(error.orig).splitlines()[0][:_MOST_OF_A_REASON]
    password = engine.url.password
    return f": {words.replace(str(password), '***') if password else words}"
