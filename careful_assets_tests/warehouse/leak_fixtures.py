"""Leak scans for the vault's tests: detectors whose answer anybody can work out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from careful_assets.text.leaks.scan import LeakScan


def asked(texts: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"row_id": list(texts), "text": list(texts.values())}, schema=dict.fromkeys(("row_id", "text"), pl.String)
    )


@dataclass(frozen=True)
class Same:
    """Finds rows that equal a sealed text, letter for letter; shows what it is given to `records`."""

    name: str = "same"
    sends_to: str | None = None
    records: Callable[[list[str]], Any] | None = None
    fails: Exception | None = None
    version: int = 1
    threshold: int = 1000
    asks_last: bool = False

    def index(self, sealed: Any) -> Any:
        if self.fails is not None:
            raise self.fails
        texts = sealed.texts.to_list()
        if self.records is not None:
            self.records(texts)
        return _Index({text: place for place, text in reversed(list(enumerate(texts)))})


@dataclass(frozen=True)
class _Index:
    places: dict[str, int]

    def find(self, rows: Any) -> Any:
        from careful_assets.text.leaks.protocol import Found

        hits = [(place, self.places[text]) for place, text in enumerate(rows.texts.to_list()) if text in self.places]
        own, sealed = (np.array([hit[side] for hit in hits], dtype=np.int64) for side in (0, 1))
        whole, first = np.full(len(hits), 1000, dtype=np.int64), np.zeros(len(hits), dtype=np.int64)
        return Found(own, sealed, whole, whole, whole, first, first + 1)


# As if it lay where the scan lets nobody else lie.
Same.__module__ = "careful_assets.text.leaks.same"


def scan(*detectors: Any) -> LeakScan:
    return LeakScan(detectors or (Same(),), timeout_s=60)
