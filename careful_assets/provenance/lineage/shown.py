"""The lineage graph where people look for it: on the page of the asset that was made just now, and as a file.

Belongs here: drawing after the work is done, so that whatever goes wrong with it is told and harms nothing.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from careful_assets.errors import CarefulError
from careful_assets.provenance.lineage.graph import graph_of
from careful_assets.provenance.lineage.page import write_page
from careful_assets.provenance.lineage.picture import picture
from careful_assets.provenance.stage import StageContext
from careful_assets.warehouse.connections import connect


def lineage_shown(context: StageContext, stage: str, warn: Callable[[str], None]) -> dict[str, Any]:
    """Write the dataset's page anew; return what the stage's own page shows of the graph: its picture and the file.

    Never raises: what could not be drawn or written is told to `warn`, without foreign words, and left out.
    """
    shown: dict[str, Any] = {}
    try:
        with connect(context.home.warehouse(context.card.name), read_only=True) as con:
            graph = graph_of(con, context.loaded, context.home)
        shown["lineage"] = picture(graph, stage)
        shown["lineage graph"] = str(write_page(graph, context.home))
    except CarefulError as error:
        warn(f"the lineage graph was not written: {error}; the data is not touched by this")
    except Exception as error:  # noqa: BLE001  whatever it was, the data is made and stands; its message is not ours
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        what = f"{type(error).__name__} at {place}"
        warn(f"the lineage graph could not be drawn, please report it: {what}; the data is not touched by this")
    return shown
