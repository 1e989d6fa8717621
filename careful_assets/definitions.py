"""The code location `careful_assets`."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from careful_assets.build import build_defs
from careful_assets.card.discovery import find_project_root


@dg.definitions
def defs() -> dg.Definitions:
    """Every dataset of the package and of the project around the working folder."""
    return build_defs(find_project_root(Path.cwd()))
