"""The gates, one a file, by the names that profiles use. A new gate is one file here and one line below.

Gates import heavy libraries inside `judge`: reading this registry loads none of them.
"""

from __future__ import annotations

from careful_assets.filtering.gate import Gate
from careful_assets.filtering.gates.exact_duplicate import ExactDuplicate
from careful_assets.filtering.gates.excluded import NAME as EXCLUDED
from careful_assets.filtering.gates.format import Format
from careful_assets.filtering.gates.invented_names import InventedNames
from careful_assets.filtering.gates.language import Language
from careful_assets.filtering.gates.maximum_length import MaximumLength
from careful_assets.filtering.gates.minimum_length import MinimumLength
from careful_assets.filtering.gates.near_duplicate import NearDuplicate
from careful_assets.filtering.gates.novelty import Novelty
from careful_assets.filtering.gates.personal_data import PersonalData
from careful_assets.filtering.gates.profanity import Profanity
from careful_assets.filtering.gates.refusal import Refusal
from careful_assets.filtering.gates.repetition import Repetition
from careful_assets.filtering.gates.seed_echo import SeedEcho
from careful_assets.filtering.gates.semantic_duplicate import SemanticDuplicate
from careful_assets.filtering.gates.symbols import Symbols
from careful_assets.filtering.gates.truncation import Truncation
from careful_assets.filtering.gates.unicode_limits import UnicodeLimits

_ALL: tuple[Gate, ...] = (
    Format(),
    UnicodeLimits(),
    MinimumLength(),
    MaximumLength(),
    Truncation(),
    ExactDuplicate(),
    Refusal(),
    Repetition(),
    Symbols(),
    Language(),
    NearDuplicate(),
    Profanity(),
    SeedEcho(),
    Novelty(),
    PersonalData(),
    InventedNames(),
    SemanticDuplicate(),
)

GATES: dict[str, Gate] = {gate.name: gate for gate in _ALL}
RESERVED = (EXCLUDED,)
"""Names of gates that no profile names: these come in by what people decide."""
