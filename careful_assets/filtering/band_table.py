"""Candidate pairs by SQL: the bands of texts as a table, and the models `near_links` and `near_pairs` over it.

Belongs here: filling the table, and handing out what the models find, as `text.minhash.Candidates` says. The database
sees numbers of texts and hashes, and takes joins that exceed its memory to disk; `text.buckets` finds the same
pairs in memory, quicker.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from careful_assets.text.minhash import Bands
from careful_assets.warehouse.models import fill
from careful_assets.warehouse.tables import batches

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]


class BandTable:
    """Texts' bands in temporary tables of a connection; they go with it. One table a connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, first: int = 0) -> None:
        """Pairs will be those with a text from `first` on."""
        self._con = con
        self._first = first
        con.execute("create temp table near_bands (number bigint, band bigint, hash bigint)")
        con.execute("create temp table near_roots (number bigint, root bigint)")
        con.execute("create temp table near_found (one bigint, other bigint)")

    def add(self, bands: Bands, number_of_first_band: int = 0) -> None:
        """Add these texts' bands; all bands of all texts must be there before pairs are asked for."""
        for band, hashes in enumerate(bands.hashes, number_of_first_band):
            frame = pl.DataFrame({"number": bands.numbers, "hash": hashes})
            self._con.register("adding", frame)
            self._con.execute("insert into near_bands select number, $band, hash from adding", {"band": band})
            self._con.unregister("adding")

    def pairs(self, root: Ints) -> Iterator[tuple[Ints, Ints]]:
        """As `minhash.Candidates` says: first the links of all bands, then what lies in two components still."""
        import numpy as np

        fill(self._con, "filtering/near_links", "near_found", {"first": self._first})
        yield from self._found()
        self._con.register("roots", pl.DataFrame({"number": np.arange(len(root)), "root": root}))
        self._con.execute("insert into near_roots from roots")
        self._con.unregister("roots")
        fill(self._con, "filtering/near_pairs", "near_found", {"first": self._first})
        self._con.execute("delete from near_roots")
        yield from self._found()

    def _found(self) -> Iterator[tuple[Ints, Ints]]:
        for frame in batches(self._con.table("near_found")):
            yield frame["one"].to_numpy(), frame["other"].to_numpy()
        self._con.execute("delete from near_found")
