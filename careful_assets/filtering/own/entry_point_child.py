"""A Python gate in its child: imported, described, and asked for its decisions.

Belongs here: what happens in the child. Does not belong here: holding what it says to the contract (`entry_point`).
"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from io import BytesIO
from typing import Any

import polars as pl

from careful_assets.filtering.gate import Beside

FIELDS = ("passed", "reason", "score", "matched_row_id", "evidence")


def answer_of(asked: dict[str, Any], *frames: bytes) -> tuple[bytes]:
    """JSON: what the gate says of itself and, if there are frames, of every row; or the type of what it raised.

    Args:
        asked: `entry_point` and `threshold`.
        frames: none, or candidates and anchors as Arrow streams.
    """
    try:
        gate = _loaded(asked["entry_point"])
        said: dict[str, Any] = {"gate": _description(gate)}
        if frames:
            rows, anchors = (pl.read_ipc_stream(BytesIO(frame)) for frame in frames)
            decisions = gate.judge(rows, Beside(anchors), asked["threshold"])
            said["decisions"] = [[getattr(one, field) for field in FIELDS] for one in decisions]
        return (json.dumps(said).encode(),)
    except BaseException as error:  # noqa: BLE001  whatever a user's code raises is told, by its type alone
        return (json.dumps({"raised": type(error).__name__}).encode(),)


def _loaded(entry_point: str) -> Any:
    module, _, attribute = entry_point.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    return found() if isinstance(found, type) else found


def _description(gate: Any) -> dict[str, Any]:
    limits = gate.threshold_range
    return {
        "version": gate.version,
        "reasons": gate.reasons,
        "abstentions": gate.abstentions,
        "threshold_range": None if limits is None else asdict(limits),
    }
