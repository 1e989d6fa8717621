"""Remembers a benchmark of the gates in the home's cache: it takes seconds, and hangs on anchors and gates alone.

Belongs here: when a benchmark may be taken from there. What cannot be read as a
benchmark of these very gates is measured anew. What a gate does
stands there as its version and threshold, what is planted as `planting.VERSION`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from careful_assets.filtering.benchmark import CASCADE, CASCADE_ALONE, QUALITY, REAL, gate_quality
from careful_assets.filtering.gate import Beside
from careful_assets.filtering.planting import VERSION
from careful_assets.filtering.settings import SetGate
from careful_assets.provenance.digests import canonical, sha256, table_digest
from careful_assets.warehouse.home import Home, write_whole

_KEY = ["gate", "side", "kind"]
_COUNTED = [*_KEY, "gate_version", "n", "refused"]


def remembered_quality(home: Home, beside: Beside, gates: Sequence[SetGate], embedder: object) -> pl.DataFrame:
    """`gate_quality` of these gates beside these anchors, measured at most once; `embedder`: what the card says of it.

    Raises:
        HomeUnusable: the cache cannot be written.
    """
    settings = [[one.gate.name, one.gate.version, one.threshold] for one in gates]
    key = sha256(canonical([VERSION, table_digest(beside.anchors), settings, embedder]))
    path = home.cache / "gate_benchmarks" / f"{key}.json"
    known = _read(path)
    if known is not None and _is_of(known, gates):
        return known
    quality = gate_quality(beside, gates)
    write_whole(path, quality.write_json())
    return quality


def _read(path: Path) -> pl.DataFrame | None:
    """The file as a table; None if it is none of these columns and types."""
    try:
        rows = json.loads(path.read_bytes())
        if not all(row.keys() == set(QUALITY) for row in rows):
            return None
        return pl.DataFrame(rows, schema=QUALITY, orient="row", strict=True)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, OverflowError, pl.exceptions.PolarsError):
        return None


def _is_of(known: pl.DataFrame, gates: Sequence[SetGate]) -> bool:
    """Whether these gates, and no others, were measured on real rows, as the cascade was, and all counts are there."""
    measured = known.filter(side=REAL).select("gate", "gate_version", "threshold").rows()
    expected = [(one.gate.name, one.gate.version, one.threshold) for one in gates]
    expected += [(name, 0, None) for name in (CASCADE, CASCADE_ALONE)]
    counts = known.select(_COUNTED)
    if sorted(measured, key=str) != sorted(expected, key=str) or sum(counts.null_count().row(0)):
        return False
    return bool((known["refused"].is_between(0, known["n"])).all()) and not known.select(_KEY).is_duplicated().any()
