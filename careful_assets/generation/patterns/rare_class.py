"""The pattern `rare_class`: each request shows exemplars of the class, drawn anew, and asks for more of the kind."""

from __future__ import annotations

from collections.abc import Sequence

from careful_assets.generation.patterns.drawing import balanced, draws_of
from careful_assets.generation.patterns.pattern import Groups, Row, Turn


class RareClass:
    """New rows of a class that is thin: `exemplars` are real ones, each of another group while groups last."""

    artifact_type = "rare_class"

    def choose(self, groups: Groups, turn: Turn) -> list[Row]:
        """Rows drawn for this request alone."""
        return balanced(groups, turn.shown, draws_of(f"{turn.seed}:{turn.index}"))

    def seen(self, texts: Sequence[str]) -> dict[str, str | list[str]]:
        """`exemplars`: all of them."""
        return {"exemplars": list(texts)}
