"""Patterns: how an artifact type makes its prompts, one a file, and the registry of them.

A further pattern is a file here, its line in `PATTERNS`, its variables in `card.prompts.VARIABLES`, its cells' profiles
(`card/profiles`) and its two templates (`templates/<artifact_type>/completion.jinja` for base models, `chat.jinja`).
Does not belong here: planning a round (`plan`), and rendering (`prompts`).
"""

from __future__ import annotations

from careful_assets.generation.patterns.paraphrase import Paraphrase
from careful_assets.generation.patterns.pattern import Pattern
from careful_assets.generation.patterns.rare_class import RareClass

PATTERNS: dict[str, Pattern] = {pattern.artifact_type: pattern for pattern in (Paraphrase(), RareClass())}
