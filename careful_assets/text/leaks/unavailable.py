"""The place of a detector that could not be loaded: asked, it fails, so that its rows are never taken for clean."""

from __future__ import annotations

from dataclasses import dataclass

from careful_assets.errors import StageFailed
from careful_assets.text.leaks.prepared import Prepared
from careful_assets.text.leaks.protocol import Index


@dataclass(frozen=True)
class UnavailableDetector:
    """Goes by the name and the version of the one that it stands for; `cause`: why that one cannot work."""

    name: str
    version: int
    threshold: int
    cause: str
    asks_last: bool = True
    sends_to: str | None = None

    def index(self, sealed: Prepared) -> Index:
        """Raises:
        StageFailed: always, with the cause.
        """
        raise StageFailed(self.cause)
