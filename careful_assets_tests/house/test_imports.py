"""The house's rule of dependencies, held over what every module imports."""

from __future__ import annotations

import ast

import pytest

from careful_assets.provenance.stages import STAGES
from careful_assets_tests.house.sources import Module, imported, modules

MOST_LINES = 280
ROOMS = frozenset(STAGES)
BASE = frozenset({"", "errors", "shipped"})
FOUNDATIONS = frozenset({"warehouse", "provenance"})
PURE = frozenset({"text", "measures"})
WORKSHOP = PURE | {"expectations", "llm"}

# By folder of the package what it may import beside itself. What is not named here stands above the rooms.
MAY_IMPORT = {
    "errors": frozenset({""}),
    "shipped": frozenset({""}),
    "card": frozenset({"", "errors"}),
    "text": frozenset({"", "errors", "measures"}),
    "measures": frozenset({"", "errors", "text"}),
    "expectations": frozenset({"", "errors"}),
    "warehouse": BASE | {"card", "provenance"},
    "provenance": BASE | {"card", "warehouse"},
    "llm": BASE | {"card"} | PURE | FOUNDATIONS,
    **{room: BASE | {"card"} | WORKSHOP | FOUNDATIONS for room in ROOMS},
}
ABOVE = frozenset({"build", "catalogue", "cli", "commands", "component", "definitions", "defs", "operations", "review"})

DAGSTERS_DOORS = frozenset(
    {
        "build", "component", "definitions", "operations.jobs", "provenance.assets", "provenance.checks",
        "provenance.metadata", "warehouse.resources",
    }
)  # fmt: skip


def broken_rules(module: Module) -> list[str]:
    """What the module imports although its place in the house forbids it."""
    folder = module.name.split(".")[0]
    found = []
    for name in sorted(imported(module)):
        top, *rest = name.split(".")
        if top == "careful_assets":
            other = rest[0] if rest else ""
            allowed = MAY_IMPORT.get(folder)
            if allowed is not None and other not in allowed | {folder}:
                found.append(f"{module.name} imports {name}")
        elif top in ("dagster", "dagster_shared") and module.name not in DAGSTERS_DOORS:
            found.append(f"{module.name} imports {name}")
    return found


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.name or "package")
def test_dependencies_point_one_way(module: Module) -> None:
    """Above → rooms → workshop → foundations and card; no room imports another; Dagster only behind its doors."""
    assert broken_rules(module) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("release.rows", "from careful_assets.training.mix import capped_mix"),
        ("release.rows", "def f():\n    import careful_assets.training.mix"),
        ("warehouse.tables", "from careful_assets.text.normalize import tokens"),
        ("provenance.trace", "from careful_assets.filtering.gate import Gate"),
        ("text.ngrams", "from careful_assets.warehouse.tables import read"),
        ("measures.drift", "from careful_assets.card.models import Card"),
        ("llm.client", "from careful_assets.generation.plan import plan_round"),
        ("card.rules", "from careful_assets.provenance.digests import sha256"),
        ("card.rules", "from careful_assets import provenance"),
        ("labeling.votes", "from careful_assets.catalogue import CHECKS"),
        ("training.stage", "import dagster as dg"),
        ("training.checks", "from dagster import asset_check"),
    ],
)
def test_a_forbidden_import_is_seen(name: str, text: str) -> None:
    """The rule finds each kind of breach, also inside of functions."""
    assert broken_rules(Module(name, text))


def test_every_folder_has_its_place() -> None:
    """A new folder or module at the top is either below the rooms, with its rule, or above them, by name."""
    tops = {module.name.split(".")[0] for module in modules()} - {""}
    assert tops <= MAY_IMPORT.keys() | ABOVE


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.name or "package")
def test_modules_are_short_and_say_what_they_are(module: Module) -> None:
    """No module is longer than a reader's patience, and each that holds anything says what belongs in it."""
    assert len(module.text.splitlines()) <= MOST_LINES
    if module.text.strip() and not module.name.split(".")[-1].startswith("_"):
        assert ast.get_docstring(module.tree), f"{module.name} has no docstring"


def test_doors_to_dagster_exist() -> None:
    """The list of doors names only modules that are there and do use Dagster."""
    using = {module.name for module in modules() if any(name.startswith("dagster") for name in imported(module))}
    assert using == DAGSTERS_DOORS
