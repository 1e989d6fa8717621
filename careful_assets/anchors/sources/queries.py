"""What all SQL sources share: the wrapped query, its rows' places, and the digest of its rows, free of their order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence

import polars as pl

from careful_assets.anchors.sources.faults import FaultList
from careful_assets.anchors.sources.reading import Reading, gathered, numbered, wanted_columns
from careful_assets.anchors.sources.whole_files import check_digest
from careful_assets.card.anchors import SqlSource
from careful_assets.errors import StageFailed
from careful_assets.provenance.digests import RowsDigest


class QueryReading(Reading):
    """The rows of one query, sorted by the card's columns and then the others: equal rows have equal places."""

    def __init__(self, source: SqlSource, columns: list[str], faults: FaultList) -> None:
        super().__init__(columns, source.columns, faults)
        self._source = source
        self._digest: str | None = None

    @property
    def digest(self) -> str:
        """The digest of the card's columns as text, `provenance.digests.RowsDigest`.

        Raises:
            StageFailed: the rows were not read to their end, so that nobody knows it.
        """
        if self._digest is None:
            raise StageFailed("the digest of a query's rows is known after the last of them; read all batches first")
        return self._digest

    def batches(self, wanted: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows; after the last, the digest is held to the card's."""
        read = wanted_columns(self.mapping, wanted)
        mapped = wanted_columns(self.mapping)
        digest = RowsDigest()
        digest.add(pl.DataFrame(schema=dict.fromkeys(mapped, pl.String)))
        for frame in numbered(gathered(self._frames(read))):
            try:
                digest.add(frame.select(mapped).cast(pl.String))
            except pl.exceptions.PolarsError as error:
                self.faults.add(None, "query", f"gives a column that is no text ({type(error).__name__}); cast it")
                self.faults.stop()
            yield frame.select("place", *wanted)
        self._digest = digest.hexdigest()
        check_digest(self._digest, self._source.sha256, "what the query gives now", self.faults)

    @abstractmethod
    def _frames(self, read: list[str]) -> Iterator[pl.DataFrame]:
        """The query's rows in order, with these columns, without places."""


def selected(query: str, read: Sequence[str], quoted: Callable[[str], str], suffix: str = "") -> str:
    """A statement that gives the query's columns, sorted by them; a query that is no `select` makes it fail."""
    names = [quoted(name) for name in read]
    order = ", ".join(f"{name}{suffix}" for name in names)
    # The query is the card's own; the names are quoted.
    return f"select {', '.join(names)} from {_bracketed(query)} order by {order}"  # noqa: S608


def without_rows(query: str) -> str:
    """A statement that gives the query's columns and no row."""
    return f"select * from {_bracketed(query)} where 1 = 0"  # noqa: S608


def _bracketed(query: str) -> str:
    # The line feed ends a comment that the query may end with.
    return f"({query.strip().rstrip(';')}\n) careful_rows"


def double_quoted(name: str) -> str:
    """The identifier as standard SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'
