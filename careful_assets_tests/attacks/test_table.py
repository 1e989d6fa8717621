"""Who may open the vault: the table of grants, held over what every module imports and what every asset is given.

What Dagster resolves for each asset is held in `house/test_graph.py`; here, that no module goes around it.
"""

from __future__ import annotations

import ast
import re

import pytest

from careful_assets.provenance.stages import STAGES
from careful_assets_tests.house.grants import GRANTS
from careful_assets_tests.house.sources import Module, imported, modules

WAREHOUSE = "careful_assets.warehouse."
# By module of the vault what it grants.
GRANT_OF = {
    "vault": "vault_sealer", "vault_probe": "vault_probe", "vault_scorer": "vault_scorer",
    "canary_registry": "canary_registry",
}  # fmt: skip
# What asks the vault without an asset of its own, by the start of its name: which grants, and may it name the file?
BESIDE_THE_ROOMS = {
    "build": frozenset(GRANT_OF.values()),
    "operations.inherit": frozenset({"vault_probe", "canary_registry"}),
    "operations.erasing": frozenset({"vault_sealer"}),
    "operations.erase_set": frozenset({"vault_sealer"}),
    "operations.canaries": frozenset({"canary_registry"}),
}
# Not grants: forms of answers, how near is near, and a vault of rows that lie open anyway.
HARMLESS = {
    "vault_near.Near", "vault_erasing.SealedRow", "vault_erasing.Unsealed", "vault_rehearsal.rehearse",
    "vault_leaks.Leaks", "vault_probe.Leaks", "vault.Sealed", "canary_registry.RegisteredCanary",
    "canary_registry.HELD", "resources.HomeResource", "vault_sets.OWN", "vault_sets.SealedSets",
}  # fmt: skip
REHEARSES = "evaluation"
_TABLES = re.compile(
    r"\bsealed\.(keys|rows|sources|changes|tags|fingerprints|joins|registry|sets?_?\w*|ratings|canaries)\b"
)
_FOLDER = re.compile(r"(\S*/)?vault/\S*$")
_OPENERS = {"vault", "vault_path"}


def allowed(module: str) -> frozenset[str]:
    """The grants that a module may hold, by the room or the operation that it is of."""
    room = module.split(".", maxsplit=1)[0]
    if room in STAGES:
        return frozenset(GRANTS.get(room, set()))
    return next((held for start, held in BESIDE_THE_ROOMS.items() if module.startswith(start)), frozenset())


def breaches(module: Module) -> list[str]:
    """How the module goes around the table."""
    if module.name.startswith("warehouse"):
        return []
    found = []
    for name in sorted(imported(module)):
        inside = name.removeprefix(WAREHOUSE)
        vaults = inside.split(".")[0].startswith(("vault", "canary_registry", "resources"))
        if inside == name or not vaults or inside in HARMLESS:
            continue
        grant = GRANT_OF.get(inside.split(".")[0])
        if inside.startswith("resources.") and module.name == "build":
            continue
        if grant is None or grant not in allowed(module.name):
            found.append(f"{module.name} imports {inside}")
    if any(name.endswith("vault_rehearsal.rehearse") for name in imported(module)):
        found += [f"{module.name} rehearses"] if module.name.split(".")[0] != REHEARSES else []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _OPENERS:
            found += [] if allowed(module.name) else [f"{module.name}:{node.lineno} asks for the vault's path"]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _TABLES.search(node.value):
                found.append(f"{module.name}:{node.lineno} names a table of the vault's")
            if _FOLDER.match(node.value):
                found.append(f"{module.name}:{node.lineno} names the vault's folder or a model of it")
    return found


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.name or "package")
def test_only_the_table_opens_the_vault(module: Module) -> None:
    """No module but those of the table imports a grant, and none at all the vault's insides."""
    assert breaches(module) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("release.rows", "from careful_assets.warehouse.vault_probe import VaultProbe"),
        ("anchors.stage", "from careful_assets.warehouse.vault_scorer import VaultScorer"),
        ("evaluation.stage", "from careful_assets.warehouse.vault import VaultSealer"),
        ("evaluation.stage", "from careful_assets.warehouse.vault_store import opened"),
        ("evaluation.stage", "from careful_assets.warehouse import vault_store"),
        ("evaluation.stage", "def f():\n    import careful_assets.warehouse.vault_leaks"),
        ("training.stage", "from careful_assets.warehouse.vault_rehearsal import rehearse"),
        ("generation.stage", "from careful_assets.warehouse.resources import VaultProbeResource"),
        ("filtering.stage", "def f(home):\n    return home.vault('d')"),
        ("operations.find", "def f(home):\n    return home.vault('d')"),
        ("operations.find", "from careful_assets.warehouse.canary_registry import CanaryRegistry"),
        ("monitoring.stage", "QUERY = 'select text from sealed.rows'"),
        ("labeling.stage", "PLACE = 'vault/product_complaints.duckdb'"),
        ("text.leaks.exact", "from careful_assets.warehouse.vault_leaks import sealed_texts"),
    ],
)
def test_a_way_around_the_table_is_seen(name: str, text: str) -> None:
    """The rule finds each kind of breach, also inside of functions."""
    assert breaches(Module(name, text))


def test_the_table_is_that_of_the_design() -> None:
    """Five of the ten assets, or four as long as monitoring scores nothing, hold a grant; the sealer is one room's."""
    assert {room: grants for room, grants in GRANTS.items() if room != "monitoring"} == {
        "anchors": {"vault_sealer"},
        "evaluation": {"vault_probe", "canary_registry"},
        "training": {"vault_scorer"},
        "release": {"canary_registry"},
    }
    assert GRANTS.get("monitoring", set()) <= {"vault_scorer"}
