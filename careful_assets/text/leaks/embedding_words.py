"""A shortcut for an embedder that sees words alone: rows that share no rare word with a sealed row are no paraphrases.

Belongs here: which asked rows are worth a comparison with all. Does not belong here: the comparison (`embedding_pool`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from careful_assets.text.leaks.embedding_pool import Pool, in_blocks, in_parts, slack
from careful_assets.text.leaks.prepared import Prepared

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]

FEW_SEALED = 2_000
"""Up to so many sealed rows every row is compared with all."""
# A rare word is held by one in so many sealed rows at most, or by so few; and each row's rarest are rare.
_ONE_IN, _FEW, _RAREST = 100, 200, 3


@dataclass(frozen=True, eq=False)
class RareWords:
    """Rare words, and which rows of the pool hold each.

    A word is rare to a sealed row if one in a hundred of the sealed rows hold it at most, or 200, or if it is one of
    the three rarest of the row. A row is passed over if no sealed row that shares such a word with it can reach the
    threshold by its cosine; others are compared with all. Of 1,501 rows that scored 300 or more against 20,000 sealed
    rows of made-up words, as frequent as a language's, none was missed. Of review sentences, a fifth of their words
    replaced, against 4,294 sealed ones: none of the 1,745 from 300 on, 1 of 2,422 from 200 on, 14 of 2,807 from 100 on.
    """

    pool: Pool
    least: Floats
    rare: npt.NDArray[np.uint64]
    held: Ints
    places: Ints

    @staticmethod
    def of(sealed: Prepared, pool: Pool, threshold: int) -> RareWords:
        """Of the judged sealed rows."""
        import numpy as np

        words = sealed.words
        place_of = np.repeat(pool.places, np.diff(words.offsets))
        judged = np.flatnonzero(place_of >= 0)
        order = judged[np.lexsort((place_of[judged], words.hashes[judged]))]
        hashes, places = words.hashes[order], place_of[order]
        once = np.ones(len(order), dtype=np.bool_)
        once[1:] = (hashes[1:] != hashes[:-1]) | (places[1:] != places[:-1])
        hashes, places = hashes[once], places[once]
        _, number, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        holders = counts[number.reshape(-1)]
        rarest = np.lexsort((hashes, holders, places))
        ranks = np.empty(len(places), dtype=np.int64)
        ranks[rarest] = np.arange(len(places)) - np.searchsorted(places[rarest], places[rarest])
        kept = (holders <= max(_FEW, len(sealed) // _ONE_IN)) | (ranks < _RAREST)
        rare, sizes = np.unique(hashes[kept], return_counts=True)
        held = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
        return RareWords(pool, pool.least(threshold), rare, held, places[kept])

    def kin(self, rows: Prepared, asked: Ints, vectors: Floats) -> Ints:
        """Which of the asked rows (`asked`: their places) are not passed over."""
        import numpy as np

        from careful_assets.text.leaks.embedding_kernel import NEIGHBOURS, write_least_densities, write_room

        words = rows.words
        starts, stops = words.offsets[asked], words.offsets[asked + 1]
        room = np.empty(len(asked), dtype=np.float32)

        def measure(some: slice) -> None:
            write_room(
                vectors[some], starts[some], stops[some], words.hashes, self.rare, self.held, self.places,
                self.pool.vectors, self.least, room[some],
            )  # fmt: skip

        in_parts(len(asked), measure)
        kin = np.flatnonzero(room >= 0)
        # What the asked rows' own density takes at the least: that among open rows, which are few.
        densities = np.zeros(len(kin), dtype=np.float32)
        close, off = vectors[kin], slack(vectors)

        def count(rough: Floats, some: slice) -> None:
            write_least_densities(rough, off, densities[some])

        in_blocks(close, self.pool.vectors[self.pool.sealed < 0], count)
        return kin[room[kin] >= densities / (2 * NEIGHBOURS) - off]
