"""What every leak detector promises.

Belongs here: the protocol, and the form of an answer. Does not belong here: any one detector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from careful_assets.text.leaks.prepared import Prepared

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

SHORTEST_JUDGED = 8
"""Words: a shorter row is held against sealed rows by `exact` and `near_duplicate` alone, and counted apart."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in a batch: at most one finding a row that was asked about, the sealed row it is most like.

    Attributes (int64[n], one entry a finding, ascending by `asked`):
        asked: the row's place in the batch.
        sealed: the sealed row's place; of equally like ones the first.
        score: thousandths, rounded down.
        shared, of: the integers that decide: shared * 1000 >= threshold * of.
        start, stop: where in the row's normal form the match lies, in characters; -1 where it is no one place.
    """

    asked: Ints
    sealed: Ints
    score: Ints
    shared: Ints
    of: Ints
    start: Ints
    stop: Ints

    def where(self, kept: npt.NDArray[np.bool_]) -> Found:
        """Some of the findings."""
        parts = (self.asked, self.sealed, self.score, self.shared, self.of, self.start, self.stop)
        return Found(*(part[kept] for part in parts))


class Index(Protocol):
    """Sealed rows as one detector looks them up. Its size hangs on them alone."""

    def find(self, rows: Prepared) -> Found:
        """The rows that reach the detector's threshold. What it answers of a row hangs on no other row.

        Raises:
            Exception: whatever it is, the detector did not run, and nothing is clean.
        """
        ...


class Detector(Protocol):
    """One way of telling that a row is a sealed one, or its kin."""

    @property
    def name(self) -> str:
        """As cards, profiles and tables have it."""
        ...

    @property
    def version(self) -> int:
        """Raised with every change that can change a finding."""
        ...

    @property
    def threshold(self) -> int:
        """From which score on a row is a leak, in thousandths."""
        ...

    @property
    def asks_last(self) -> bool:
        """Whether it is asked only about rows in which no other detector found anything: it is dear."""
        ...

    @property
    def sends_to(self) -> str | None:
        """The provider that is shown texts, rows and sealed ones alike; None for one that works on this machine."""
        ...

    def index(self, sealed: Prepared) -> Index:
        """The index of these rows."""
        ...
