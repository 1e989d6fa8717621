"""The gates, one a file, by the names that profiles use. A new gate is one file here and one line below.

Gates import heavy libraries inside `judge`: reading this registry loads none of them.
"""

from __future__ import annotations

from careful_assets.filtering.gate import Gate
from careful_assets.filtering.gates.exact_duplicate import ExactDuplicate
from careful_assets.filtering.gates.format import Format
from careful_assets.filtering.gates.maximum_length import MaximumLength
from careful_assets.filtering.gates.minimum_length import MinimumLength
from careful_assets.filtering.gates.near_duplicate import NearDuplicate
from careful_assets.filtering.gates.truncation import Truncation

_ALL: tuple[Gate, ...] = (
    Format(),
    MinimumLength(),
    MaximumLength(),
    Truncation(),
    ExactDuplicate(),
    NearDuplicate(),
)

GATES: dict[str, Gate] = {gate.name: gate for gate in _ALL}
