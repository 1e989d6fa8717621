"""Remembers a benchmark of the leak detectors in the home's cache: it takes long, and hangs on few things alone.

Belongs here: when a benchmark may be taken from there. A file that is not as it was written is measured anew, and a
benchmark in which a detector failed is not kept. What detects, plants and counts stands in the key as the bytes of its
source: a benchmark does not outlive the code that it measured, whether somebody thought of a version or not.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

import careful_assets
from careful_assets.card.profiles import LeakSettings
from careful_assets.evaluation import benchmark, planting
from careful_assets.evaluation.benchmark import MakeBeside, Quality, detector_quality
from careful_assets.evaluation.cut_offs import CURVES, CutOff
from careful_assets.provenance.digests import canonical, sha256, table_digest
from careful_assets.warehouse.home import Home, explained, write_whole

_OWN = ("benchmark", "cut_offs", "detecting", "planting")
_PACKAGE = Path(careful_assets.__file__).parent
SOURCES = (_PACKAGE / "text", _PACKAGE / "llm", *(_PACKAGE / "evaluation" / f"{name}.py" for name in _OWN))
"""Files and folders with the code that a benchmark measures, and measures with."""
_ANCHORS = ["row_id", "text", "label", "group_id", "split"]


def remembered_quality(
    home: Home,
    anchors: pl.DataFrame,
    other: pl.Series | None,
    beside: MakeBeside,
    settings: LeakSettings,
    embedder: Mapping[str, Any],
) -> Quality:
    """`detector_quality` of these detectors on these anchors, measured at most once.

    Args:
        home: where it is kept.
        anchors, other, beside, settings: as `detector_quality` has them.
        embedder: what the card says of it.

    Raises:
        HomeUnusable: the cache cannot be written.
        StageFailed: as `detector_quality`.
    """
    code = [_source_digest(), [asdict(pair) for pair in planting.paraphrase_pairs()]]
    texts = None if other is None else sorted(map(sha256, other.to_list()))
    rows = table_digest(anchors.select(_ANCHORS))
    key = sha256(canonical([code, rows, texts, settings.model_dump(mode="json"), embedder]))
    path = home.cache / "leak_benchmarks" / f"{key}.json"
    known = _read(path)
    if known is not None:
        return known
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            measured = detector_quality(anchors, other, beside, settings, embedder["kind"], Path(folder))
    if not measured.failed:
        write_whole(path, _written(measured))
    return measured


def _source_digest() -> str:
    files = [file for source in SOURCES for file in ([source] if source.is_file() else sorted(source.rglob("*.py")))]
    return sha256(canonical([sha256(file.read_text(encoding="utf-8")) for file in files]))


def _written(measured: Quality) -> str:
    content = {
        "quality": measured.quality.rows(),
        "curves": measured.curves.rows(),
        "cut_offs": [[one.detector, one.thousandths, one.words] for one in measured.cut_offs],
    }
    return canonical({"digest": sha256(canonical(content)), **content})


def _read(path: Path) -> Quality | None:
    """The benchmark; None if there is none, or it is not as it was written."""
    try:
        content = json.loads(path.read_bytes())
        if content.pop("digest") != sha256(canonical(content)):
            return None
        quality = pl.DataFrame(content["quality"], schema=benchmark.QUALITY, orient="row")
        curves = pl.DataFrame(content["curves"], schema=CURVES, orient="row")
        return Quality(quality, curves, tuple(CutOff(*one) for one in content["cut_offs"]), {})
    except (
        OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, pl.exceptions.PolarsError,
    ):  # fmt: skip
        return None
