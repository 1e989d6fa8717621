"""The table of the vault's grants by asset, as the design has it.

Monitoring may hold the scorer; as long as it scores nothing, it does not.
"""

from __future__ import annotations

GRANTS = {
    "anchors": {"vault_sealer"},
    "evaluation": {"vault_probe", "canary_registry"},
    "training": {"vault_scorer"},
    "release": {"canary_registry"},
}
