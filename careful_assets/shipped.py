"""Where the files that travel with the package lie: in a wheel inside the package, in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(in_wheel: str, in_checkout: str) -> Path:
    """The path of a shipped file or folder.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for path in (_PACKAGE / in_wheel, _PACKAGE.parent / in_checkout):
        if path.exists():
            return path
    raise FileNotFoundError(f"careful-assets is installed without {in_wheel}: install it again")
