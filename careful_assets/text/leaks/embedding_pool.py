"""Sealed and reference rows by direction, and how dense it is about each.

Belongs here: densities, and blocks of rough cosines on every processor. Does not belong here: the compiled loops
(`embedding_kernel`), texts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

# Rough cosines that are held at once, 4 bytes each.
_AT_ONCE = 16_000_000


@dataclass(frozen=True, eq=False)
class Pool:
    """Sealed and reference rows, each direction once.

    Attributes:
        vectors: n × d.
        sealed: int64[n], the number of the first judged sealed row of that direction; -1 where there is none.
        places: by sealed row its place here; -1 where it is not judged, or has no direction.
        around, around_units: int64[n × KEPT], its nearest others and their cosines in millionths, if it is sealed.
    """

    vectors: Floats
    sealed: Ints
    places: Ints
    around: Ints
    around_units: Ints

    @staticmethod
    def of(sealed: Floats, judged: Ints, reference: Floats) -> Pool:
        """`judged`: which of the sealed rows can be found."""
        import numpy as np

        from careful_assets.text.leaks.embedding_kernel import KEPT, write_neighbours

        both = np.concatenate([sealed, reference])
        seen = np.flatnonzero(both.any(axis=1))
        # + 0: of the two zeros one.
        vectors, place_of = np.unique(both[seen] + np.float32(0), axis=0, return_inverse=True)
        vectors, none = np.ascontiguousarray(vectors), np.iinfo(np.int64).max
        first = np.full(len(vectors), none)
        findable = np.isin(seen, judged)
        places = np.full(len(sealed), -1, dtype=np.int64)
        places[seen[findable]] = place_of.reshape(-1)[findable]
        np.minimum.at(first, places[seen[findable]], seen[findable])
        number = np.where(first == none, -1, first)
        own = np.flatnonzero(number >= 0)
        around = np.full((len(vectors), KEPT), -1, dtype=np.int64)
        units = np.zeros((len(vectors), KEPT), dtype=np.int64)

        def write(rough: Floats, some: slice) -> None:
            found, found_units = np.empty((len(rough), KEPT), np.int64), np.empty((len(rough), KEPT), np.int64)
            write_neighbours(rough, vectors[own[some]], vectors, own[some], slack(vectors), found, found_units)
            around[own[some]], units[own[some]] = found, found_units

        in_blocks(vectors[own], vectors, write)
        return Pool(vectors, number, places, around, units)

    def least(self, threshold: int) -> Floats:
        """By place the lowest rough cosine with which a row can reach the threshold; over 1 where none is sealed."""
        import numpy as np

        from careful_assets.text.leaks.embedding_kernel import NEIGHBOURS, UNITS

        # Of a sealed row's neighbours the first few may not count (see `write_best`), the asked row's may be at 0.
        density = self.around_units[:, NEIGHBOURS : 2 * NEIGHBOURS].sum(axis=1)
        least = threshold / 1000 + density / (2 * NEIGHBOURS * UNITS) - slack(self.vectors)
        return np.where(self.sealed >= 0, least, 3).astype(np.float32)

    def best(self, asked: Floats, threshold: int) -> tuple[Ints, Ints]:
        """By asked row the sealed one with the highest score from `threshold` on, or -1, and `Found.shared` of it."""
        import numpy as np

        from careful_assets.text.leaks.embedding_kernel import write_best

        least = self.least(threshold)
        best, shared = np.full(len(asked), -1, dtype=np.int64), np.zeros(len(asked), dtype=np.int64)

        def write(rough: Floats, some: slice) -> None:
            write_best(
                rough, asked[some], self.vectors, least, self.sealed, self.around, self.around_units,
                threshold, slack(self.vectors), best[some], shared[some],
            )  # fmt: skip

        in_blocks(asked, self.vectors, write)
        return best, shared


def in_blocks(rows: Floats, pool: Floats, write: Callable[[Floats, slice], None]) -> None:
    """Rough cosines of the rows with the pool, some rows at a time on each processor."""
    import numpy as np

    step = max(1, min(len(rows), _AT_ONCE // max(1, len(pool))))
    buffer = np.empty((step, len(pool)), dtype=np.float32)
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        rough = np.matmul(rows[start:stop], pool.T, out=buffer[: stop - start])
        in_parts(stop - start, _from(start, rough, write))


def in_parts(number: int, work: Callable[[slice], None]) -> None:
    """The work on so many rows, a part of them on each processor."""
    workers = os.cpu_count() or 1
    cuts = [number * part // workers for part in range(workers + 1)]
    with ThreadPoolExecutor(workers) as threads:
        for done in [threads.submit(work, slice(one, other)) for one, other in pairwise(cuts) if one < other]:
            done.result()


def _from(start: int, rough: Floats, write: Callable[[Floats, slice], None]) -> Callable[[slice], None]:
    return lambda some: write(rough[some], slice(start + some.start, start + some.stop))


def slack(vectors: Floats) -> np.float32:
    """How far a rough cosine may be off, in whatever order its products were added, and the rounding to millionths."""
    import numpy as np

    return np.float32(2 * vectors.shape[1] * np.finfo(np.float32).eps + 2e-6)
