"""The release asset."""

from __future__ import annotations

from careful_assets.provenance.assets import StageDoor
from careful_assets.release.stage import make_release

DOOR = StageDoor(
    "release",
    "An immutable, versioned folder: rows, provenance, rejects, manifest and data card. Unchanged content "
    "makes no new version.",
    make_release,
    kinds=frozenset({"duckdb", "parquet"}),
    grants=("canary_registry",),
)
