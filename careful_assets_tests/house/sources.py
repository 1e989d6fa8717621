"""The package's own source files, read as trees: what they import and how long they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import careful_assets

PACKAGE = Path(careful_assets.__file__).parent
CHECKOUT = PACKAGE.parent


@dataclass(frozen=True)
class Module:
    """One module: its dotted name within the package (`release.folder`; empty for the package itself) and its text."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def modules() -> Iterator[Module]:
    """Every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, path.read_text(encoding="utf-8"))


def imported(module: Module) -> set[str]:
    """Dotted names of all that the module imports, wherever in it; what comes from a package counts as its module."""
    found: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}: relative imports hide where a name comes from"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found
