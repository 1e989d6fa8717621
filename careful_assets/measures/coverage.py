"""Coverage of real: the share of real rows that have a synthetic row close by.

Belongs here: the space, the radius and the share, over texts. Does not belong here: which rows are real, which
synthetic, and what a share decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import TYPE_CHECKING

from careful_assets.text.embedders.latent import SEED, TOLERANCE, LatentSpace, drawn
from careful_assets.text.normalize import normalize, tokens

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# No share is given of fewer real rows.
LEAST_REAL = 10
# Of more real rows these many are drawn, so that a synthetic row costs 2 kB: 100,000 of them 200 MB.
MOST_REAL = 2_000
# Of 94 real sentences, 32 dimensions set repeated rows (0.03) and shuffled words (0.12) furthest apart from as many
# rows of a generator (0.28).
DIMENSIONS = 32
BOOTSTRAPS = 20
_DECIMALS = 6
_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True)
class Coverage:
    """A share of real rows, 0 to 1, and its seed noise in the same unit, both to 6 decimals."""

    value: float
    noise: float


class RealSpace:
    """Real rows as directions in which the others see them, and how close is close.

    Latent semantic indexing fitted on the real rows alone (`LatentSpace`, at most 32 dimensions); distance: 1 - cosine.
    `radius` is the median distance of a real row to its nearest other one. Deterministic: rows are sorted.
    """

    def __init__(self, real: Sequence[str]) -> None:
        """Fit on real rows.

        Raises:
            ValueError: fewer than LEAST_REAL of them hold a word.
        """
        import numpy as np

        if not measurable(real):
            raise ValueError(f"coverage needs {LEAST_REAL} real rows that hold a word")
        rows = drawn(real, MOST_REAL)
        self._space = LatentSpace(rows, DIMENSIONS)
        self._real = self._space.directions(rows)
        self._places: dict[str, list[int]] = {}
        for place, text in enumerate(rows):
            self._places.setdefault(normalize(text), []).append(place)
        self.rows, self.dimensions = len(rows), self._space.dimensions
        self.radius = round(float(np.median(self._nearest_others())), _DECIMALS)

    def coverage(self, rounds: Sequence[Sequence[str]]) -> list[Coverage]:
        """Coverage by the rows of round 1, of rounds 1 and 2, and so on.

        `noise`: the standard deviation of coverage over 20 bootstraps of the synthetic rows so far (Efron 1979, Annals
        of Statistics 7:1-26). These are resampled, and not the real ones, since the question is what another seed of
        the generator would have given: the real rows are the same before and after a round. Without synthetic rows
        both are 0. The order of rows within a round plays no part.
        """
        import numpy as np

        covers = np.zeros((sum(map(len, rounds)), self.rows), dtype=bool)
        found, end = [], 0
        for texts in rounds:
            covers[end : end + len(texts)] = self._covers(sorted(texts))
            end += len(texts)
            found.append(self._coverage(covers[:end]))
        return found

    def _coverage(self, covers: npt.NDArray[np.bool_]) -> Coverage:
        import numpy as np

        n = len(covers)
        if n == 0:
            return Coverage(0.0, 0.0)
        draws = np.random.default_rng(SEED)
        # Whole numbers, so that no order of summing moves a digit.
        again = [int(covers[np.unique(draws.integers(0, n, n))].any(axis=0).sum()) for _ in range(BOOTSTRAPS)]
        value = int(covers.any(axis=0).sum()) / self.rows
        return Coverage(round(value, _DECIMALS), round(stdev(again) / self.rows, _DECIMALS))

    def _covers(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which synthetic row (first axis) lies within the radius of which real row.

        A row that shares nothing with a real one covers it at no radius; a copy covers it even where neither has a
        direction, as rows without a word do not.
        """
        import numpy as np

        covers = np.zeros((len(texts), self.rows), dtype=bool)
        for start in range(0, len(texts), _ROWS_AT_ONCE):
            near = self._space.directions(texts[start : start + _ROWS_AT_ONCE]) @ self._real.T
            covers[start : start + _ROWS_AT_ONCE] = near >= max(1 - self.radius - TOLERANCE, TOLERANCE)
        for row, text in enumerate(texts):
            covers[row, self._places.get(normalize(text), [])] = True
        return covers

    def _nearest_others(self) -> npt.NDArray[np.float64]:
        import numpy as np

        near = self._real @ self._real.T
        np.fill_diagonal(near, -1)
        nearest: npt.NDArray[np.float64] = np.clip(1 - near.max(axis=1), 0, None)
        return nearest


def measurable(real: Iterable[str]) -> bool:
    """Whether coverage of these rows is a figure: at least LEAST_REAL of them hold a word."""
    return sum(bool(tokens(text)) for text in real) >= LEAST_REAL
