"""Remembers a benchmark of the gates in the home's cache: it takes seconds, and hangs on anchors and gates alone.

Belongs here: when a benchmark may be taken from there. A file that cannot be read is measured anew. What a gate does
stands there as its version and threshold, what is planted as `planting.VERSION`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from careful_assets.filtering.benchmark import QUALITY, gate_quality
from careful_assets.filtering.gate import Beside
from careful_assets.filtering.planting import VERSION
from careful_assets.filtering.settings import SetGate
from careful_assets.provenance.digests import canonical, sha256, table_digest
from careful_assets.warehouse.home import Home, explained


def remembered_quality(home: Home, beside: Beside, gates: Sequence[SetGate], embedder: object) -> pl.DataFrame:
    """`gate_quality` of these gates beside these anchors, measured at most once; `embedder`: what the card says of it.

    Raises:
        HomeUnusable: the cache cannot be written.
    """
    settings = [[one.gate.name, one.gate.version, one.threshold] for one in gates]
    key = sha256(canonical([VERSION, table_digest(beside.anchors), settings, embedder]))
    path = home.cache / "gate_benchmarks" / f"{key}.json"
    known = _read(path)
    if known is not None:
        return known
    quality = gate_quality(beside, gates)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(quality.write_json(), encoding="utf-8")
        partial.replace(path)
    return quality


def _read(path: Path) -> pl.DataFrame | None:
    try:
        written = path.read_bytes()
        known = pl.read_json(io.BytesIO(written), schema=QUALITY)
    except (OSError, pl.exceptions.PolarsError):
        return None
    return None if known.is_empty() else known
